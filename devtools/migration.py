"""`./dev migration SERVICE WORDS`: draft a service's next migration from its models.

On a PostgreSQL of its own, brought to the newest revision, so that no database of anybody is touched.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from devtools.supervisor import PROJECT, Options, System
from shared.settings import SERVICES


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or arguments[0] not in SERVICES:
        print('./dev migration SERVICE "what changes"', file=sys.stderr)
        return 2
    service, words = arguments[0], " ".join(arguments[1:])
    with tempfile.TemporaryDirectory(prefix="huzhu-migration-") as folder:
        system = System(Path(folder), Options(durable=False))
        try:
            system.start_servers()
            environment = system.installation.migrations()
            if any((PROJECT / f"services/{service}/migrations/versions").glob("*.py")):
                system.run([sys.executable, "-m", "shared.migrate", service], environment, "migrate")
            make = [sys.executable, "-m", "shared.migrate", "--make", service, words]
            return subprocess.run(make, env=environment, cwd=PROJECT, check=False).returncode
        finally:
            system.stop()
