"""The function that accepts jobs: its program, its environment and its rights."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from components.service.jobs.function import HANDLER
from sizewright.record import Recorded
from sizing.plan.service.items.jobs import JobsPlan
from templates.programs import JOB_API, program, programs
from tests.components.plans import queued_jobs
from tests.components.recording import before, children, named
from tests.components.service.jobs.parts import KEY, LOGS_KEY, intake

QUEUE, TABLE = "${aws:sqs/queue:Queue::%s.arn}", "${aws:dynamodb/table:Table::%s.arn}"
BUCKET = "${aws:s3/bucket:Bucket::b-bucket.arn}"
HANDLER_NAME = "i-function-handler"


def inputs(preview: bool, plan: JobsPlan | None = None) -> Any:
    return named(intake(preview, plan), HANDLER_NAME).inputs


def rights(recording: Recorded) -> dict[object, object]:
    """Resources of the function's role by action; a list of actions is a tuple."""
    policy = json.loads(str(named(recording, "i-function-identity-policy").inputs["policy"]))
    return {
        tuple(s["Action"]) if isinstance(s["Action"], list) else s["Action"]: s["Resource"]
        for s in policy["Statement"]
    }


def test_children(preview: bool) -> None:
    assert children(intake(preview), "i-function") == [
        "Function i-function-handler",
        "Identity i-function-identity",
        "LogGroup i-function-logs",
    ]


def test_runtime_memory_and_time_are_the_plan_s(preview: bool) -> None:
    plan = queued_jobs(runtime="python3.14", memory_mib=640, timeout_s=7)
    made = inputs(preview, plan)
    assert (made["runtime"], made["memorySize"], made["timeout"]) == ("python3.14", 640, 7)
    assert made["architectures"] == ["arm64"]
    assert "name" not in made, "its name is automatic"
    assert "vpcConfig" not in made, "it calls AWS services only"


def test_the_archive_has_the_handler_and_all_that_it_imports(preview: bool) -> None:
    """Guard: an archive without a module fails at the first request, not at its creation."""
    names = {each.file.removesuffix(".py") for each in programs(JOB_API).files}
    module, function = HANDLER.split(".")
    assert module in names
    assert re.search(rf"^def {function}\(", program(module).text, re.MULTILINE)
    given = {"boto3", "botocore", *sys.stdlib_module_names}
    for each in programs(JOB_API).files:
        for node in ast.walk(ast.parse(each.text)):
            imported = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in imported} <= names | given, each.file
    assert inputs(preview)["code"].keys() == {"$archive"}


def test_the_archive_depends_on_the_programs_alone(
    preview: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = inputs(preview)["code"]["$archive"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", first)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.chdir(tmp_path)
    assert inputs(preview)["code"]["$archive"] == first
    copy = tmp_path / "scripts"
    copy.mkdir()
    for name in JOB_API:
        text = (
            Path(str(sys.modules["templates.programs"].__file__)).parent / f"scripts/jobs/{name}.py"
        )
        (copy / text.name).write_text(text.read_text("utf-8") + "CHANGED = 1\n", "utf-8")
    monkeypatch.setattr("templates.programs.SCRIPTS", copy)
    assert inputs(preview)["code"]["$archive"] != first


def test_the_environment_is_what_the_program_reads(preview: bool) -> None:
    read = set[str]()
    for each in programs(JOB_API).files:
        read |= set(re.findall(r'(?:environ\[|_number\()"([A-Z_0-9]+)"', each.text))
    assert inputs(preview)["environment"]["variables"].keys() == read


def test_the_environment_has_the_plan_s_numbers() -> None:
    plan = queued_jobs(
        width=1_280,
        height=720,
        frames=97,
        iterations=40,
        fps=25,
        expire_days=9,
        row_days=12,
        url_s=60,
        body_bytes=1_000,
        upload_bytes=2_000,
        takes_images=True,
    )
    variables = inputs(False, plan)["environment"]["variables"]
    limits = json.loads(variables.pop("LIMITS"))
    assert limits == {
        "frames": 97,
        "height": 720,
        "iterations": 40,
        "fps": 25,
        "width": 1_280,
    }
    by_reference = {"QUEUE_URL", "TABLE", "BUCKET"}
    assert {name: variables[name]["$ref"].split("::")[1] for name in by_reference} == {
        "QUEUE_URL": "i-queue-waiting",
        "TABLE": "i-table-rows",
        "BUCKET": "b-bucket",
    }
    assert {k: v for k, v in variables.items() if k not in by_reference} == {
        "KIND": "image",
        "MODEL": "flux.2-klein-4b",
        "EXPIRE_DAYS": "9",
        "ROW_DAYS": "12",
        "KEPT_S": "1209600",
        "URL_S": "60",
        "BODY_BYTES": "1000",
        "ISSUER": "https://issuer.example",
        "ACCEPTS": "true",
        "TAKES_IMAGES": "true",
        "UPLOAD_BYTES": "2000",
        "VARIANTS": "[]",
    }


def test_it_may_do_what_it_does_and_no_more() -> None:
    group = "${aws:cloudwatch/logGroup:LogGroup::i-function-logs.arn}"
    found = rights(intake(False))
    (use,) = (action for action in found if "kms:Decrypt" in str(action))
    assert isinstance(use, tuple)
    assert "kms:GenerateDataKey" in use
    assert not {"kms:CreateGrant", "kms:*"} & set(use)
    assert {action: found[action] for action in found if action != use} == {
        "sqs:SendMessage": QUEUE % "i-queue-waiting",
        ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"): TABLE % "i-table-rows",
        "s3:GetObject": f"{BUCKET}/??/*",
        ("logs:CreateLogStream", "logs:PutLogEvents"): f"{group}:*",
    }
    assert found[use] == KEY


def test_it_writes_uploads_only_where_the_model_takes_images() -> None:
    uploads = ("s3:GetObject", "s3:PutObject")
    found = rights(intake(False, queued_jobs(takes_images=True)))
    assert found[uploads] == f"{BUCKET}/uploads/*"
    assert found["s3:ListBucket"] == BUCKET
    assert not {uploads, "s3:ListBucket"} & rights(intake(False)).keys()


def test_its_role_is_for_functions_and_follows_the_account(preview: bool) -> None:
    role = named(intake(preview), "i-function-identity-role").inputs
    trust = json.loads(str(role["assumeRolePolicy"]))
    assert trust["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert role["path"] == "/here/"
    assert role["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/b"


def test_its_log_has_a_key_and_an_end(preview: bool) -> None:
    recording = intake(preview, queued_jobs(log_days=7))
    group = named(recording, "i-function-logs").inputs
    assert (group["kmsKeyId"], group["retentionInDays"]) == (LOGS_KEY, 7)
    made = named(recording, HANDLER_NAME)
    if not preview:
        ref = {"$ref": "aws:cloudwatch/logGroup:LogGroup::i-function-logs", "property": "name"}
        assert made.inputs["loggingConfig"] == {"logFormat": "JSON", "logGroup": ref}
    waits = before(recording, made)
    assert "aws:cloudwatch/logGroup:LogGroup::i-function-logs" in waits
    assert "aws:iam/rolePolicy:RolePolicy::i-function-identity-policy" in waits
