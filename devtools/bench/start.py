"""`./dev bench start`: from `./dev run`, installed and seeded, to the first page.

The last line is one JSON object: `seconds` (median), `rounds`.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from devtools.children import free_port
from devtools.servers import remove
from devtools.supervisor import PROJECT

ROUNDS = 5
FIRST_RUN_SECONDS_MAX = 300
START_SECONDS_MAX = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--empty", action="store_true", help="without the demo data")
    chosen = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="huzhu-start-"))
    arguments = ["--empty"] if chosen.empty else []
    try:
        print("first run, which migrates and seeds …", flush=True)
        _measure(root, arguments, FIRST_RUN_SECONDS_MAX)
        rounds = []
        for number in range(1, chosen.rounds + 1):
            rounds.append(_measure(root, arguments, START_SECONDS_MAX))
            print(f"round {number}: {rounds[-1]:.2f} s", flush=True)
    finally:
        remove(root)
    print(json.dumps({"seconds": round(statistics.median(rounds), 2), "rounds": [round(one, 2) for one in rounds]}))
    return 0


def _measure(root: Path, arguments: list[str], seconds_max: float) -> float:
    """Seconds from the command to the first page; it is stopped once it is wholly up."""
    port = free_port()
    started = time.monotonic()
    runner = subprocess.Popen(
        [str(PROJECT / "dev"), "run", "--port", str(port), *arguments],
        env=os.environ | {"HUZHU_VAR": str(root)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _has_page(port):
            if runner.poll() is not None or time.monotonic() - started > seconds_max:
                raise RuntimeError(f"no page on port {port}; see {root / 'log'}")
            time.sleep(0.02)
        seconds = time.monotonic() - started
        greeted = root / ("begun-as" if arguments else "seeded")
        while not ((root / "ports.json").exists() and greeted.exists()):
            if runner.poll() is not None or time.monotonic() - started > seconds_max:
                raise RuntimeError(f"it did not become ready; see {root / 'log'}")
            time.sleep(0.05)
    finally:
        runner.send_signal(signal.SIGINT)
        try:
            runner.wait(15)
        except subprocess.TimeoutExpired:
            runner.kill()
            raise
    return seconds


def _has_page(port: int) -> bool:
    """Whether the front page, or the page that it leads to, is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        path = "/"
        for _redirect in range(4):
            connection.request("GET", path, headers={"Accept": "text/html"})
            response = connection.getresponse()
            response.read()
            if response.status not in (301, 302, 303, 307, 308):
                return response.status == 200
            path = response.headers["Location"]
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return False


if __name__ == "__main__":
    raise SystemExit(main())
