"""`./dev run` around stubs: real servers, and processes that only answer /health/ready.

So the runner's own duties are tested in seconds, whatever the services need to start.
"""

import os
import sys
from pathlib import Path

from devtools import run
from devtools.children import Command
from devtools.supervisor import System

_STUB = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ready")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.allow_reuse_port = True  # as the real listeners share theirs
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUBBORN = "STUB_IS_STUBBORN"
"""Environment: the worker ignores the signal that asks it to stop."""

_WORKER = """
import os, signal, subprocess, time
if os.environ.get("STUB_IS_STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
time.sleep(600)
"""


class StubSystem(System):
    def migrate(self) -> None:
        """Nothing to migrate."""

    def _commands(self) -> dict[str, Command]:
        place = self.installation
        listeners = {
            name: Command((sys.executable, "-c", _STUB, str(port)), place.common(), Path("/"))
            for name, port in self.ports.items()
            if name in ("gateway", "points")
        }
        environment = place.common() | {STUBBORN: os.environ.get(STUBBORN, "")}
        return listeners | {"worker": Command((sys.executable, "-c", _WORKER), environment, Path("/"))}


if __name__ == "__main__":
    run.System = StubSystem  # type: ignore[attr-defined]
    run._print_first_code = lambda system: None
    sys.exit(run.main([*sys.argv[1:]]))
