"""Texts of a new workload file and of a new stack file."""

import json
from dataclasses import dataclass
from pathlib import Path

from sizewright.project_files import template_files
from sizewright.reading.stack.site_file import DEFAULT_SITE

CONTEXT_TOKENS = 4096
INPUT_TOKENS, OUTPUT_TOKENS = 500, 300


@dataclass(frozen=True)
class Guesses:
    """Lines of a new workload file on its traffic and its requests, with their comments."""

    traffic: str
    request: str


def guessed_lines(users: int, context: int | None) -> Guesses:
    """Return usual traffic and lengths. `context` is the longest that the model accepts."""
    longest = min(context or CONTEXT_TOKENS, CONTEXT_TOKENS)
    given = min(INPUT_TOKENS, longest // 2)
    answered = min(OUTPUT_TOKENS, longest // 2)
    return Guesses(
        f"""\
# A guess: 10 requests a user a day, and a peak of 3 times the daily mean.
traffic: {{daily_users: {users:_}, requests_per_user_per_day: 10, peak_ratio: 3}}
""",
        f"""\
# A guess: tokens and bytes of one request, mean; context_tokens is the longest accepted.
request: {{input_tokens: {given}, output_tokens: {answered}, context_tokens: {longest}, \
request_bytes: 2000, response_bytes: 10000}}
""",
    )


def starter_text(*, name: str, kind: str, model: str, instance_type: str, lines: Guesses) -> str:
    """Return a workload file that marks with a comment each guess that its owner must replace."""
    return f"""\
# {name}: replace the guesses below by your own numbers.
name: {name}
kind: {kind}
model: {{name: {json.dumps(model)}}}
{lines.traffic}{lines.request}\
# A guess: the longest wait for the first token, and between two, of 95 % of requests.
latency: {{ttft_ms: 1000, tpot_ms: 60, percentile: 95}}
# The rate of one GPU follows from the lengths and targets; `given` takes one that you measured.
capacity: {{method: calibrated, load: peak}}
# What may fail: any one node. `zones: 1` also survives the loss of a whole zone.
redundancy: {{nodes: 1}}
hardware: {{instance_type: {json.dumps(instance_type)}}}
# What is kept of users and requests; none while the applications keep it.
data: none
"""


def starter_site_text(workload: Path) -> str:
    """Return a stack file for this workload: that of a new repository, with the path replaced.

    Raises ValueError where that file names another workload than its own.
    """
    text = template_files()[DEFAULT_SITE.name]
    line = "    - workloads/chat.yaml\n"
    if text.count(line) != 1:
        raise ValueError(f"{DEFAULT_SITE}: expected the line {line!r} once")
    return text.replace(line, f"    - {json.dumps(workload.as_posix(), ensure_ascii=False)}\n")
