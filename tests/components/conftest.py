"""Every component test runs twice: with values of created resources, and with unknown ones."""

import pytest


@pytest.fixture(params=[False, True], ids=["up", "preview"])
def preview(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
