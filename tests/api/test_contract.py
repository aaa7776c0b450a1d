"""The public API is as its description says, for well-formed, malformed and unauthorized input:
no 5xx, documented statuses only, answers of the described shape, methods that are not there refused.

Invented ids find nothing, so in part of the requests ids and days are those of a real town.
"""

import base64
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok

from devtools.crowd import GIFT_POINTS, Crowd
from devtools.supervisor import System
from shared.ids import new_id
from shared.settings import SERVICES
from tests.town import Client, gather, redeem, rows, wait_for

EXAMPLES = {"volunteer": 4, "administrator": 8}
CHECKS: list[Any] = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]
CHECKS_OF_AN_OPERATION: list[Any] = [checks.unsupported_method, checks.ignored_auth]
"""These send requests of their own, which do not hang on what else is asked: once an operation is enough."""
LAST = ("DELETE /api/v1/members/tokens/{token_id}", "DELETE /api/v1/members/sessions/current")
"""They may end the very token that the requests come with."""

FIND_NOTHING = {
    "DELETE /api/v1/members/tokens/{token_id}": "nobody ends another's token, and the real one is the volunteer's",
    "GET /api/v1/members/members/{member_id}/erasure": "the volunteer has asked for nothing yet",
}
"""Operations that say 404 and nothing else to an administrator with real ids, and why."""


@pytest.fixture(scope="module")
def crowd(system: System) -> Crowd:
    return gather(system, members=2, stock=3, served="confirmed")


@pytest.fixture(scope="module")
def things(system: System, crowd: Crowd) -> dict[str, str]:
    """Real ids by the name that paths, queries and bodies have for them."""
    member, volunteer = crowd.members[0], Client(system, crowd.members[0]["token"])
    balance = {"member_ids": member["member_id"]}
    wait_for(lambda: volunteer.get("/points/balances", **balance).expect(200)[0]["points_available"] > 0, "points")
    redemption_id = redeem(volunteer, crowd, member).expect(201)["id"]
    attendances = volunteer.get("/checkin/attendances", member_id=member["member_id"]).expect(200)
    grants = Client(system, crowd.administrator["token"]).get("/members/grants").expect(200)
    roster = {"id": str(new_id()), "kind": "roster", "station_id": crowd.station_id, "file_name": "名册.csv"}
    roster["content"] = base64.b64encode("姓名\n赵一鸣\n".encode()).decode()
    return {
        "import_id": Client(system, crowd.staff["token"]).post("/members/imports", roster).expect(201)["id"],
        "activity_id": crowd.activity_id,
        "attendance_id": attendances[0]["id"],
        "attendance_ids": attendances[0]["id"],
        "site_id": crowd.site_id,
        "station_id": crowd.station_id,
        "node_id": crowd.station_id,
        "gift_id": crowd.gift_id,
        "redemption_id": redemption_id,
        **serve_at_the_desk(system, crowd),
        "member_id": member["member_id"],
        "member_ids": member["member_id"],
        "subject_id": member["member_id"],
        "with_member_id": crowd.members[1]["member_id"],
        "grant_id": grants[0]["id"],
        "erasure_id": ask_for_an_elder(system, crowd),
        "sign_up_id": sign_up(volunteer, crowd, member["member_id"]),
        "concern_id": report(volunteer, member["member_id"]),
        "batch_id": export(Client(system, crowd.staff["token"]), crowd.station_id, attendances[0]),
        "token_id": volunteer.get("/members/tokens").expect(200)[0]["id"],
        **{f"row_id of {service}": bury_a_letter(system, service) for service in SERVICES},
    }


def ask_for_an_elder(system: System, crowd: Crowd) -> str:
    """A request that somebody be forgotten whom nothing else is about."""
    staff, elder = Client(system, crowd.staff["token"]), {"id": str(new_id()), "name": "赵大爷"}
    staff.post("/members/members", elder | {"station_id": crowd.station_id}).expect(201)
    return str(staff.post(f"/members/members/{elder['id']}/erasures", {"id": str(new_id())}).expect(201)["id"])


def sign_up(volunteer: Client, crowd: Crowd, member_id: str) -> str:
    path = f"/checkin/activities/{crowd.activity_id}/sign-ups"
    made = volunteer.post(path, {"id": str(new_id()), "member_ids": [member_id]})
    return str(made.expect(200)["sign_ups"][0]["id"])


def report(volunteer: Client, member_id: str) -> str:
    concern_id = str(new_id())
    concern = {"id": concern_id, "member_id": member_id, "words": "少了一次积分"}
    volunteer.post("/members/concerns", concern).expect(201)
    return concern_id


def export(staff: Client, station_id: str, served: dict[str, Any]) -> str:
    """A batch for another platform with this attendance in it."""
    batch_id, platform = str(new_id()), {"platform": "izhiyuan"}
    about = {"kind": "member", "subject_id": served["member_id"], "number": "A-16"}
    staff.put("/checkin/outside-numbers", {**platform, **about}).expect(204)
    span = {"node_id": station_id, "from_day": served["service_day"], "to_day": served["service_day"]}
    staff.post("/checkin/batches", {"id": batch_id, **platform, **span}).expect(201)
    return batch_id


