"""Faults of a file: their order, their places, and texts that are safe to print."""

import pickle
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Discriminator, Tag, model_validator

from sizewright.reading.input_error import InputError
from sizewright.reading.read import read_mapping, read_model
from sizing.values.field_error import FieldError
from tests.sizewright.reading.service_model import BASE, Mean, Strict, Traffic, refused, written


def test_several_faults_are_one_message_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "zzz: 1\nname: 5\ntraffic:\n  peak_ratio: x\n  daily_users: y\nkind: z\nqqq: 1\n"

    error = refused(tmp_path, text)

    assert (error.line, error.field, error.message) == (1, "zzz", "unknown key")
    assert str(error).endswith(
        "(and 5 more: line 2 name, line 4 traffic.peak_ratio, line 5 traffic.daily_users, "
        "line 6 kind, line 7 qqq)"
    )
    assert [fault.line for fault in error.more] == [2, 4, 5, 6, 7]


def test_long_lists_of_faults_are_cut(tmp_path: Path) -> None:
    error = refused(tmp_path, BASE + "".join(f"q{n}: 1\n" for n in range(9)))

    assert str(error).endswith(
        "(and 8 more: line 4 q1, line 5 q2, line 6 q3, line 7 q4, line 8 q5, ...)"
    )


def test_a_misspelt_key_is_not_reported_as_missing_too(tmp_path: Path) -> None:
    error = refused(tmp_path, "nmae: a\ntraffic: {daily_users: 1}\n")

    assert (error.field, error.suggestion, error.more) == ("nmae", "did you mean 'name'?", ())


class Zones(Strict):
    first_zone: int
    first_zones: int = 0

    @model_validator(mode="before")
    @classmethod
    def _made_up(cls, data: Any) -> Any:
        return {**data, "qqq": 1} if data.get("first_zone") == 9 else data


def test_a_suggestion_prefers_a_key_that_is_not_yet_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r":2:1: .* did you mean 'first_zones'\?$"):
        read_model(written(tmp_path, "first_zone: 1\nfirst_zonez: 2\n"), Zones)


def test_a_suggestion_looks_past_capitals(tmp_path: Path) -> None:
    assert refused(tmp_path, BASE + "PUBLIC: true\n").suggestion == "did you mean 'public'?"


def test_a_key_that_only_a_validator_saw_has_the_place_of_its_mapping(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r":2:1: qqq: unknown key"):
        read_model(written(tmp_path, "\nfirst_zone: 9\n"), Zones)


def _kind(value: Any) -> str:
    return "wide" if "spread" in value else "narrow"


class Labelled(Strict):
    size: Annotated[
        Annotated[Mean, Tag("wide")] | Annotated[Traffic, Tag("narrow")], Discriminator(_kind)
    ]


def test_a_label_of_pydantic_never_shows_in_a_field(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_model(written(tmp_path, "size: {spread: x, mean: 1}\n"), Labelled)

    assert (caught.value.field, caught.value.column) == ("size.spread", 16)
    assert caught.value.message == "found text 'x'"


def test_an_input_error_escapes_its_own_texts() -> None:
    error = InputError("a\nb.yaml", 1, 2, field="c\n", message="d\n", suggestion="e\n")

    assert str(error) == r"a\nb.yaml:1:2: c\n: d\n; e\n"
    assert (error.field, error.message) == (r"c\n", r"d\n")


@pytest.mark.parametrize(
    "text",
    [
        BASE + 'kind: "a\\nb\\e[31mred"\n',
        BASE + '"a\\nb\\e[31mred": 1\n',
        BASE + "kind: \u202eevil\n",
        BASE + 'tags: {"a\\r\\n": x}\n',
        "name: a\n'ab\\u2066': &x\u2066 1\n",
    ],
)
def test_a_file_cannot_forge_lines_or_colours(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)

    for shown in (str(error), error.message, error.field, error.suggestion, error.expected):
        assert shown.isprintable()


def test_a_message_of_a_rule_is_escaped_and_cut(tmp_path: Path) -> None:
    document = read_mapping(written(tmp_path, "a: 1\n"))

    error = document.error(("a",), "bad\n\x1b[2J" + "x" * 5000)

    assert error.message.startswith(r"bad\n\x1b[2J")
    assert len(str(error)) < 600


@pytest.mark.parametrize("length", [79, 5000])
def test_long_values_are_shortened_to_80_characters(tmp_path: Path, length: int) -> None:
    error = refused(tmp_path, BASE + f"kind: {'x' * length}\n")

    value = error.message.removeprefix("unknown value ")
    assert len(value) == 80
    assert value.endswith("xxx...'")


def test_long_keys_are_shortened_to_80_characters(tmp_path: Path) -> None:
    assert len(refused(tmp_path, BASE + f"{'x' * 900}: 1\n").field) == 80


@pytest.mark.parametrize(
    ("field_path", "line", "column", "field"),
    [
        ((), 1, 1, ""),
        (("a",), 2, 3, "a"),
        (("a", "b", 1), 2, 10, "a.b[1]"),
        (("a", "b", 7), 2, 6, "a.b[7]"),
        (("a", "c", "d"), 2, 3, "a.c.d"),
        (("e f",), 3, 8, '["e f"]'),
        (("sizewright:region",), 4, 20, "sizewright:region"),
        (("g",), 5, 1, "g"),
        (("z", 0), 1, 1, "z[0]"),
    ],
)
def test_an_error_of_a_later_rule_has_a_place(
    tmp_path: Path, field_path: tuple[str | int, ...], line: int, column: int, field: str
) -> None:
    text = "a:\n  b: [1, 2]\n'e f': 1\nsizewright:region: x\ng:\n"
    document = read_mapping(written(tmp_path, text))

    error = document.error(field_path, "too much", "less", "take 1")

    assert (error.line, error.column, error.field) == (line, column, field)
    assert str(error).endswith("too much; expected less; take 1")


def test_a_field_error_reads_as_its_message() -> None:
    error = FieldError(("a", 0), "too much", "less", "take 1")

    assert str(error) == "too much"
    assert str(pickle.loads(pickle.dumps(error))) == "too much"
    assert (error.field, error.expected, error.suggestion) == (("a", 0), "less", "take 1")
