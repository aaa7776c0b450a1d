# ruff: noqa: N999 - the command is called so
"""`./dev bench import`: a roster of 10,000 rows from the upload to the last member, while others use the system.

Through the public API and the real worker: brought in base64, read, checked, started, taken in by slices. Meanwhile
eight others ask who they are, again and again. The last line is one JSON object: `rows_per_s` over all of it,
`check_s` and `import_s` apart (each to the bench's next look), and `others_p95_ms`.
"""

import argparse
import base64
import json
import statistics
import time
from typing import Any
from uuid import uuid4

from devtools.bench._client import Clients, ask, gather, request, running_system
from devtools.crowd import Crowd
from devtools.supervisor import System

ROUNDS = 3
ROWS = 10_000
SECONDS_MAX = 300
_LOOKS_EVERY_S = 0.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--rows", type=int, default=ROWS)
    chosen = parser.parse_args()
    with running_system("import") as system:
        crowd = gather(system, members=8)
        results = [_measure(system, crowd, number, chosen.rows) for number in range(chosen.rounds)]
    print(json.dumps({name: round(statistics.median(each[name] for each in results), 1) for name in results[0]}))
    return 0


def _measure(system: System, crowd: Crowd, number: int, rows: int) -> dict[str, float]:
    token, import_id = crowd.staff["token"], str(uuid4())
    # Who has the same name and birth date is known already, so each round's people are of another year.
    born = f"{1930 + number}-01-01"
    lines = [f"志愿者{chr(0x4E00 + row % 20_000)},1{30 + number % 70}{row:08},{born}" for row in range(rows)]
    content = {
        "id": import_id,
        "kind": "roster",
        "station_id": crowd.station_id,
        "file_name": f"{number}.csv",
        "content": base64.b64encode("\n".join(["姓名,手机,出生日期", *lines]).encode()).decode(),
    }
    clients, waits_ms = Clients(system.ports["gateway"]), list[float]()
    others = [request(member["token"], "GET", "/members/me") for member in crowd.members]

    def wait_for(state: str) -> float:
        began = time.perf_counter()
        while (found := ask(system, token, "GET", f"/members/imports/{import_id}"))["state"] != state:
            if found["state"] == "refused" or time.perf_counter() - began > SECONDS_MAX:
                raise RuntimeError(f"not {state}: {found}")
            waits_ms.extend(clients.run(others, b" 200 ").waits_ms)
            time.sleep(_LOOKS_EVERY_S)
        return time.perf_counter() - began

    began = time.perf_counter()
    ask(system, token, "POST", "/members/imports", content)
    check_s = wait_for("checked")
    ask(system, token, "POST", f"/members/imports/{import_id}/start")
    import_s = wait_for("done")
    seconds = time.perf_counter() - began
    clients.close()
    counts: dict[str, Any] = ask(system, token, "GET", f"/members/imports/{import_id}")["counts"]
    if counts != {"added": rows}:
        raise RuntimeError(f"not all came in: {counts}")
    p95_ms = statistics.quantiles(waits_ms, n=20)[-1] if len(waits_ms) > 1 else 0.0
    print(f"round {number}: {rows / seconds:,.0f} rows/s, others p95 {p95_ms:.1f} ms", flush=True)
    return {"rows_per_s": rows / seconds, "check_s": check_s, "import_s": import_s, "others_p95_ms": p95_ms}


if __name__ == "__main__":
    raise SystemExit(main())
