"""One system for all faults: it must survive one after the other."""

import pytest

from devtools.supervisor import System
from tests.conftest import system_of
from tests.town import Clock

system = system_of("package")


@pytest.fixture(scope="package")
def time(system: System) -> Clock:
    return Clock(system)
