"""The invariants of the architecture, by number. Those of one service live in its `queries/verify*`;
those between services are here, since only a tool may look into two databases at once.
"""

from collections.abc import Iterator

from devtools.verify import attended, between
from devtools.verify.audited import find_silent_acts, find_stray_logins, find_torn_merges
from devtools.verify.entitled import find_acts_without_right, find_own_cases, find_parted_entries
from devtools.verify.protected import find_unprotected
from devtools.verify.shown import find_listed_without_consent, find_remembered, find_shown_without_consent
from devtools.verify.town import Find, Town
from services.points.queries import verify as ledger
from services.points.queries import verify_boards as boards
from services.rewards.queries import verify as redemptions

Check = tuple[int, str, Find]
"""Number of the invariant, what it says, and what finds where it does not hold."""


def all_checks(town: Town) -> Iterator[Check]:
    """Every check, in the order of the invariants."""
    for name, find in ledger.CHECKS.items():
        yield _LEDGER_INVARIANTS.get(name, 1), name, town.within("points", find)
    yield 2, "no member is at two places of one activity twice", lambda: attended.find_double_pairs(town.rows)
    yield 2, "every accepted scan has its attendance", lambda: attended.find_stray_scans(town.rows)
    yield 2, "nobody arrives or leaves twice in one attendance", lambda: attended.find_repeated_scans(town.rows)
    yield 2, "sign-ups are one order, and nobody has lost their place", lambda: attended.find_lost_places(town.rows)
    yield 2, "every sign-up is for what was open, where it was held", lambda: attended.find_stray_sign_ups(town.rows)
    yield 2, "what was handed to other platforms is what was served", lambda: attended.find_wrong_batches(town.rows)
    yield 2, "every live award has its attendance", lambda: between.find_unfounded_awards(town)
    yield 3, "every confirmed attendance is settled as it is, or on its way", lambda: between.find_unsettled(town)
    yield (
        3,
        "every service knows each member and station as members does, or will",
        lambda: between.find_stale_copies(town),
    )
    yield (
        3,
        "check-in knows what places were called and where they lay, or will",
        lambda: between.find_stale_past(town),
    )
    yield 3, "every opening balance is booked as it was approved, or will be", lambda: between.find_wrong_openings(town)
    yield (
        3,
        "every past service is taken in as it was approved, or will be",
        lambda: between.find_wrong_past_services(town),
    )
    yield 3, "a person has one opening balance", lambda: between.find_double_openings(town)
    yield 3, "what was approved came with the amounts that were approved", lambda: between.find_changed_amounts(town)
    for name, find in redemptions.CHECKS.items():
        yield (4 if name.startswith(("stock", "limits")) else 5), name, town.within("rewards", find)
    yield 5, "points hold of every redemption what it came to", lambda: between.find_wrong_spends(town)
    yield 5, "nothing is kept for who is gone", lambda: between.find_kept_for_gone(town)
    yield 6, "no append-only table can be changed by its service", lambda: find_unprotected(town.rows)
    yield 7, "every privileged act is in the audit log", lambda: find_silent_acts(town.rows)
    yield 7, "every login acts for whom it came with, added or claimed", lambda: find_stray_logins(town.rows)
    yield 7, "every merge is into whom the entry names", lambda: find_torn_merges(town.rows)
    yield 7, "nobody acts for themselves or the own household", lambda: find_own_cases(town.rows)
    yield 7, "entries of one person live together", lambda: find_parted_entries(town.rows)
    yield 7, "nobody acts without a right that reaches so far", lambda: find_acts_without_right(town.rows)
    for name, find in boards.CHECKS.items():
        yield 8, name, town.within("points", find)
    yield 8, "no copy shows more of a member than was consented to", lambda: find_shown_without_consent(town.rows)
    yield 8, "nobody knows who somebody was who was erased", lambda: find_remembered(town.rows)
    yield (
        8,
        "no board lists a child, or anybody without consent",
        lambda: find_listed_without_consent(town.rows, town.apps["points"]),
    )


_LEDGER_INVARIANTS = {
    "one live award an attendance": 2, "every transfer is sealed or waits": 6, "chains are whole": 6,
    "spends are what was answered": 5, "a refund gives back to each lot what its spend took": 5,
}  # fmt: skip
