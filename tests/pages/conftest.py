"""A town on the whole system, one for all modules."""

import pytest

from devtools.supervisor import System
from tests.conftest import system_of
from tests.pages.town import Town

system = system_of("package")


@pytest.fixture(scope="package")
def town(system: System) -> Town:
    return Town.found(system)
