"""The reader refuses tags that AWS refuses, before anything is built."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from sizewright.record.program import record_program
from sizing.site.resource_tags import (
    ADDED_BY_OWNERS,
    GIVES_WAY,
    OWN_KEYS,
    OWN_MOST,
    ROOM,
    TAG_LIMIT,
)
from tests.sizewright.conftest import ROOT, Run

CHAT = ROOT / "workloads/chat.yaml"
REFUSED = {
    "prefix": ("aws:owner: x", "the prefix 'aws:' is reserved for AWS"),
    "prefix in capitals": ("AWS:owner: x", "the prefix 'aws:' is reserved for AWS"),
    "prefix of a value": ("owner: aws:x", "the prefix 'aws:' is reserved for AWS"),
    "long key": (f"{'k' * 129}: x", "a key of 129 characters; expected 1 to 128"),
    "empty key": ("'': x", "a key of 0 characters; expected 1 to 128"),
    "long value": (f"owner: {'v' * 257}", "a value of 257 characters; expected at most 256"),
    "line end": ('owner: "a\\nb"', "a value with characters that AWS refuses"),
    "tab in a key": ('"a\\tb": x', "a key with characters that AWS refuses"),
    "control character": ('owner: "\\u0007"', "a value with characters that AWS refuses"),
    "comma": ("owner: 'a, b'", "expected letters, digits, spaces and _ . : / = + - @"),
    "case alone": ("Owner: x, owner: y", "another tag has 'Owner', and IAM takes no two keys"),
    "ours in another case": ("name: x", "this program sets 'Name', and IAM takes no two keys"),
    "of Karpenter": ("karpenter.sh/nodepool: x", "EKS or Karpenter sets this key itself"),
    "of the cluster": ("kubernetes.io/cluster/x: owned", "EKS or Karpenter sets this key itself"),
}


def with_tags(site: Callable[..., Path], tags: str) -> Path:
    return site(("config:\n", f"config:\n  sizewright:tags: {{{tags}}}\n"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_tag_that_aws_refuses_is_refused_with_its_place(
    run: Run, site: Callable[..., Path], name: str
) -> None:
    tags, said = REFUSED[name]
    path = with_tags(site, tags)
    for command in ("size", "check"):
        ended = run(command, CHAT, "--site", path)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"{path}:4:")
        assert said in ended.err
        assert ended.err.count("\n") == 1


def many(count: int) -> str:
    return ", ".join(f"k{number}: v" for number in range(count))


def test_more_tags_than_leave_room_for_ours_are_refused(
    run: Run, site: Callable[..., Path]
) -> None:
    assert run("size", CHAT, "--site", with_tags(site, many(ROOM))).code == 0
    ended = run("size", CHAT, "--site", with_tags(site, many(ROOM + 1)))
    assert ended.code == 2
    assert f"tags: holds {ROOM + 1} tags; expected at most {ROOM}" in ended.err


@pytest.mark.parametrize("tags", ["owner: Ärzte-Team 7", f"{'k' * 128}: {'v' * 256}", "a: ''"])
def test_tags_that_aws_takes_are_taken(run: Run, site: Callable[..., Path], tags: str) -> None:
    assert run("size", CHAT, "--site", with_tags(site, tags)).code == 0


def tag_sets(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "tags" and isinstance(item, Mapping):
                yield item
            else:
                yield from tag_sets(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tag_sets(item)


def recorded(site: Path, workload: str) -> list[Mapping[str, object]]:
    resources = record_program(site, [ROOT / "tests/program" / workload]).resources
    return [tags for resource in resources for tags in tag_sets(resource.inputs)]


def test_with_the_most_tags_no_resource_has_more_than_aws_takes(
    site: Callable[..., Path],
) -> None:
    """Guard: the product's own tags count, and a new one needs room."""
    sets = recorded(with_tags(site, many(ROOM)), "bursting.yaml")
    own = [{key for key in tags if not key.startswith("k") or "/" in key} for tags in sets]
    assert max(map(len, own)) == OWN_MOST
    assert {key for keys in own for key in keys if "/" not in key} == set(OWN_KEYS)
    assert max(map(len, sets)) + len(ADDED_BY_OWNERS) <= TAG_LIMIT


def test_our_key_gives_way_to_another_spelling(site: Callable[..., Path]) -> None:
    """Guard: IAM would refuse every role with environment and Environment."""
    sets = recorded(with_tags(site, "Environment: Production"), "bursting.yaml")
    assert sets
    for tags in sets:
        assert tags["Environment"] == "Production"
        assert not set(tags) & set(GIVES_WAY)
        assert len({key.lower() for key in tags}) == len(tags)
