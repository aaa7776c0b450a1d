"""Run every check over the live databases; say what is broken, and what is only on its way."""

import re
import sys
import time
from collections.abc import Callable, Iterable

from devtools.verify.checks import all_checks
from devtools.verify.town import NotChecked, Town

SHOWN_MAX = 10
LOOKS = 3
_NAMES = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|\b\d{4}-\d\d(?:-\d\d)?\b")


def main() -> int:
    """0 when everything holds. Faults are printed, at most ten a check."""
    began, broken, skipped = time.monotonic(), 0, 0
    with Town.connect() as town:
        for invariant, name, find in all_checks(town):
            started = time.monotonic()
            print(f"{invariant}  {name} … ", end="", flush=True)
            try:
                faults = lasting(find)
            except NotChecked as reason:
                print(f"not checked: {reason}")
                skipped += 1
                continue
            took_ms = (time.monotonic() - started) * 1000
            print("holds" if not faults else f"BROKEN, {len(faults)} times", f"({took_ms:.0f} ms)")
            for fault in faults[:SHOWN_MAX]:
                print(f"     {fault}")
            broken += len(faults)
        for words in town.pending():
            print(f"-  pending: {words}")
    unseen = f", {skipped} not checked" if skipped else ""
    print(f"{'everything holds' if not broken else f'{broken} faults'}{unseen}, {time.monotonic() - began:.1f} s")
    return 1 if broken else 0


def lasting(find: Callable[[], Iterable[str]], pause_s: float = 0.5) -> list[str]:
    """What is wrong at every look, as the last one saw it. The town goes on living meanwhile."""
    faults = list(find())
    for _ in range(LOOKS - 1):
        if faults:
            time.sleep(pause_s)
            before = {subject(fault) for fault in faults}
            faults = [fault for fault in find() if subject(fault) in before]
    return faults


def subject(fault: str) -> tuple[str, ...]:
    """What a fault is about: the ids and days it names, since what it counts may have moved on by the next look.
    One that names none is known by its words without the numbers.
    """
    return tuple(_NAMES.findall(fault)) or (re.sub(r"\d+", "", fault),)


if __name__ == "__main__":
    sys.exit(main())
