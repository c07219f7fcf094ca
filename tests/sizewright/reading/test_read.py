"""Files that are read, and the values in them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.input_error import InputError
from sizewright.reading.read import file_content, read_mapping, read_model
from tests.sizewright.reading.service_model import BASE, Mean, Service, Textbook, Traffic, written


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


def test_a_pipe_is_refused() -> None:
    """Some commands read a file twice, and a pipe gives its bytes once."""
    reading, writing = os.pipe()
    os.write(writing, b"name: a\n")
    os.close(writing)
    try:
        with pytest.raises(InputError, match="not a regular file"):
            file_content(Path(f"/dev/fd/{reading}"), "a workload file")
    finally:
        os.close(reading)