def serve_at_the_desk(system: System, crowd: Crowd) -> dict[str, str]:
    """An order of the desk, of which points decide what they will, and a daily close before it."""
    administrator = Client(system, crowd.administrator["token"])
    to_count = administrator.get(f"/rewards/stations/{crowd.station_id}/to-count").expect(200)
    counts = [
        {name: one[name] for name in ("gift_id", "pieces", "expected")} | {"counted": one["expected"]}
        for one in to_count
    ]
    close_id = str(new_id())
    close = {"id": close_id, "station_id": crowd.station_id, "counts": counts}
    line = {"gift_id": crowd.gift_id, "quantity": 1, "points": GIFT_POINTS}
    order_id = str(new_id())
    order = {"id": order_id, "station_id": crowd.station_id, "member_id": crowd.members[1]["member_id"]}
    administrator.post("/rewards/desk-closes", close).expect(201)
    administrator.post("/rewards/desk-orders", order | {"lines": [line]}).expect(201)
    return {"order_id": order_id, "close_id": close_id}


def bury_a_letter(system: System, service: str) -> str:
    letter = """
        INSERT INTO outbox (id, destination, name, body, created_at, due_at, dead_at, error)
        SELECT %s, 'points', 'RedemptionVoided', '{}', now(), now(), now(), 'unknown: nothing' RETURNING id
    """
    return str(rows(system, service, letter, new_id())[0][0])


def operations_of(system: System) -> list[Any]:
    """Every operation of the description; those that may end the caller's token last."""
    description = Client(system).get("/openapi.json").expect(200)
    found = list(schemathesis.openapi.from_dict(description).get_all_operations())
    assert [each for each in found if not isinstance(each, Ok)] == [], "what cannot be read is not tested"
    operations = {each.ok().label: each.ok() for each in found if isinstance(each, Ok)}
    described = {
        f"{method.upper()} {path}"
        for path, methods in description["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert set(operations) == described
    return [*(operations[label] for label in sorted(described - set(LAST))), *(operations[label] for label in LAST)]


@dataclass
class Asker:
    """Somebody who asks for everything."""

    system: System
    role: str
    token: str
    things: dict[str, str]
    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """What well-formed requests were answered, by operation."""
    asked_for: set[str] = field(default_factory=set)
    """Operations that have been asked for once at least."""

    def ask_for(self, operation: Any, mode: GenerationMode) -> None:
        @settings(
            max_examples=EXAMPLES[self.role],
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), real=st.sampled_from([True, True, False]))
        def ask(case: Any, real: bool) -> None:
            if real and mode is GenerationMode.POSITIVE:
                self.make_real(case)
            url, headers = f"http://127.0.0.1:{self.system.ports['gateway']}", {"Authorization": f"Bearer {self.token}"}
            first = [] if operation.label in self.asked_for else CHECKS_OF_AN_OPERATION
            answer = case.call_and_validate(base_url=url, headers=headers, checks=[*CHECKS, *first], timeout=20)
            self.asked_for.add(operation.label)
            if mode is GenerationMode.POSITIVE:
                self.statuses[operation.label].add(answer.status_code)

        with suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parts
            ask()

    def make_real(self, case: Any) -> None:
        """Put what is there in the place of what was invented."""
        service = case.operation.path.split("/")[3]
        known = self.things | {"row_id": self.things[f"row_id of {service}"]}
        for part in (case.path_parameters, case.query, case.body):
            if isinstance(part, dict):
                for name in part.keys() & known.keys():
                    part[name] = [known[name]] if isinstance(part[name], list) else known[name]


# The volunteer first: an administrator may make an organizer of them.
@pytest.mark.parametrize("role", ["volunteer", "administrator"])
def test_every_operation_answers_as_described(system: System, crowd: Crowd, things: dict[str, str], role: str) -> None:
    person = crowd.members[0] if role == "volunteer" else crowd.administrator
    asker = Asker(system, role, person["token"], things)
    # What is refused for its shape is refused to everybody alike.
    modes = list(GenerationMode) if role == "administrator" else [GenerationMode.POSITIVE]
    failures = []
    for operation in operations_of(system):
        for mode in modes:
            try:
                asker.ask_for(operation, mode)
            except (Exception, BaseExceptionGroup) as failure:
                failures.append(f"{operation.label} ({mode.value}): {failure}")
        if operation.label not in LAST:
            assert Client(system, person["token"]).get("/members/me").status == 200, (
                f"{operation.label} ended the token"
            )
    assert failures == [], "\n\n".join(failures)
    if role == "administrator":
        assert {label for label, statuses in asker.statuses.items() if statuses == {404}} == set(FIND_NOTHING)
