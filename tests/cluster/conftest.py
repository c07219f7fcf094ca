"""A real control plane. Without its programs these tests are skipped and counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.control_plane import ControlPlane, control_plane_missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = control_plane_missing()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def plane(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    """Control plane of one module; its GRACE_S is the delay until a dead node is noticed."""
    with ControlPlane(grace_s=getattr(request.module, "GRACE_S", 40)) as running:
        yield running
