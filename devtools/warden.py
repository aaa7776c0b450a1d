"""Ends what a killed runner leaves behind; `python -S warden.py`, with a pipe of the runner as input.

Each child writes a line before it becomes its program, `+PID SIGNAL`, and the runner `-PID` when it is gone.
When the pipe closes, the runner has ended, however: the warden asks what is left to stop and then kills it.
The parent-death signal of Linux is quicker, but reaches no grandchildren and is unknown to macOS.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE_S = 3.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left: dict[int, int] = {}
    for line in sys.stdin:
        pid = int(line[1:].split()[0])
        if line.startswith("+"):
            left[pid] = int(line.split()[1])
        else:
            left.pop(pid, None)
    for pid, stop_signal in left.items():
        _send(pid, stop_signal)
    deadline = time.monotonic() + PATIENCE_S
    while any(map(_is_there, left)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        _send(pid, signal.SIGKILL)


def _send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


if __name__ == "__main__":
    main()
