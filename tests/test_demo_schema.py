"""The demo's API against its own description, by schemathesis: `make test-schema`."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')
pytest.importorskip("schemathesis", reason="`make test-schema` installs it")

import schemathesis
from hypothesis import HealthCheck, settings

import tiny
from gazeheads.demo.app import create_app
from gazeheads.demo.limits import Limits
from visiting import ranked

pytestmark = pytest.mark.schema


@pytest.fixture(scope="module")
def described() -> Iterator[Any]:
    model = tiny.tiny_model()
    app = create_app(model, ranked(model), Limits(tokens=4))
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    app.state.place.close()


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described_and_never_an_error_of_the_server(case: Any) -> None:
    case.call_and_validate()
