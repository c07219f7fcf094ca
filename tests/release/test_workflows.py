"""The workflows here and in a user's repository: whole, with actions pinned by commit."""

import re
from collections import defaultdict

import pytest
from ruamel.yaml import YAML

from tests.release.conftest import ROOT

WORKFLOWS = (".github/workflows/release.yml", "sizewright/project/.github/workflows/sizewright.yml")
USES = re.compile(r"uses: (?P<action>\S+)@(?P<commit>[0-9a-f]{40})  # (?P<version>v\d+\.\d+\.\d+)")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_by_the_commit_of_a_named_version(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert len(USES.findall(text)) == text.count("uses:") > 0


def test_an_action_has_the_same_commit_everywhere() -> None:
    commits = defaultdict(set)
    for name in WORKFLOWS:
        for action, *pinned in USES.findall((ROOT / name).read_text(encoding="utf-8")):
            commits[action].add(tuple(pinned))
    assert {action for action, pinned in commits.items() if len(pinned) > 1} == set()


def test_only_what_publishes_may_take_an_identity_and_it_follows_the_tests() -> None:
    text = (ROOT / WORKFLOWS[0]).read_text(encoding="utf-8")
    workflow = YAML(typ="safe", pure=True).load(text)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert {name for name, job in jobs.items() if "permissions" in job} == {"publish"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == ["test", "build"]
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
