"""Real Chromium, from the machine. Tests that need it are skipped, loudly, only where there is none."""

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Nothing leaves the machine: Chromium itself would otherwise look for updates and Google's hosts.
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
)  # fmt: skip


_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLACES = (
    "/opt/google/chrome/chrome",
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "~/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "~/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_chromium() -> str | None:
    """Chromium or Chrome on PATH, or where their installers put them."""
    on_path = next(filter(None, map(shutil.which, _NAMES)), None)
    installed = (str(Path(place).expanduser()) for place in _PLACES)
    return on_path or next((place for place in installed if os.access(place, os.X_OK)), None)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One browser for all tests of a worker: Playwright cannot be started twice in one thread."""
    path = find_chromium()
    if path is None:
        words = "NO CHROMIUM ON THIS MACHINE: the pages were not tested in a browser"
        warnings.warn(words, stacklevel=1)
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield chromium
        chromium.close()


def wait_for_focus(page: "Page") -> None:
    """Chromium puts the focus where a page wants it when it first draws the page, a moment after its address."""
    page.wait_for_function("document.activeElement !== document.body")
