"""The demo's API against its own description, by schemathesis: `make test-schema`."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')
pytest.importorskip("schemathesis", reason="`make test-schema` installs it")

import schemathesis
import tiny
from demo_visits import ranked
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gazeheads.demo import serving
from gazeheads.demo.app import create_app
from gazeheads.demo.limits import Limits

pytestmark = pytest.mark.schema


@pytest.fixture(scope="module")
def operations() -> Iterator[dict[str, Any]]:
    """Of a server with a socket: without one, schemathesis would start and end the application for each request."""
    model, limits = tiny.tiny_model(), Limits(tokens=4)
    app = create_app(model, ranked(model), limits)
    with serving.opened("127.0.0.1", 0, False) as door:
        threading.Thread(target=serving.serve, args=(app, door, limits), daemon=True).start()
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{door.getsockname()[1]}/openapi.json")
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
        # A schema cannot say that an image has either a name or data, and that its bytes are an image.
        answer = case.call_and_validate(excluded_checks=[positive_data_acceptance])
        statuses.append(answer.status_code)

    hold()
    assert 200 in statuses and max(statuses) < 500
