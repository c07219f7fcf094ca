"""changes.csv has a row for every property that the program sets, nested ones too.

The list comes from example workloads on the example stacks: a new property without a row fails
here.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sizewright.record import RecordedResource
from sizewright.record.program import record_program
from sizewright.review.changes import COMPONENT, Rules, load_rules
from sizewright.review.compare import leaf_changes

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests" / "program"
GOLDEN = sorted((ROOT / "workloads" / "golden").glob("*-*.yaml"))
"""The golden workloads; their own site names no account, so nothing can be built on it."""
PUBLIC_CLIPS = ROOT / "workloads" / "clips-public.yaml"
"""The example whose stack has a key that signs links."""
TEAM_CHAT = ROOT / "workloads" / "team-chat.yaml"
"""The example whose stack names the client by which people sign in."""
CHAT = ROOT / "workloads" / "chat.yaml"
OTHERS = sorted({*(ROOT / "workloads").glob("*.yaml")} - {PUBLIC_CLIPS, TEAM_CHAT, CHAT})
"""The other examples, which are built on the public stack: it has an issuer."""
KINDS = [OWN / f"{name}.yaml" for name in ("bursting", "code", "spanning", "volumes")]
STACKS = {
    ROOT / "Pulumi.dev.yaml": [CHAT, *KINDS],
    ROOT / "Pulumi.prod.yaml": [CHAT, OWN / "bought.yaml"],
    OWN / "Pulumi.cdn.yaml": [OWN / "cdn.yaml", OWN / "copied.yaml"],
    OWN / "Pulumi.public.yaml": [OWN / "public.yaml", OWN / "queued.yaml", *OTHERS, *GOLDEN],
    ROOT / "stacks" / "Pulumi.clips-public.yaml": [PUBLIC_CLIPS],
    ROOT / "stacks" / "Pulumi.existing-cluster.yaml": [CHAT],
    ROOT / "stacks" / "Pulumi.existing-network.yaml": [CHAT],
    ROOT / "stacks" / "Pulumi.platform.yaml": [],
    ROOT / "stacks" / "Pulumi.team-chat.yaml": [TEAM_CHAT],
    ROOT / "stacks" / "Pulumi.workloads.yaml": [CHAT],
}
FIXED_BY_TYPE = {"apiVersion", "kind"}
"""Properties of Kubernetes objects that the type token fixes; another value is another resource."""


def without_row(resource: RecordedResource, rules: Rules) -> Iterator[str]:
    for leaf in leaf_changes({}, resource.inputs):
        fixed = resource.type.startswith("kubernetes:") and leaf.path in FIXED_BY_TYPE
        if not fixed and rules.rule(resource.type, leaf.path) is None:
            yield f"{resource.type} {leaf.path}"


@pytest.mark.parametrize("site", STACKS, ids=lambda site: site.name.split(".")[1])
def test_every_property_that_the_program_sets_has_a_row(site: Path) -> None:
    rules = load_rules()
    recorded = record_program(site, STACKS[site])
    own = [r for r in recorded.resources if not r.type.startswith((COMPONENT, "pulumi:pulumi:"))]
    assert own
    assert sorted({fault for r in own for fault in without_row(r, rules)}) == []
