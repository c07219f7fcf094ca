"""The same wiring claims for renditions: every number of workers and nodes reaches a resource."""

import pytest

from sizewright.reading.stack.plan import read_plan
from tests.program.wiring import ROOT, Group, Wiring, cases

FOLDER = ROOT / "tests" / "program"
RENDITIONS = Wiring(
    lambda: read_plan([FOLDER / "rendered.yaml"], FOLDER / "Pulumi.cdn.yaml"),
    lambda claim: {"renditions", "rendition_nodes"} & {*claim.path} and claim.value is not None,
)


@pytest.mark.parametrize(("wiring", "group"), cases(RENDITIONS))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_the_renditions() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert RENDITIONS.leaves == {
        "ami_type",
        "attempts",
        "clip_timeout_s",
        "codec",
        "cpu_millicores",
        "ffmpeg_image",
        "heartbeat_s",
        "height",
        "image",
        "instance_type",
        "memory_mib",
        "name",
        "nodes_total",
        "receives",
        "root_gib",
        "scratch_mib",
        "stop_s",
        "threads",
        "visibility_s",
        "workers_total",
    }


def test_the_link_function_knows_the_variants() -> None:
    """The function that signs addresses is another one than the intake's."""
    functions = [
        r for r in RENDITIONS.baseline().resources if r.type == "aws:lambda/function:Function"
    ]
    names = [r.inputs["environment"]["variables"]["VARIANTS"] for r in functions]  # type: ignore[index, call-overload]
    assert names == ['["h264-360", "av1-240", "thumbnail"]'] * 2
