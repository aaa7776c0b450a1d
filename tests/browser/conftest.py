"""Real Chromium, from the machine. Skipped, loudly, only where there is none."""

import shutil
import warnings
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from devtools.supervisor import System

# Nothing leaves the machine: Chromium itself would otherwise look for updates and Google's hosts.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
)  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        words = "NO CHROMIUM ON THIS MACHINE: the pages were not tested in a browser"
        warnings.warn(words, stacklevel=1)
        pytest.skip(words)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def phone(browser: Browser, system: System) -> Iterator[Callable[[], Page]]:
    """Makes phones: each its own cookies. A request to another host, or a script error, fails the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []
    own = f"http://127.0.0.1:{system.ports['gateway']}/"

    def make() -> Page:
        context = browser.new_context(base_url=own, **PHONE)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda sent: None if sent.url.startswith((own, "data:")) else wrong.append(sent.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []
