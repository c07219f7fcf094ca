"""Traces in each known format, an own log, and rows that are refused with their place."""

from pathlib import Path

import pytest

from sizewright.reading.input_error import InputError
from sizewright.reading.traces.formats import own_format
from sizewright.reading.traces.trace_file import read_trace

AZURE_2023 = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,300,40
2023-11-16 18:15:50.1805900,500,90
"""
AZURE_2024 = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-10 00:00:00.500000+00:00,300,40
2024-05-10 00:00:04+00:00,500,90
"""
BURSTGPT_1 = """\
Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,300,40,340,Conversation log
7,GPT-4,120,0,120,API log
8.5,GPT-4,500,90,590,API log
"""
BURSTGPT_3 = """\
Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
5,1,2.5,ChatGPT,300,40,340,Conversation log
8.5,,3.0,GPT-4,500,90,590,API log
"""
MOONCAKE = """\
{"timestamp": 1000, "input_length": 300, "output_length": 40, "hash_ids": [1, 2]}

{"timestamp": 4500, "input_length": 500, "output_length": 90, "hash_ids": [1, 3]}
"""
OWN_CSV = """\
input_tokens,user,output_tokens,time
500,"b, c",90,2026-11-30T10:00:03.5Z
300,a,40.0,2026-11-30T10:00:00Z
"""
OWN_JSON = """\
{"received_ms": 1764000000000, "prompt": 300, "answer": 40}
{"received_ms": 1764000003500, "prompt": 500, "answer": 90}
"""
KNOWN = {
    "Azure 2023": (AZURE_2023, "Azure LLM inference", 0),
    "Azure 2024": (AZURE_2024, "Azure LLM inference", 0),
    "BurstGPT 1": (BURSTGPT_1, "BurstGPT", 1),
    "BurstGPT 3": (BURSTGPT_3, "BurstGPT", 0),
    "Mooncake": (MOONCAKE, "Mooncake", 0),
    "own": (OWN_CSV, "own log", 0),
}
FAILED = {
    "an empty cell": "time,input_tokens,output_tokens\n1,300,40\n2,300,\n",
    "a null": '{"time": 1, "input_tokens": 300, "output_tokens": 40}\n'
    '{"time": 2, "input_tokens": 300, "output_tokens": null}\n',
}
OWN = own_format(("received_ms", "prompt", "answer"))


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", KNOWN)
def test_each_format_is_known_by_its_columns(tmp_path: Path, name: str) -> None:
    text, title, left_out = KNOWN[name]
    read = read_trace(written(tmp_path, text))
    assert (read.format.title, read.without_answer) == (title, left_out)
    assert list(read.trace.input_tokens) == [300, 500]
    assert list(read.trace.output_tokens) == [40, 90]
    first, second = read.trace.arrivals_s
    assert second - first == pytest.approx(3.5)


def test_an_own_log_has_the_stated_columns(tmp_path: Path) -> None:
    read = read_trace(written(tmp_path, OWN_JSON), OWN)
    assert list(read.trace.input_tokens) == [300, 500]
    first, second = read.trace.arrivals_s
    assert second - first == pytest.approx(3.5)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xef\xbb\xbf" + BURSTGPT_1.replace("\n", "\r\n").encode())
    assert read_trace(path).trace.requests == 2


def test_reading_stops_an_hour_after_the_end(tmp_path: Path) -> None:
    """The faulty row is beyond it, so nothing reads it."""
    rows = [f"{1_000 * n},300,40" for n in range(10)]
    path = written(tmp_path, "\n".join(["time,input_tokens,output_tokens", *rows, "x,y,z"]))
    assert read_trace(path, until_s=2_000).trace.requests == 6
    with pytest.raises(InputError, match="found text 'x'"):
        read_trace(path)


@pytest.mark.parametrize("name", FAILED)
def test_a_request_that_failed_is_left_out_and_counted(tmp_path: Path, name: str) -> None:
    read = read_trace(written(tmp_path, FAILED[name]))
    assert (read.trace.requests, read.without_answer) == (1, 1)


