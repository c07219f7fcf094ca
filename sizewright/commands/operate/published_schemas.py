"""Every schema by name: `sizewright schema` prints them, and `docs/schema/` contains them."""

import json
from collections.abc import Callable
from importlib import import_module
from runpy import run_path

from sizewright.schema.answers import answer_schema
from sizewright.schema.generator import Node
from sizewright.schema.inputs import (
    request_schema,
    site_schema,
    stack_lock_schema,
    workload_schema,
)
from templates.programs import program_path

ANSWERS = {
    "size": "sizewright.answers.size:Plan",
    "explain": "sizewright.answers.explain:ExplainAnswer",
    "preview": "sizewright.answers.preview:PreviewAnswer",
    "diff": "sizewright.answers.diff:DiffAnswer",
    "compare": "sizewright.answers.compare:CompareAnswer",
    "check": "sizewright.answers.check:CheckAnswer",
    "catalog": "sizewright.answers.catalog:CatalogAnswer",
    "replay": "sizewright.answers.fleets.replay:ReplayAnswer",
    "new": "sizewright.answers.files:NewAnswer",
    "init": "sizewright.answers.files:InitAnswer",
    "update": "sizewright.answers.files:UpdateAnswers",
    "accuracy": "sizewright.answers.accuracy:AccuracyAnswer",
    "benchmark": "sizewright.answers.files:BenchmarkAnswer",
    "calibrate": "sizewright.answers.files:CalibrateAnswer",
    "observe": "sizewright.answers.running.observe:ObserveAnswer",
    "orphans": "sizewright.answers.orphans:OrphansAnswer",
    "render": "sizewright.answers.render:RenderAnswer",
    "schema": "sizewright.answers.schema:SchemaAnswer",
}
"""Model of each command's answer."""
ERRORS = {"error": "sizewright.answers.error:ErrorAnswer"}
"""Model of what any command prints with `--json` instead of its answer."""
INPUTS: dict[str, Callable[[], Node]] = {
    "workload": workload_schema,
    "site": site_schema,
    "stack-lock": stack_lock_schema,
}
REQUESTS = {"feedback": ("/v1/feedback", "application_judgement", "Feedback")}
"""Path of what callers send to an application, the program that checks it, and its model."""
NAMES = (*INPUTS, *REQUESTS, *ANSWERS, *ERRORS)
ENDING = ".schema.json"


def schema_of(name: str) -> Node:
    """Return the schema with this name. Raises KeyError."""
    if name in INPUTS:
        return INPUTS[name]()
    if name in REQUESTS:
        path, program, model = REQUESTS[name]
        return request_schema(path, run_path(str(program_path(f"{program}.py")))[model])
    module, _, model = (ANSWERS | ERRORS)[name].partition(":")
    command = name if name in ANSWERS else "COMMAND"
    return answer_schema(command, getattr(import_module(module), model))


def schema_text(name: str) -> str:
    """Return the schema as the text of its file. Raises KeyError."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def schema_file(name: str) -> str:
    """Name of the schema's file."""
    return f"{name}{ENDING}"
