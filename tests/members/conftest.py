"""A small town, and people with and without rights in it."""

from typing import TYPE_CHECKING

import pytest

from tests.members.town import Town
from tests.support import Settings

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def town(members_app: "Flask", settings: Settings) -> Town:
    """The town. No app context is pushed: requests would share it, and with it their caller."""
    return Town.found(members_app, settings.database("members"))
