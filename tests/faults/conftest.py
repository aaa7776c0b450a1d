"""One system for all faults: it must survive one after the other."""

import pytest

from devtools.supervisor import System
from tests.town import Clock


@pytest.fixture(scope="module")
def time(system: System) -> Clock:
    return Clock(system)
