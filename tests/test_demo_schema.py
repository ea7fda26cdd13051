"""The demo's API against its own description, by schemathesis: `make test-schema`."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')
pytest.importorskip("schemathesis", reason="`make test-schema` installs it")

import schemathesis
from hypothesis import HealthCheck, given, settings

import tiny
from gazeheads.demo.app import create_app
from gazeheads.demo.limits import Limits
from visiting import ranked

pytestmark = pytest.mark.schema


@pytest.fixture(scope="module")
def operations() -> Iterator[dict[str, Any]]:
    model = tiny.tiny_model()
    app = create_app(model, ranked(model), Limits(tokens=4))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    yield {operation.path: operation for operation in found}
    app.state.place.close()


@pytest.mark.parametrize("path", ["/v1/about", "/v1/health", "/v1/look"])
def test_answers_are_as_described_and_never_an_error_of_the_server(
    operations: dict[str, Any], path: str
) -> None:
    statuses: list[int] = []

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operations[path].as_strategy())
    def hold(case: Any) -> None:
        statuses.append(case.call_and_validate().status_code)

    hold()
    assert statuses and max(statuses) < 500
