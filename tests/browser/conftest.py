"""Phones in real Chromium."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from devtools.supervisor import System

PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}


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
