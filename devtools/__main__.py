"""`./dev COMMAND`, once the environment is there."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from devtools import bootstrap
from devtools.live import installation, var
from devtools.servers import ServerError
from devtools.supervisor import PROJECT, StartError
from shared.settings import SERVICES


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def run(arguments: list[str]) -> int:
    from devtools import run as command

    return command.main(arguments)


def test(arguments: list[str]) -> int:
    from devtools import check

    return check.test(arguments)


def check(arguments: list[str]) -> int:
    from devtools import check as command

    return command.main(arguments)


def bench(arguments: list[str]) -> int:
    known = sorted(path.stem for path in (PROJECT / "devtools/bench").glob("*.py") if not path.stem.startswith("_"))
    if not arguments or arguments[0] not in known:
        say(f"./dev bench NAME: one of {', '.join(known)}")
        return 2
    sys.argv = [f"./dev bench {arguments[0]}", *arguments[1:]]
    return int(importlib.import_module(f"devtools.bench.{arguments[0]}").main() or 0)


def verify(arguments: list[str]) -> int:
    with installation(say) as place:
        return _python(["-m", "devtools.verify", *arguments], place.everything())


def seed(arguments: list[str]) -> int:
    from devtools import run as command

    return command.seed(arguments)


def import_(arguments: list[str]) -> int:
    if arguments[:1] != ["roster"] or len(arguments) < 2:
        say("./dev import roster FILE [--dry-run]")
        return 2
    # The command runs in the project's folder, files are named from the caller's.
    options = [str(Path(part).resolve()) if Path(part).is_file() else part for part in arguments[1:]]
    return flask(["members", "import-roster", *options])


def flask(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in SERVICES:
        say(f"./dev flask SERVICE …, SERVICE being one of {', '.join(SERVICES)}")
        return 2
    service, *rest = arguments
    with installation(say) as place:
        return _python(["-m", "flask", "--app", f"services.{service}.app:create_app", *rest], place.service(service))


def migration(arguments: list[str]) -> int:
    """Draft a migration against a database of its own that stands at the newest revision."""
    from devtools import migration as command

    return command.main(arguments)


def lock(arguments: list[str]) -> int:
    """Both locks. They hold no registry's address: whoever installs uses their own."""
    options = [
        *("--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"),
        *("--python-version", "3.11", *arguments),
    ]
    for command in (
        ["--extra", "local", "--extra", "dev", "--output-file", bootstrap.LOCK.name],
        ["--constraint", bootstrap.LOCK.name, "--output-file", "requirements.lock"],
    ):
        done = subprocess.run(["uv", "pip", "compile", "pyproject.toml", *options, *command], cwd=PROJECT, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


def secrets(_arguments: list[str]) -> int:
    """New secrets for docker-compose, as lines for its .env file."""
    from devtools.environment import new_secrets

    print("\n".join(f"{name}={value}" for name, value in new_secrets().items()))
    return 0


def _python(arguments: list[str], environment: dict[str, str]) -> int:
    return subprocess.run([sys.executable, *arguments], env=environment, cwd=PROJECT, check=False).returncode


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": run,
    "test": test,
    "check": check,
    "bench": bench,
    "verify": verify,
    "seed": seed,
    "import": import_,
    "flask": flask,
    "migration": migration,
    "lock": lock,
    "secrets": secrets,
}


def main() -> int:
    name, *arguments = sys.argv[1:]
    try:
        return _COMMANDS[name](arguments)
    except (StartError, ServerError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    os.environ.setdefault("HUZHU_VAR", str(var()))
    sys.exit(main())
