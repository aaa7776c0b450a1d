"""Run every check over the live databases; say what is broken, and what is only on its way."""

import sys
import time

from devtools.verify.checks import Town, all_checks

SHOWN_MAX = 10
LOOKS = 3


def main() -> int:
    """0 when everything holds. Faults are printed, at most ten a check."""
    began, broken = time.monotonic(), 0
    with Town.connect() as town:
        for invariant, name, find in all_checks(town):
            started = time.monotonic()
            print(f"{invariant}  {name} … ", end="", flush=True)
            faults = list(find())
            for _ in range(LOOKS - 1):
                # The town goes on living meanwhile: only what is wrong at every look is wrong.
                if faults:
                    time.sleep(0.5)
                    faults = [fault for fault in find() if fault in faults]
            took_ms = (time.monotonic() - started) * 1000
            print("holds" if not faults else f"BROKEN, {len(faults)} times", f"({took_ms:.0f} ms)")
            for fault in faults[:SHOWN_MAX]:
                print(f"     {fault}")
            broken += len(faults)
        for words in town.pending():
            print(f"-  pending: {words}")
    print(f"{'everything holds' if not broken else f'{broken} faults'}, {time.monotonic() - began:.1f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
