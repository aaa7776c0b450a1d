"""The public API is as its description says, for well-formed, malformed and unauthorized input:
no 5xx, documented statuses only, answers of the described shape, methods that are not there refused.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok

from devtools.crowd import Crowd
from devtools.supervisor import System
from tests.town import Client, gather

EXAMPLES = 8
CHECKS: list[Any] = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
]


@pytest.fixture(scope="module")
def crowd(system: System) -> Crowd:
    return gather(system, members=2, stock=3, served="confirmed")


def test_every_operation_answers_as_described(system: System, crowd: Crowd) -> None:
    description = Client(system).get("/openapi.json").expect(200)
    schema, url = schemathesis.openapi.from_dict(description), f"http://127.0.0.1:{system.ports['gateway']}"
    headers = {"Authorization": f"Bearer {crowd.administrator['token']}"}
    failures: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 60
    for operation in operations:
        for mode in GenerationMode:

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=20)

            try:
                ask()
            except Unsatisfiable:
                continue  # nothing can be wrong with a request that has no parts
            except (Exception, BaseExceptionGroup) as failure:
                failures.append(f"{operation.label} ({mode.value}): {failure}")
    assert failures == [], "\n\n".join(failures)