FAULTY = {
    "empty": ("", ":1:1: no header; expected a trace: CSV with a header, or JSON lines"),
    "unknown columns": (
        "when,prompt\n1,2\n",
        ":1:1: found the columns when, prompt; expected one of: TIMESTAMP, ContextTokens, "
        "GeneratedTokens (Azure LLM inference); Timestamp, Request tokens, Response tokens "
        "(BurstGPT); timestamp, input_length, output_length (Mooncake); time, input_tokens, "
        "output_tokens (own log); --columns TIME,INPUT,OUTPUT names those of an own log",
    ),
    "time": (
        AZURE_2023 + "yesterday,1,2\n",
        ":4:1: TIMESTAMP: found text 'yesterday'; expected a date and time such as "
        "2026-11-16 18:17:03.98",
    ),
    "tokens": (
        BURSTGPT_1 + "9,GPT-4,many,2,3,API log\n",
        ":5:9: Request tokens: found text 'many'; expected a whole number from 0 to 100,000,000",
    ),
    "the same cell twice": (
        "time,input_tokens,output_tokens\n1,x,x\n",
        ":2:3: input_tokens: found",
    ),
    "the second of two": ("user,input_tokens,output_tokens,time\nx,5,x,1\n", ":2:5: output_tokens"),
    "negative": (
        BURSTGPT_1 + "9,GPT-4,10,-2,8,API log\n",
        ":5:12: Response tokens: found text '-2'; expected a whole number from 0 to 100,000,000",
    ),
    "fraction": (AZURE_2023 + "2023-11-16 18:16,1.5,2\n", ":4:18: ContextTokens: found text '1.5'"),
    "infinite": ("time,input_tokens,output_tokens\ninf,1,2\n", ":2:1: time: found text 'inf'"),
    "nan": ("time,input_tokens,output_tokens\nnan,1,2\n", ":2:1: time: found text 'nan'"),
    "few cells": (
        BURSTGPT_1 + "9,GPT-4,10\n",
        ":5:1: Response tokens: 3 cells; expected 6 cells, as in the header",
    ),
    "JSON key": (
        MOONCAKE + '{"timestamp": 5000, "input_length": 7}\n',
        ":4:1: output_length: missing; expected the columns timestamp, input_length, output_length",
    ),
    "JSON value": (
        MOONCAKE + '{"timestamp": 5000, "input_length": true, "output_length": 1}\n',
        ":4:21: input_length: found true/false value true; expected a whole number",
    ),
    "no JSON": (MOONCAKE + "{'timestamp': 1}\n", ":4:2: expecting property name enclosed"),
    "JSON list": (MOONCAKE + "[1]\n", ":4:1: found a list; expected one JSON object a line"),
    "no answer at all": (
        "time,input_tokens,output_tokens\n1,5,0\n",
        ": no request with a prompt and an answer",
    ),
    "quotes": ('time,input_tokens,output_tokens\n1,"5,0\n', ":2:1: unexpected end of data"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_row_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    text, said = FAULTY[name]
    path = written(tmp_path, text)
    with pytest.raises(InputError) as refused:
        read_trace(path)
    assert str(refused.value).startswith(f"{path}{said}")


def test_a_stated_column_that_is_missing_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, OWN_JSON.replace("answer", "answers"))
    with pytest.raises(InputError) as refused:
        read_trace(path, OWN)
    assert str(refused.value) == (
        f"{path}:1:1: answer: found the columns received_ms, prompt, answers; expected the columns "
        "received_ms, prompt, answer; did you mean 'answers'?"
    )


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"time\xff\xfe", "not UTF-8")]
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "trace.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_trace(path)


def test_stdin_is_refused() -> None:
    with pytest.raises(InputError, match="stdin is not read"):
        read_trace(Path("-"))
