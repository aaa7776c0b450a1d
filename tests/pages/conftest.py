"""A town on the whole system, one for each module of tests."""

import pytest

from devtools.supervisor import System
from tests.pages.town import Town


@pytest.fixture(scope="module")
def town(system: System) -> Town:
    return Town.found(system)
