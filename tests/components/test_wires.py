import pulumi
import pytest

from components.wires import wired
from tests.components.recording import recorded

INPUTS = {"bucket": "b-1", "table": "t-1"}


def value_of(document: object) -> object:
    recording = recorded(lambda: pulumi.export("x", wired(document, INPUTS)))
    return recording.outputs["x"]


def test_whole_scalars_and_parts_of_them() -> None:
    document = {
        "a": ["${wire:bucket}", "s3://${wire:bucket}/m/${wire:table}"],
        "b": 3,
        "c": None,
        "d": True,
    }
    expected = {"a": ["b-1", "s3://b-1/m/t-1"], "b": 3, "c": None, "d": True}
    assert value_of(document) == expected


def test_other_dollars_stay() -> None:
    assert value_of({"a": "$(X) ${aws:username} $$"}) == {"a": "$(X) ${aws:username} $$"}


@pytest.mark.parametrize("text", ["${wire:other}", "a ${wire:}", "${wire:bucket", "${wire bucket}"])
def test_unknown_and_leftover_wires_raise(text: str) -> None:
    with pytest.raises(ValueError, match="wire"):
        wired({"a": [text]}, INPUTS)


def test_a_wire_is_no_key() -> None:
    with pytest.raises(ValueError, match="leftover"):
        wired({"${wire:bucket}": 1}, INPUTS)


def test_values_of_a_wire_are_not_wired_again() -> None:
    recording = recorded(
        lambda: pulumi.export("x", wired("${wire:bucket}", {"bucket": "${wire:no}"}))
    )
    assert recording.outputs["x"] == "${wire:no}"
