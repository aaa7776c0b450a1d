"""`./dev check` and `./dev test`: one line for each check, then the tests."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from devtools import bootstrap
from devtools.environment import new_secrets
from devtools.supervisor import PROJECT

LINES_MAX = 60
"""Shown of what one check complains about."""
_ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links")
_LOCKS = ("requirements.lock", "requirements-dev.lock")


def main(_arguments: list[str]) -> int:
    """Run every check; 1 when any fails."""
    failed = [name for name, check in _CHECKS.items() if not _report(name, check)]
    print(f"{len(_CHECKS) - len(failed)} checks passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


def test(arguments: list[str]) -> int:
    """Every check, then every test. Arguments are pytest's; with some, and without --all, only pytest runs."""
    started = time.monotonic()
    named = [argument for argument in arguments if argument != "--all"]
    is_whole = not named or "--all" in arguments
    checks = main([]) if is_whole else 0
    # Tests of one file share a town or a system. In their own order, so that the long ones do not come last.
    by_file = ["--dist", "loadfile", "--no-loadscope-reorder"]
    workers = ["-n", str(min(4, os.cpu_count() or 1)), *by_file] if is_whole else []
    pytest = [sys.executable, "-m", "pytest", "-p", "devtools.spoken"]
    tests = subprocess.run([*pytest, *workers, *named], cwd=PROJECT, check=False).returncode
    words = {True: "failed", False: "passed" if is_whole else "left out"}
    print(
        f"In all: checks {words[bool(checks)]}, tests {'failed' if tests else 'passed'}, "
        f"{time.monotonic() - started:.0f} s",
        flush=True,
    )
    return checks or tests


def _report(name: str, check: Callable[[], str]) -> bool:
    """Run one check, which returns what is wrong, and say how it went."""
    started = time.monotonic()
    wrong = _spoken_for(f"still checking {name}", check)
    bootstrap.say(f"{'✗' if wrong else '✓'} {name:<28} {time.monotonic() - started:5.1f} s")
    if wrong:
        lines = wrong.strip().splitlines()
        lines[LINES_MAX:] = [f"… and {len(lines) - LINES_MAX} lines more"] if len(lines) > LINES_MAX else []
        print("\n".join(f"    {line}" for line in lines), flush=True)
    return not wrong


def _spoken_for(words: str, work: Callable[[], str]) -> str:
    """What the work returns; while it says nothing for long, say that it goes on."""
    heartbeat = bootstrap.Heartbeat(bootstrap.say)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while wait([working], timeout=0.2).not_done:
            heartbeat.beat(words)
    return working.result()


def _tool(*argv: str) -> Callable[[], str]:
    def run() -> str:
        program = Path(sys.executable).parent / argv[0]
        # Without PYTHONPATH, which would make mypy take our own code for somebody else's.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [program, *argv[1:]], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr or f"exit {done.returncode}"

    return run


def _compose() -> str:
    """The compose file is whole with secrets, and refuses to start without them."""
    program = Path(sys.executable).parent / "docker-compose"
    command = [str(program), "--file", "docker-compose.yml", "config", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder}
        without = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        if without.returncode == 0:
            return "docker-compose.yml starts without secrets"
        example = new_secrets()
        with_secrets = subprocess.run(
            command,
            cwd=PROJECT,
            env=environment | example | {"HUZHU_HOST": "huzhu.example"},
            capture_output=True,
            text=True,
            check=False,
        )
    return with_secrets.stderr if with_secrets.returncode else ""


def _locks() -> str:
    wrong = [
        f"{name}:{number}: holds an address"
        for name in _LOCKS
        for number, line in enumerate((PROJECT / name).read_text().splitlines(), 1)
        if _ADDRESS.search(line)
    ]
    return "\n".join(wrong)


_CHECKS: dict[str, Callable[[], str]] = {
    "style (ruff)": _tool("ruff", "check", "--quiet", "--output-format=concise"),
    "format (ruff)": _tool("ruff", "format", "--check", "--output-format=concise"),
    "types (mypy --strict)": _tool("mypy", "--no-error-summary"),
    "rooms (import-linter)": _tool("lint-imports", "--no-cache"),
    "docker-compose.yml": _compose,
    "Dockerfile (hadolint)": _tool("hadolint", "Dockerfile"),
    "locks hold no address": _locks,
}
