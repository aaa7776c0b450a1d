"""Tools that are run warm end as they would by themselves."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from devtools.supervisor import System
from tests import warm


class _Nowhere:
    """Stands for a system whose environment says nothing."""

    @property
    def installation(self) -> "_Nowhere":
        return self

    def everything(self) -> dict[str, str]:
        return {}


@pytest.fixture
def nowhere() -> Iterator[System]:
    system = cast(Any, _Nowhere())
    yield system
    warm.cool_down(system)


def test_a_run_that_fails_says_why_and_the_next_is_a_process_of_its_own(nowhere: System) -> None:
    failed = warm.run(nowhere, "devtools.verify.__main__")
    assert failed.returncode == 1
    assert "is not set" in failed.stderr
    asked = warm.run(nowhere, "devtools.crowd", "--help")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "--members" in asked.stdout
    assert warm.run(nowhere, "devtools.crowd", "--served=everybody").returncode == 2
