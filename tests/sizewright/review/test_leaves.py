"""Leaves of two JSON values that differ: variables by name, and numbers beyond their rounding."""

from sizewright.review.compare import leaf_changes

ENV = "spec.template.spec.containers[0].env"


def variables(**named: str) -> dict[str, object]:
    listed = [{"name": name, "value": value} for name, value in named.items()]
    return {"spec": {"template": {"spec": {"containers": [{"env": listed}]}}}}


def test_one_more_variable_is_one_change() -> None:
    old, new = variables(A="1", C="3"), variables(A="1", B="2", C="3")
    changed = {change.path: change.new for change in leaf_changes(old, new)}
    assert changed == {f"{ENV}.B.name": "B", f"{ENV}.B.value": "2"}


def test_a_changed_variable_has_its_name() -> None:
    (change,) = leaf_changes(variables(A="1", C="3"), variables(A="1", C="4"))
    assert (change.path, change.old, change.new) == (f"{ENV}.C.value", "3", "4")


def test_roundings_are_no_change() -> None:
    old, new = {"a": 0.37827168863821753, "b": 1}, {"a": 0.3782716886382175, "b": 1.0}
    assert not list(leaf_changes(old, new))
    (change,) = leaf_changes({"a": 0.3782716886}, {"a": 0.3782716887})
    assert change.path == "a"
    assert [c.path for c in leaf_changes({"a": True}, {"a": 2})] == ["a"]
    assert [c.path for c in leaf_changes({"a": 0}, {"a": 1e-300})] == ["a"]
