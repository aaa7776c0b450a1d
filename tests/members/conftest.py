"""A small town, and people with and without rights in it."""

from typing import TYPE_CHECKING

import pytest

from tests.members.town import Town

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def town(members_app: "Flask") -> Town:
    """The town. No app context is pushed: requests would share it, and with it their caller."""
    return Town.found(members_app)
