"""Hostile and random files end in a model or in one fault, in bounded time."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sizewright.reading.input_error import InputError
from sizewright.reading.plain_yaml import PlainYaml, RefusedYamlError
from sizewright.reading.read import read_mapping, read_model
from tests.examples import examples
from tests.sizewright.reading.service_model import BASE, Service, refused, written


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
