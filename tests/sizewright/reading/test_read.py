"""Every broken file gives one line with the right place, field and remedy; never a traceback."""

import json
import os
import pickle
import time
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from sizewright.reading.input_error import InputError
from sizewright.reading.plain_yaml import PlainYaml, RefusedYamlError
from sizewright.reading.read import file_content, read_mapping, read_model
from sizing.values.field_error import FieldError
from tests.examples import examples


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(StrEnum):
    chat = "chat"
    image = "image"


class Traffic(Strict):
    daily_users: int = Field(gt=0)
    """People who use the service on one day."""
    peak_ratio: Decimal = Decimal(2)
    """Busiest moment over the mean."""
    hourly: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Share of each hour."""

    @field_validator("hourly")
    @classmethod
    def _even(cls, hourly: tuple[int, ...]) -> tuple[int, ...]:
        if len(hourly) % 2:
            raise ValueError("an even number of hours is needed")
        return hourly

    @model_validator(mode="after")
    def _peak_above_mean(self) -> Self:
        if self.peak_ratio < 1:
            raise FieldError(("peak_ratio",), "a peak below the mean", "at least 1", "write 1")
        return self


class Histogram(Strict):
    bounds: list[int]
    shares: list[float]


class Mean(Strict):
    mean: float
    spread: float = 0

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if self.spread > self.mean:
            raise ValueError("wider than its mean")
        return self


class Given(Strict):
    method: Literal["given"]
    rate: float


class Textbook(Strict):
    method: Literal["textbook"]
    share: float = 1


class Service(Strict):
    name: str = Field(pattern="^[a-z]+$")
    """Lower-case letters."""
    kind: Kind = Kind.chat
    traffic: Traffic
    tokens: int | Mean | Histogram | None = None
    capacity: Annotated[Given | Textbook, Field(discriminator="method")] | None = None
    hardware: Literal["auto"] | Mean = "auto"
    public: bool = False
    tags: dict[Annotated[str, Field(max_length=5)], int] = {}
    others: list[Mean] = []
    latency: Mean | None = None
    pair: tuple[int, str] = (0, "")
    mixed: list[Mean] | dict[str, int] = []


BASE = "name: a\ntraffic: {daily_users: 1}\n"
BILLION = 'a: &a ["x"]\n' + "".join(
    f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abc", "bcd", strict=True)
)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "w.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(tmp_path: Path, content: str | bytes) -> InputError:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_model(path, Service)
    assert caught.value.file == str(path)
    return caught.value


# content, line, column, field, text of the message
BROKEN: dict[str, tuple[str | bytes, int | None, int | None, str, str]] = {
    # the file as text
    "empty": ("", 1, 1, "", "the file is empty; expected a mapping"),
    "only a comment": ("# nothing\n\n", 1, 1, "", "the file is empty"),
    "only a marker": ("---\n", 1, 1, "", "the file is empty"),
    "latin-1": (b"name: a\nkind: caf\xe9\n", 2, 10, "", "not UTF-8 text; expected UTF-8"),
    "latin-1 after a mark": (b"\xef\xbb\xbfa: \xe9\n", 1, 4, "", "not UTF-8 text"),
    "utf-16": ("name: a".encode("utf-16"), 1, 1, "", "save the file as UTF-8"),
    "NUL": (b"name: a\r\nkind: \0\0", 2, 7, "", "control character U+0000"),
    "escape character": ("name: a\x1b[2J\n", 1, 8, "", "control character U+001B"),
    "line separator": ("name: a\u2028b: 1\n", 1, 8, "", "control character U+2028"),
    "too large": (b"a: " + b"x" * 1024 * 1024, 1, 1, "", "1_048_579 bytes; expected at most"),
    # the text as YAML
    "unclosed bracket": ("a: [1\n", 2, 1, "", "from line 1; close the bracket"),
    "unclosed quote": ("a: 'x\n", 2, 1, "", "from line 1; close the quote"),
    "tab": ("a:\n\tb: 1\n", 2, 1, "", "indent with spaces, not tabs"),
    "colon in text": ("a: b: c\n", 1, 5, "", "quote a text that holds ': '"),
    "at sign": ("a: @b\n", 1, 4, "", "quote text that starts with"),
    "deeper after a number": ("a: 1\n  b: 2\n", 2, 3, "", "deeper than line 1; indent both alike"),
    "deeper after a comment": (
        "a: 1\n# x\n  b: 2\n",
        3,
        3,
        "",
        "indent the line like its neighbours",
    ),
    "deeper in an item": ("a:\n - b: 1\n     c: 2\n", 3, 6, "", "deeper than line 2; indent both"),
    "text before the colon": ("a: x\n  b c: 2\n", 2, 6, "", "quote a text that holds ': '"),
    "first line deeper": ("  a: 1\nb: 2\n", 2, 1, "", "indent the line like its neighbours"),
    "uneven indent": ("a:\n    b: 1\n  c: 2\n", 3, 3, "", "indent the line like"),
    "no colon": ("a: 1\nbcd\ne: 1\n", 3, 1, "", "write 'key: value'"),
    "impossible character": ('a: 1\nb: "\\U00110000"\n', 2, 1, "", "not valid YAML"),
    "huge character": ('a: 1\nb: "\\UFFFFFFFF"\n', 2, 1, "", "not valid YAML"),
    "directive": ("%YAML 1.9\n---\na: 1\n", 1, 1, "", "not valid YAML: version minor part"),
    "surrogate": ('a: "\\ud800"\n', 1, 4, "a", "write the character itself"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, 1, "", "a second document"),
    "duplicate key": ("a: 1\nb: {c: 1, d: 2,\n c: 3}\n", 3, 2, "b.c", "first on line 2"),
    "list at the top": ("\n- a\n", 2, 1, "", "found a list at the top; expected a mapping"),
    "text at the top": ("hello\n", 1, 1, "", "found text 'hello' at the top"),
    "anchor": ("a: 1\nb: &x 2\n", 2, 4, "b", "anchor '&x' is refused"),
    "anchor on a key": ("&x a: 1\n", 1, 1, "", "anchor '&x' is refused"),
    "alias": ("a: 1\nb: [1, *x]\n", 2, 8, "b[1]", "alias '*x' is refused; write the value out"),
    "billion laughs": (BILLION, 1, 4, "a", "anchor '&a' is refused"),
    "merge key": ("a:\n  <<: {b: 1}\n", 2, 3, "a", "merge key '<<' is refused"),
    "python tag": ("a: !!python/object:os.x {}\n", 1, 4, "a", "python/object:os.x' is refused"),
    "core tag": ("a: !!str 1\n", 1, 4, "a", "remove the tag"),
    "bare tag": ("a: ! x\n", 1, 4, "a", "tag '!' is refused"),
    "tag on a list": ("a: !x [1]\n", 1, 4, "a", "tag '!x' is refused"),
    "too deep": (
        "a: " + "[" * 32 + "]" * 32,
        1,
        35,
        "a" + "[0]" * 31,
        "expected at most 32 levels",
    ),
    "far too deep": ("a: " + "[" * 300_000, 1, 35, "a" + "[0]" * 31, "expected at most 32 levels"),
    "deep mappings": ("{a: " * 99_000, 1, 129, "a" + ".a" * 31, "expected at most 32 levels"),
    "too many values": (
        "a:\n" + "- 1\n" * 50_000,
        10_000,
        3,
        "a[9998]",
        "expected at most 10_000 in one file",
    ),
    "number as a key": ("a:\n  5: 1\n", 2, 3, "a", "whole number 5 as a key; expected a text key"),
    "true as a key": ("true: 1\n", 1, 1, "", "write 'true' in quotes"),
    "nothing as a key": ("~: 1\n", 1, 1, "", "nothing as a key"),
    "list as a key": ("? [a]\n: 1\n", 1, 3, "", "a list as a key"),
    "mapping as a key": ("{a: 1}: 1\n", 1, 1, "", "a mapping as a key"),
    "infinite": ("a: [1, -.inf]\n", 1, 8, "a[1]", "-.inf is refused; expected a finite number"),
    "not a number": ("a: .NaN\n", 1, 4, "a", "expected a finite number"),
    "overflowing": ("a: 1e999\n", 1, 4, "a", "'1e999' is too large; expected a finite number"),
    "31 digits": (f"a: {'1' * 31}\n", 1, 4, "a", "too long; expected at most 30 digits"),
    "10_000 digits": (f"a: -{'1' * 10_000}\n", 1, 4, "a", "too long; expected at most 30 digits"),
    "long hexadecimal": (f"a: 0x{'f' * 10_000}\n", 1, 4, "a", "expected at most 30 digits"),
    "leading zero": ("account: 012345678901\n", 1, 10, "account", "quote it if it is text"),
    # the data as a model
    "unknown key": (
        "name: a\ntraffic:\n  daily_userz: 1\n",
        3,
        3,
        "traffic.daily_userz",
        "unknown key; expected one of daily_users, peak_ratio, hourly; did you mean 'daily_users'?",
    ),
    "unknown key at the top": (BASE + "publik: true\n", 3, 1, "publik", "did you mean 'public'?"),
    "hyphen and capitals": (
        BASE.replace("daily_u", "Daily-U"),
        2,
        11,
        "traffic.Daily-Users",
        "did you mean 'daily_users'?",
    ),
    "key of another part": (
        BASE + "peak_ratio: 2\n",
        3,
        1,
        "peak_ratio",
        "belongs under 'traffic'",
    ),
    "unlike any key": (BASE + "qqq: 2\n", 3, 1, "qqq", "expected one of name, kind, traffic"),
    "missing": (
        "name: a\ntraffic:\n  peak_ratio: 2\n",
        3,
        3,
        "traffic.daily_users",
        "missing; expected a whole number (People who use the service on one day)",
    ),
    "missing at the top": ("# x\nname: a\n", 2, 1, "traffic", "missing; expected a mapping"),
    "text for a number": (
        "name: a\ntraffic: {daily_users: many}\n",
        2,
        24,
        "traffic.daily_users",
        "found text 'many'; expected a whole number (People who use",
    ),
    "unit in a number": (
        "name: a\ntraffic: {daily_users: 5k}\n",
        2,
        24,
        "traffic.daily_users",
        "write the digits alone",
    ),
    "number for a whole one": (
        "name: a\ntraffic: {daily_users: 1.5}\n",
        2,
        24,
        "traffic.daily_users",
        "found number 1.5; expected a whole number",
    ),
    "nothing for a number": (
        "name: a\ntraffic:\n  daily_users:\n\n",
        3,
        3,
        "traffic.daily_users",
        "found nothing; expected a whole number",
    ),
    "list for text": ("name: [a]\n" + BASE[8:], 1, 7, "name", "found a list; expected text"),
    "true for text": ("name: true\n" + BASE[8:], 1, 7, "name", "found true/false value true"),
    "list for a mapping": (
        "name: a\ntraffic: [1]\n",
        2,
        10,
        "traffic",
        "found a list; expected a m",
    ),
    "mapping for a list": (
        BASE + "others: {a: 1}\n",
        3,
        9,
        "others",
        "found a mapping; expected a l",
    ),
    "text for true": (BASE + "public: maybe\n", 3, 9, "public", "expected true or false"),
    "enum": (
        BASE + "kind: chta\n",
        3,
        7,
        "kind",
        "unknown value 'chta'; expected one of chat, image; did you mean 'chat'?",
    ),
    "number for an enum": (
        BASE + "kind: 5\n",
        3,
        7,
        "kind",
        "found whole number 5; expected one of chat, image",
    ),
    "bound": (
        "name: a\ntraffic: {daily_users: 0}\n",
        2,
        24,
        "traffic.daily_users",
        "must be greater than 0, found whole number 0",
    ),
    "bound of an item": (
        "name: a\ntraffic: {daily_users: 1, hourly: [1, -1]}\n",
        2,
        39,
        "traffic.hourly[1]",
        "must be greater than or equal to 0",
    ),
    "pattern": (
        "name: Ab\n" + BASE[8:],
        1,
        7,
        "name",
        "found text 'Ab'; expected Lower-case letters",
    ),
    "key of a mapping": (
        BASE + "tags: {a: 1, toolong: 2}\n",
        3,
        14,
        "tags.toolong",
        "this key must have at most 5 characters",
    ),
    "value of a mapping": (BASE + "tags: {a: x}\n", 3, 11, "tags.a", "expected a whole number"),
    "item of a list": (
        BASE + "others:\n- mean: 1\n- mean: x\n",
        5,
        9,
        "others[1].mean",
        "found text 'x'; expected a number",
    ),
    "missing in an item": (
        BASE + "others:\n- mean: 1\n- spread: 1\n",
        5,
        3,
        "others[1].mean",
        "missing; expected a number",
    ),
    "rule of a field": (
        "name: a\ntraffic: {daily_users: 1, hourly: [1]}\n",
        2,
        35,
        "traffic.hourly",
        "hourly: an even number of hours is needed",
    ),
    "rule of a model": (
        BASE + "others: [{mean: 1, spread: 2}]\n",
        3,
        10,
        "others[0]",
        "others[0]: wider than its mean",
    ),
    "rule with a field": (
        "name: a\ntraffic: {daily_users: 1, peak_ratio: 0.5}\n",
        2,
        39,
        "traffic.peak_ratio",
        "a peak below the mean; expected at least 1; write 1",
    ),
    "inside an optional": (
        BASE + "latency: {mean: x}\n",
        3,
        17,
        "latency.mean",
        "expected a number",
    ),
    "first of a pair": (BASE + "pair: [x, a]\n", 3, 8, "pair[0]", "expected a whole number"),
    "short pair": (BASE + "pair: [1]\n", 3, 7, "pair[1]", "missing; expected text"),
    # unions: one fault, of the member that was meant
    "union, no member": (
        BASE + "tokens: x\n",
        3,
        9,
        "tokens",
        "found text 'x'; expected a whole number or a mapping",
    ),
    "union, first model": (
        BASE + "tokens: {mean: x}\n",
        3,
        16,
        "tokens.mean",
        "found text 'x'; expected a number",
    ),
    "union, second model": (
        BASE + "tokens: {bounds: [1], shares: x}\n",
        3,
        31,
        "tokens.shares",
        "found text 'x'; expected a list",
    ),
    "union, unknown key": (
        BASE + "tokens: {mean: 1, spred: 1}\n",
        3,
        19,
        "tokens.spred",
        "did you mean 'spread'?",
    ),
    "union, rule": (BASE + "tokens: {mean: 1, spread: 2}\n", 3, 9, "tokens", "wider than its mean"),
    "union, literal": (
        BASE + "hardware: atuo\n",
        3,
        11,
        "hardware",
        "unknown value 'atuo'; expected auto or a mapping; did you mean 'auto'?",
    ),
    "union, not a literal": (
        BASE + "hardware: 5\n",
        3,
        11,
        "hardware",
        "found whole number 5; expected auto or a mapping",
    ),
    "union, beside a literal": (
        BASE + "hardware: {mean: x}\n",
        3,
        18,
        "hardware.mean",
        "found text 'x'; expected a number",
    ),
    "union, list": (
        BASE + "mixed: [{mean: x}]\n",
        3,
        16,
        "mixed[0].mean",
        "found text 'x'; expected a number",
    ),
    "union, mapping": (
        BASE + "mixed: {a: x}\n",
        3,
        12,
        "mixed.a",
        "found text 'x'; expected a whole number",
    ),
    "tag": (
        BASE + "capacity: {method: gven}\n",
        3,
        20,
        "capacity.method",
        "unknown value 'gven'; expected one of given, textbook; did you mean 'given'?",
    ),
    "tag of a wrong type": (
        BASE + "capacity: {method: [1]}\n",
        3,
        20,
        "capacity.method",
        "found a list; expected one of given, textbook",
    ),
    "no tag": (
        BASE + "capacity: {rate: 1}\n",
        3,
        11,
        "capacity.method",
        "missing; expected one of given, textbook",
    ),
    "not tagged": (
        BASE + "capacity: 5\n",
        3,
        11,
        "capacity",
        "found whole number 5; expected a map",
    ),
    "inside the tagged": (
        BASE + "capacity: {method: given, rate: x}\n",
        3,
        33,
        "capacity.rate",
        "found text 'x'; expected a number",
    ),
    "unknown in the tagged": (
        BASE + "capacity: {method: textbook, shar: 1}\n",
        3,
        30,
        "capacity.shar",
        "did you mean 'share'?",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file(tmp_path: Path, case: str) -> None:
    content, line, column, field, fragment = BROKEN[case]

    error = refused(tmp_path, content)

    assert (error.line, error.column, error.field) == (line, column, field)
    assert fragment in str(error)
    assert error.more == ()
    place = f":{line}:{column}" if line else ""
    assert str(error).startswith(f"{error.file}{place}: " + (f"{field}: " if field else ""))
    assert "\n" not in str(error)


def test_nine_of_ten_messages_say_a_way_out(tmp_path: Path) -> None:
    errors = [refused(tmp_path, row[0]) for row in BROKEN.values()]

    helpful = [e for e in errors if e.expected or e.suggestion or e.message.startswith("must ")]

    assert len(errors) >= 40
    assert len(helpful) >= 0.9 * len(errors)


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
    ("prepare", "message"),
    [
        (lambda folder: folder / "chta.yaml", "no such file; did you mean 'chat.yaml'?"),
        (lambda folder: folder / "auto1.yaml", "no such file\n"),
        (lambda folder: folder / "chat.yml", "no such file; did you mean 'chat.yaml'?"),
        (lambda folder: folder / "no" / "chat.yaml", "no such file\n"),
        (
            lambda folder: folder.with_name(f"{folder.name}s") / "chat.yaml",
            "no such file; did you mean '{folder}/chat.yaml'?",
        ),
        (lambda folder: folder / "chat.yaml" / "x", "not a directory; expected a YAML file"),
        (lambda folder: folder, "is a directory; expected a YAML file"),
        (lambda folder: folder / ("x" * 5000), "file name too long"),
        (lambda folder: folder / "a\0b", "not a file name"),
    ],
)
def test_a_path_that_holds_no_file(
    tmp_path: Path, prepare: Callable[[Path], Path], message: str
) -> None:
    (tmp_path / "chat.yaml").touch()

    with pytest.raises(InputError) as caught:
        read_mapping(prepare(tmp_path))

    assert f": {message.format(folder=tmp_path)}" in f"{caught.value}\n"
    assert (caught.value.line, caught.value.column) == (None, None)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sizewright.reading.read.opened", forbidden)
    with pytest.raises(
        InputError, match=r"w\.yaml: permission denied; expected a YAML file that can be read"
    ):
        read_mapping(tmp_path / "w.yaml")


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    text = "a: 1\n#" + "x" * (1024 * 1024 - 6)
    assert read_mapping(written(tmp_path, text)).data == {"a": 1}


GOOD: dict[str, Any] = {
    "100_000": 100_000,
    "7.0e9": 7.0e9,
    "7e9": 7e9,
    "1e-3": 0.001,
    "+.5": 0.5,
    "1_000.5": 1000.5,
    "-0": 0,
    "0": 0,
    "0.20": 0.2,
    "0o17": 15,
    "0x1F": 31,
    "1" * 30: int("1" * 30),
    "yes": "yes",
    "No": "No",
    "on": "on",
    "true": True,
    "FALSE": False,
    "~": None,
    "": None,
    "null": None,
    "2026-01-31": "2026-01-31",
    "2026-01-31T10:00:00Z": "2026-01-31T10:00:00Z",
    "12:30:45": "12:30:45",
    "0b1": "0b1",
    "1_": "1_",
    "1.2.3": "1.2.3",
    "'012'": "012",
    '"1"': "1",
    "'<<'": "<<",
    "=": "=",
    "g6.xlarge": "g6.xlarge",
    "\u65e5\u672c \U0001f600": "\u65e5\u672c \U0001f600",
    "|\n  a\n  b": "a\nb\n",
    "[1, [a, {b: c}]]": [1, ["a", {"b": "c"}]],
    "[" * 31 + "]" * 31: eval("[" * 31 + "]" * 31),
}


@pytest.mark.parametrize("text", GOOD)
def test_plain_values(tmp_path: Path, text: str) -> None:
    value = read_mapping(written(tmp_path, f"a: {text}\n")).data["a"]

    assert value == GOOD[text]
    assert type(value) is type(GOOD[text])


@pytest.mark.parametrize("key", ["yes", "on", "2026-01-31", "'5'", "'<<'", "a b", "a.b", '"\\n"'])
def test_text_keys(tmp_path: Path, key: str) -> None:
    (read,) = read_mapping(written(tmp_path, f"{key}: 1\n")).data
    assert isinstance(read, str)


@pytest.mark.parametrize("prefix", ["", "\ufeff", "---\n", "%YAML 1.1\n---\n", "# x\n\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_marks_and_comments(tmp_path: Path, prefix: str, newline: str) -> None:
    text = (prefix + "name: a\npublic: yes # x\ntraffic: {daily_users: 1}\n").replace("\n", newline)

    document = read_mapping(written(tmp_path, text))

    assert document.data == {"name": "a", "public": "yes", "traffic": {"daily_users": 1}}
    error = document.error(("public",), "x")
    assert (error.line, error.column) == (2 + prefix.count("\n"), 9)


def test_a_good_file_is_the_model(tmp_path: Path) -> None:
    path = written(tmp_path, BASE + "tokens: {mean: 7.0e9}\ncapacity: {method: textbook}\n")

    service = read_model(path, Service)

    assert service == Service(
        name="a",
        traffic=Traffic(daily_users=1),
        tokens=Mean(mean=7e9),
        capacity=Textbook(method="textbook"),
    )


def test_a_part_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, "config:\n  chat:\n    mean: 1\n  bad: {mean: x}\n  text: y\n")

    assert read_model(path, Mean, at=("config", "chat")) == Mean(mean=1)
    for at, line, column, message in (
        (("config", "bad"), 4, 15, "config.bad.mean: found text 'x'; expected a number"),
        (
            ("config", "caht"),
            2,
            3,
            "config.caht: missing; expected a mapping; did you mean 'chat'?",
        ),
        (
            ("config", "text"),
            5,
            9,
            "config.text: found text 'y'; expected a mapping with mean, spread",
        ),
        (("config", "text", "z"), 5, 9, "config.text: found text 'y'; expected a mapping"),
        (("other",), 1, 1, "other: missing; expected a mapping"),
    ):
        with pytest.raises(InputError) as caught:
            read_model(path, Mean, at=at)
        assert str(caught.value) == f"{path}:{line}:{column}: {message}"


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


@pytest.mark.parametrize(
    "text",
    [
        BASE + "".join(f"daily_user{n}: 1\n" for n in range(9_900)),
        BASE + "others:\n" + "- {mean: x}\n" * 4_900,
        "a: " + "x " * 520_000,
        "a: '" + "\n" * 1_000_000 + "'",
        "- " * 500_000,
        "? " * 500_000,
        "{" * 1_000_000,
        "!" * 1_000_000,
        "a: &" + "x" * 1_000_000,
        "a: 1" + "_1" * 500_000 + "_",
        "x" * 1_000_000 + ": 1",
    ],
    ids=lambda text: f"{text[:6]!r}",
)
def test_hostile_files_end(tmp_path: Path, text: str) -> None:
    """`make bench` measures the time."""
    refused(tmp_path, text)


def _seconds(content: bytes) -> float:
    """CPU time until a text is refused."""
    start = time.process_time()
    with pytest.raises(RefusedYamlError):
        PlainYaml(content)
    return time.process_time() - start


@pytest.mark.parametrize("unit", ["!", "!%41", "!<a", "! ", "[", "{a: ", "&", "*", "? ", "'", "\\"])
def test_the_time_to_refuse_a_text_grows_no_faster_than_its_length(unit: str) -> None:
    """Guard: eight times the length takes at most twenty times the work; quadratic work would be
    64.

    The fastest of three runs counts, because other processes also run.
    """
    short, long = (
        min(_seconds(f"a: {unit * (length // len(unit))}\n- ]".encode()) for _ in range(3))
        for length in (50_000, 400_000)
    )
    assert long < 20 * max(short, 0.02), (short, long)


def test_a_pipe_is_refused() -> None:
    """Some commands read a file twice, and a pipe gives its bytes once."""
    reading, writing = os.pipe()
    os.write(writing, b"name: a\n")
    os.close(writing)
    try:
        with pytest.raises(InputError, match="not a file that stays"):
            file_content(Path(f"/dev/fd/{reading}"), "a workload file")
    finally:
        os.close(reading)


SNIPPETS = st.sampled_from(
    ["a", "name", "traffic", "tokens", "capacity", "method", "given", ": ", ":", "- ", "? ", "\n",
     "\n  ", "\n    ", "{", "}", "[", "]", ", ", "&a ", "*a", "!!int ", "!x ", "<<", "|", ">", "'",
     '"', "\\", "\\x0", "\\ud800", "\\U00110000", "%YAML 1.9", "%TAG ! x", "---", "...", "#", "\t",
     "\r", "\ufeff", "1", "0x", "1e9", ".inf", "~", "true", "@", "`", "\0", "\x85", "\u2028", "%"]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(SNIPPETS, max_size=40).map("".join),
    st.lists(SNIPPETS, max_size=25).map(lambda parts: BASE + "".join(parts)),
    st.text(max_size=60),
)


@settings(
    max_examples=examples(1500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.one_of(TEXTS.map(lambda text: text.encode("utf-8", "replace")), st.binary()))
@example(content=b'a: "\\U00110000"')
@example(content=b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1")
def test_any_bytes_are_a_model_or_one_input_error(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    try:
        assert isinstance(read_model(path, Service), Service)
    except InputError as error:
        assert str(error).isprintable()
        assert error.line is not None
        lines = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        assert 1 <= error.line <= lines.count("\n") + 1
        assert error.column is not None
        assert error.column >= 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**29), 10**29) | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["mean", "spread", "method", "rate", "daily_users", "bounds", "x"]),
        inner, max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip


@settings(
    max_examples=examples(500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.dictionaries(st.sampled_from([*Service.model_fields, "nmae"]), VALUES, min_size=1))
def test_json_is_read_as_it_is_and_its_faults_have_places(
    tmp_path: Path, data: dict[str, Any]
) -> None:
    path = written(tmp_path, json.dumps(data, ensure_ascii=False, indent=1))
    try:
        document = read_mapping(path)
    except InputError as error:
        assert "control character" in error.message
        return
    assert document.data == data
    try:
        document.validate(Service)
    except InputError as error:
        for fault in (error, *error.more):
            assert fault.line is not None
            assert fault.message
            assert "function-" not in str(fault)
            assert "Input should" not in str(fault)
