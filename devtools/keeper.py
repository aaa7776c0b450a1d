"""Keeps the servers of one test session: `python -m devtools.keeper ROOT PID`.

The workers of a session come and go; the servers live until the process PID has ended or this one
is told to stop. Once both servers answer, ROOT/servers.json holds their URLs.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from devtools.children import Child, free_port, is_alive, wait_until
from devtools.environment import POSTGRES_PASSWORD, REDIS_PASSWORD
from devtools.servers import Postgres, Valkey


def keep(root: Path, watched_pid: int) -> None:
    secrets = {name: os.environ[name] for name in (POSTGRES_PASSWORD, REDIS_PASSWORD)}
    servers: dict[str, Postgres | Valkey] = {}
    if "DATABASE_URL" not in os.environ:
        servers["DATABASE_URL"] = Postgres(root, free_port(), secrets[POSTGRES_PASSWORD], durable=False)
    if "REDIS_URL" not in os.environ:
        # Always the package's own server: what is on PATH differs from machine to machine.
        servers["REDIS_URL"] = Valkey(root, free_port(), secrets[REDIS_PASSWORD], durable=False, bundled=True)
    children: list[Child] = []
    try:
        with (root / "servers.log").open("ab") as log:
            for variable, server in servers.items():
                server.prepare()
                children.append(Child(variable, server.command(), log))
        for server in servers.values():
            wait_until(server.is_ready, "the test servers", 20)
        urls = {
            name: servers[name].url if name in servers else os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")
        }
        unfinished = root / "servers.unfinished"
        unfinished.write_text(json.dumps(urls))
        unfinished.rename(root / "servers.json")
        while is_alive(watched_pid):
            time.sleep(0.2)
    finally:
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.stop()
        shutil.rmtree(root, ignore_errors=True)  # a killed session cannot do it itself


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep(Path(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
