"""What `./dev verify` says of people who are one, of their logins and of what was taken over for them."""

from functools import partial

from shared.ids import new_id
from shared.principal import Role
from tests.devtools.damage import damaged, without
from tests.devtools.test_verify_attacks import (
    OF_PERSONS,
    Damage,
    Lived,
    faults,
    known_as,
    lived,
    rows,
    take_over,
)
from tests.gateway.real import PASSWORD, Browser, Town, town
from tests.support import Settings

__all__ = ["lived", "town"]

ONE_OPENING, AMOUNTS, KEPT, LOGINS, MERGES = OF_PERSONS
AUDITED = "every privileged act is in the audit log"

_OUTCOME = "UPDATE idempotency SET outcome = jsonb_set(outcome, '{{{}}}', '1000000') WHERE key LIKE 'opening:%'"
_PAST = "UPDATE attendance SET {} WHERE id IN (SELECT id FROM past_record WHERE state = 'taken')"

ATTACKS: dict[str, list[Damage]] = {
    ONE_OPENING: [
        rows("members", "import_row",
             "INSERT INTO import_row (import_id, number, id, state, member_id)"
             " SELECT import_id, 99, gen_random_uuid(), 'added', member_id FROM import_row"
             " JOIN import_file ON import_file.id = import_id WHERE kind = 'opening' AND import_row.state = 'added'"),
    ],
    AMOUNTS: [
        rows("points", "idempotency", _OUTCOME.format("points")),
        rows("points", "idempotency", _OUTCOME.format("minutes")),
        rows("checkin", "attendance", _PAST.format("left_at = left_at + interval '3 hours'")),
        rows("checkin", "attendance", _PAST.format("arrived_at = arrived_at - interval '1 hour'")),
    ],
    KEPT: [
        rows("rewards", "member_card", "UPDATE member_card SET status = 'left' WHERE name_masked = '陈*'"),
        rows("rewards", "member_card", "UPDATE member_card SET status = 'erased' WHERE name_masked = '陈*'"),
        rows("rewards", "redemption",
             "UPDATE redemption SET member_id = (SELECT member_id FROM member_card WHERE status = 'left' LIMIT 1)"
             " WHERE state = 'confirmed'"),
    ],
    LOGINS: [
        # The login of staff, for somebody who never heard of it.
        rows("members", "login_member",
             "INSERT INTO login_member SELECT login_id, other.id, 'other' FROM login_member"
             " JOIN member ON member.id = member_id, member other"
             " WHERE member.name = '周站长' AND other.name = '王秀英'"),
        rows("members", "login_member",
             "UPDATE login_member SET member_id = other.id, relation = 'other' FROM member, member other"
             " WHERE member.id = member_id AND member.name = '周站长' AND other.name = '王秀英'"),
        # Two people in one another's place.
        rows("members", "login_member",
             "UPDATE login_member SET member_id = swapped.id FROM (SELECT one.id AS member_id, other.id"
             " FROM member one, member other"
             " WHERE (one.name, other.name) IN (('陈芳', '杨静'), ('杨静', '陈芳'))) swapped"
             " WHERE swapped.member_id = login_member.member_id",
             guards=("DROP INDEX uq_login_member_self_of_member",
                     "CREATE UNIQUE INDEX uq_login_member_self_of_member ON login_member (member_id)"
                     " WHERE relation = 'self'")),
    ],
    MERGES: [
        rows("members", "merge", "UPDATE merge SET into_id = (SELECT id FROM member WHERE name = '陈芳')"
             " WHERE undone_at IS NULL"),
        rows("members", "merge", "UPDATE merge SET undone_at = now(), undone_by = by WHERE undone_at IS NULL"),
        rows("members", "member", "UPDATE member SET merged_into = (SELECT id FROM member WHERE name = '陈芳')"
             " WHERE status = 'merged'"),
        rows("members", "member", "UPDATE member SET status = 'active', merged_into = NULL WHERE status = 'merged'"),
    ],
}  # fmt: skip


def test_every_check_of_persons_has_an_attack_that_it_finds(lived: Lived, settings: Settings) -> None:
    assert sorted(ATTACKS) == sorted(OF_PERSONS)
    missed = []
    for name, damages in ATTACKS.items():
        find = partial(faults, lived.town, name)
        assert find() == []
        for number, damage in enumerate(damages):
            with damage(settings):
                if not find():
                    missed.append((name, number))
        assert find() == [], f"{name}: an attack was not taken back"
    assert missed == []


def merge(town: Town, stays: Browser, goes: Browser) -> None:
    content = {"id": str(new_id()), "merged_id": goes.member_id, "reason": "同一个人"}
    town.administrator.api("POST", f"/members/members/{stays.member_id}/merge", content)
    town.deliver()


def test_a_login_that_a_merge_gives_to_who_stays_was_not_claimed(town: Town, settings: Settings) -> None:
    people = [town.person("王秀英") for _ in range(3)]
    merge(town, people[1], people[0])
    merge(town, people[2], people[1])
    for check in (AUDITED, LOGINS, MERGES):
        assert faults(town, check) == []
    with damaged(settings, "members", "merge", "UPDATE merge SET kept = '{}'"):
        assert len(faults(town, AUDITED)) == 1, "who stays has logins of nobody knows where"
    town.administrator.api("POST", f"/members/members/{people[1].member_id}/unmerge", {"reason": "不是"})
    town.deliver()
    for check in (AUDITED, LOGINS, MERGES):
        assert faults(town, check) == []


def test_logins_are_explained_by_whatever_made_them(town: Town, settings: Settings) -> None:
    """By adding family, by a claim, and by a code of the station's."""
    daughter, organizer = town.person("李芳"), town.person("李组织", Role.ORGANIZER)
    consents = [{"kind": kind, "version": "1"} for kind in ("terms", "privacy")]
    family = {"id": str(new_id()), "name": "王秀英", "relation": "parent", "consents": consents}
    daughter.api("POST", "/members/me/members", family)
    phone, (claimed, coded) = "13900000077", (str(new_id()) for _ in range(2))
    for member_id, more in ((claimed, {}), (coded, {"phone": phone})):
        content = {"id": member_id, "name": "赵大爷", "station_id": town.station_id, **more}
        town.administrator.api("POST", "/members/members", content)
    made = organizer.api("POST", f"/members/members/{claimed}/claim-codes")
    daughter.api("POST", "/members/claims", {"code": made["url"].rpartition("/c/")[2], "relation": "grandparent"})
    code = town.administrator.api("POST", f"/members/members/{coded}/reset-codes")["code"]
    town.browser().api("POST", "/members/passwords", {"phone": phone, "code": code, "password": PASSWORD})
    assert faults(town, LOGINS) == []
    assert faults(town, AUDITED) == []
    with without(settings, "members", "login.claim"):
        assert faults(town, AUDITED) != []


def test_two_balances_are_one_too_many_when_it_was_known_to_be_one_person(town: Town, settings: Settings) -> None:
    staff, one, other = town.person("周站长", Role.STAFF), town.person("陈芳"), town.person("陈方")
    for who in (one, other):
        take_over(town, staff, "opening", f"姓名,志愿者编号,时长,积分\n{known_as(town, who)},10,5\n")
    merge(town, one, other)
    assert faults(town, ONE_OPENING) == [], "each was somebody's paper"
    assert faults(town, AMOUNTS) == []
    with damaged(settings, "members", "merge", "UPDATE merge SET at = at - interval '1 day'"):
        assert len(faults(town, ONE_OPENING)) == 1
