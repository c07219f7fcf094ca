"""Answer of a provider to a change of inputs.

The replacing properties come from `sizewright/review/data/changes.csv`; the order of deletion comes
from there and from `names.csv`. The offline diff reads the same files.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from sizewright.record import sdk
from sizewright.review.changes import Effect, Rules
from sizewright.review.compare import Change, leaf_changes

KUBERNETES = "pulumi:providers:kubernetes"


def difference(token: str, old: Mapping[str, Any], new: Mapping[str, Any], rules: Rules) -> Any:
    """Answer to `Diff`: changed properties, replacing ones, and the order of replacement."""
    detailed, replaces, first = {}, [], False
    for change in leaf_changes(old, new):
        # Guard: a property that may replace does replace here, so that a test sees the worst case.
        forced = rules.effect(token, change.path) is not Effect.update
        first |= forced and rules.deletes_first(token, change.path, old, new)
        detailed[change.path] = _property_diff(change, forced)
        replaces += [_top(change.path)] * forced
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if detailed else none,
        hasDetailedDiff=True,
        detailedDiff=detailed,
        replaces=sorted(set(replaces)),
        diffs=sorted({_top(path) for path in detailed}),
        deleteBeforeReplace=first,
    )


def provider_difference(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
    """Answer to `DiffConfig`: a provider is replaced when it would reach another cluster.

    Basis: vendor (pulumi-kubernetes DiffConfig: planned iff the active cluster changes; one that is
    not known yet differs).
    """
    changed = old != new
    replaces = ["kubeconfig"] if token == KUBERNETES and _cluster(old) != _cluster(new) else []
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(changes=some if changed else none, replaces=replaces)


def _cluster(inputs: Mapping[str, Any]) -> object:
    """Clusters of the kubeconfig, or its text where values are still unknown."""
    text = str(inputs.get("kubeconfig", ""))
    return text if sdk.UNKNOWN in text or not text else json.loads(text)["clusters"]


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _property_diff(change: Change, forced: bool) -> Any:
    return provider_pb2.PropertyDiff(kind=_kind(change, forced), inputDiff=True)


def _kind(change: Change, forced: bool) -> Any:
    kinds = provider_pb2.PropertyDiff
    if change.old is None:
        return kinds.ADD_REPLACE if forced else kinds.ADD
    if change.new is None:
        return kinds.DELETE_REPLACE if forced else kinds.DELETE
    return kinds.UPDATE_REPLACE if forced else kinds.UPDATE
