"""`./dev run` itself, with nothing replaced: what it prints is true, and what it starts works."""

import http.cookiejar
import io
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest
from qrcode.main import QRCode

from devtools.children import wait_until
from devtools.seed import LOGINS
from devtools.supervisor import PROJECT
from shared.upstream import Upstream
from tests.gateway.real import form_fields

# As in test_run.py, one worker at a time: these are the heaviest processes of all tests.

# Seeding takes a quarter of a minute on a quiet machine.
PATIENCE_S = 400

_WITHOUT_PROXY = urllib.request.ProxyHandler({})
_DIRECT = urllib.request.build_opener(_WITHOUT_PROXY)


class Run:
    """One `./dev run`, and what it has said so far."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.said = root.parent / "said"
        with self.said.open("wb") as output:
            self.popen = subprocess.Popen(
                [PROJECT / "dev", "run", *arguments],
                env=_environment(root),
                cwd=root.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def words(self) -> str:
        return self.said.read_text()

    def wait(self) -> "Run":
        wait_until(
            lambda: "Ctrl-C stops everything" in self.words or self.popen.poll() is not None, "greeting", PATIENCE_S
        )
        assert self.popen.poll() is None, self.words
        return self

    @property
    def url(self) -> str:
        found = re.search(r"is ready: +(\S+)", self.words)
        assert found is not None, self.words
        return found[1]


@contextmanager
def running(root: Path, *arguments: str) -> Iterator[Run]:
    """Until Ctrl-C, after which it says that everything is stopped."""
    run = Run(root, *arguments)
    try:
        yield run.wait()
        run.popen.send_signal(signal.SIGINT)
        assert run.popen.wait(PATIENCE_S) == 0, run.words
        assert run.words.endswith("Stopping …\nStopped.\n")
    finally:
        if run.popen.poll() is None:
            run.popen.kill()
            run.popen.wait()


def _environment(root: Path) -> dict[str, str]:
    left_out = ("DATABASE_URL", "REDIS_URL", "HUZHU_DEMO", "HUZHU_TESTING")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    # The environment that runs the tests is the one of ./dev.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"HUZHU_VAR": str(root), "PATH": path}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real") / "var"


def test_the_demo_is_loaded_once_greets_with_its_logins_and_survives_a_restart(root: Path) -> None:
    with running(root, "--port", "0") as first:
        assert "Loading the demo data (once) …" in first.words
        assert [login for login in LOGINS if f"  {login}\n" not in first.words] == []
        assert _qr(first.url) in first.words
        assert _log_in_to_the_demo(first.url)
        assert _without_demo(root) == []
        second = subprocess.run(
            [PROJECT / "dev", "run"],
            env=_environment(root),
            cwd=root.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert f"running already at {first.url}" in second.stdout
        assert "演示系统" in _DIRECT.open(f"{first.url}/login").read().decode()
    with running(root, "--port", "0") as again:
        assert "Loading" not in again.words
        assert "Migrating" not in again.words
        assert _log_in_to_the_demo(again.url)


def _qr(url: str) -> str:
    """The code of the address as it is drawn where no terminal is."""
    code, drawn = QRCode(border=1), io.StringIO()
    code.add_data(url)
    code.print_ascii(out=drawn)
    return drawn.getvalue()


def _log_in_to_the_demo(url: str) -> bool:
    content = {"phone": "19000000001", "password": "huzhu-2026"}
    client = Upstream(url, timeout_s=30)
    body, headers = json.dumps(content).encode(), {"Content-Type": "application/json"}
    return client.request("POST", "/api/v1/members/sessions", headers=headers, body=body).status == 200


def _without_demo(root: Path) -> list[str]:
    """The processes of ours, of this installation, that were not told that this is the demo."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, line = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if f"HUZHU_VAR={root.resolve()}\0".encode() in environment and re.search(rb"services|gateway", line):
            found.append((b"HUZHU_DEMO=1\0" in environment, line.replace(b"\0", b" ").decode()))
    assert len(found) >= 8 or sys.platform != "linux", found
    return [line for is_told, line in found if not is_told]


def test_an_empty_start_on_the_local_network_lets_the_first_administrator_in_over_tls(tmp_path: Path) -> None:
    root = tmp_path / "var"
    with running(root, "--empty", "--lan", "--port", "0") as run:
        assert run.url.startswith("https://")
        assert not any(login in run.words for login in LOGINS)
        found = re.search(r"One-time code for the first administrator: +(\S+)\n +Use it at (\S+)", run.words)
        assert found is not None, run.words
        code, page = found.groups()
        assert page == f"{run.url}/first"
        trusting = ssl.create_default_context(cafile=root / "tls/certificate.pem")  # and no other certificate
        cookies = CookieJar(http.cookiejar.DefaultCookiePolicy(rfc2965=False))
        browser = urllib.request.build_opener(
            _WITHOUT_PROXY,
            urllib.request.HTTPSHandler(context=trusting),
            urllib.request.HTTPCookieProcessor(cookies),
        )
        asked = browser.open(page).read().decode()
        assert "演示系统" not in asked
        typed = {"code": code, "name": "周敏", "phone": "13700000002", "password": "long-enough-2026"}
        filled = form_fields(asked, "/first") | typed | {"terms": "1", "privacy": "1"}
        with browser.open(page, urlencode(filled).encode()) as entered:
            assert entered.url == f"{run.url}/staff/nodes"
        assert "huzhu_session" in {cookie.name for cookie in cookies}
        assert all(cookie.secure for cookie in cookies)
