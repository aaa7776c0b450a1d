"""A plugin of pytest (`-p devtools.spoken`): while no test ends for long, it says that they go on."""

import os
import threading
from typing import Any

import pytest

from devtools.bootstrap import Heartbeat

_TERMINAL = os.dup(1)
"""Plugins named with -p are imported before pytest begins to catch what tests print."""


class Spoken:
    """Speaks in the session's first process alone: the output of its workers is not for people."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._done = 0

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._speak, daemon=True).start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._done += report.when == "call"
        self._heartbeat.hear()

    def pytest_sessionfinish(self) -> None:
        self._ended.set()

    def _speak(self) -> None:
        while not self._ended.wait(0.2):
            self._heartbeat.beat(f"still testing, {self._done} tests have ended")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Spoken(Heartbeat(_say)))


def _say(words: str) -> None:
    """On a line of its own: the tests' dots stand before it."""
    os.write(_TERMINAL, f"\n{words}\n".encode())
