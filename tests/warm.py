"""A system's tools, run without waiting three seconds for their imports.

For each system one process imports them and then forks for every run: so each run is a process of its own, in
the system's environment and at its time, as `python -m …` would be.

Both sides speak in lines of JSON: [module, argument …] there, [exit code, output, errors] back.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import IO

from devtools.supervisor import PROJECT, System

_TOOLS = ("devtools.crowd", "devtools.verify.__main__")
_WARM: dict[System, subprocess.Popen[str]] = {}


def run(system: System, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `python -m module arguments` would come to."""
    if system not in _WARM:
        _WARM[system] = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            env=system.installation.everything(),
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    warm = _WARM[system]
    assert warm.stdin is not None
    assert warm.stdout is not None
    print(json.dumps([module, *arguments]), file=warm.stdin, flush=True)
    return subprocess.CompletedProcess([module, *arguments], *json.loads(warm.stdout.readline()))


def cool_down(system: System) -> None:
    """End the process, if there is one."""
    if warm := _WARM.pop(system, None):
        warm.communicate()


def main() -> None:
    """Serve until nobody asks any more."""
    for module in _TOOLS:
        importlib.import_module(module)
    for line in sys.stdin:
        module, *arguments = json.loads(line)
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            child = os.fork()
            if child == 0:
                _become(module, arguments, output, errors)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            output.seek(0)
            errors.seek(0)
            print(json.dumps([code, output.read(), errors.read()]), flush=True)


def _become(module: str, arguments: Sequence[str], output: IO[str], errors: IO[str]) -> None:
    """Run the module to its end, and with it this process."""
    os.dup2(output.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    sys.argv = [module, *arguments]
    code = 1
    try:
        code = importlib.import_module(module).main() or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
