"""The schemas of workload and stack files, as an editor applies them, against the reader."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sizewright.reading.input_error import InputError
from sizewright.reading.read import read_mapping
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizing.catalog import load_catalog
from sizing.site import Site
from sizing.workload import Workload
from tests.sizewright.conftest import ROOT, Run

FOLDER = ROOT / "docs/schema"
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")
STACKS = sorted(
    path
    for folder in (".", "stacks", "workloads/golden", "tests/program")
    for path in (ROOT / folder).glob("Pulumi.*.yaml")
)
LOCKS = sorted(ROOT.glob("Pulumi.*.lock"))
KINDS = {".lock": "stack-lock"}
WORKLOADS = sorted(
    path
    for folder in ("workloads", "workloads/golden", "tests/program")
    for path in (ROOT / folder).glob("[!P]*.yaml")
)


class EditorLoader(yaml.SafeLoader):
    """YAML 1.2 as editors read it: no underscores in numbers, no dates, yes is text."""


EditorLoader.yaml_implicit_resolvers = {}
for tag, form in {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}.items():
    EditorLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{form})$"), None
    )
EditorLoader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value, 0))
EditorLoader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def as_editor(text: str) -> Any:
    return yaml.load(text, EditorLoader)


def refusals(kind: str, value: object) -> list[str]:
    """Errors of the committed schema for a value."""
    schema = json.loads((FOLDER / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(value)]


def test_an_editor_takes_grouped_digits_for_text() -> None:
    assert as_editor("[100_000, 100000, 7.0e9, yes, 2026-01-01, true, ~]") == [
        *("100_000", 100000, 7.0e9, "yes", "2026-01-01", True, None)
    ]


@pytest.mark.parametrize(
    "path", [*WORKLOADS, *STACKS, *LOCKS], ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_committed_file_names_the_schema_that_it_meets(path: Path) -> None:
    kind = KINDS.get(path.suffix) or ("site" if path.name.startswith("Pulumi.") else "workload")
    text = path.read_text(encoding="utf-8")
    first = MODELINE.match(text)
    assert first is not None
    assert (path.parent / first[1]).resolve() == FOLDER / f"{kind}.schema.json"
    assert refusals(kind, as_editor(text)) == []
    assert refusals(kind, read_mapping(path).data) == []


def test_the_files_are_found() -> None:
    assert len(WORKLOADS) >= 12 and len(STACKS) >= 8 and LOCKS


BASE = """\
name: chat
kind: chat
model: {name: llama-3.1-8b, precision: fp8}
traffic: {daily_users: 1000, requests_per_user_per_day: 10, peak_ratio: 3}
request: {input_tokens: 500, output_tokens: 300, context_tokens: 4096}
latency: {ttft_ms: 500, tpot_ms: 50}
capacity: {method: calibrated}
hardware: {instance_type: g6e.xlarge}
"""
RIGHT_WORKLOADS = {
    "grouped digits": ("daily_users: 1000", "daily_users: 1_000_000"),
    "digits in quotes": ("daily_users: 1000", "daily_users: '1000'"),
    "hex": ("daily_users: 1000", "daily_users: 0x10"),
    "exponent": ("per_day: 10", "per_day: 1.0e1"),
    "decimal in quotes": ("per_day: 10", 'per_day: "10.5"'),
    "grouped decimal": ("per_day: 10", "per_day: 1_000.5"),
    "model by name": ("model: {name: llama-3.1-8b, precision: fp8}", "model: llama-3.1-8b"),
    "auto": ("hardware: {instance_type: g6e.xlarge}", "hardware: auto"),
    "type alone": ("hardware: {instance_type: g6e.xlarge}", "hardware: g6e.xlarge"),
    "no data": ("hardware:", "data: none\nhardware:"),
    "on demand": ("g6e.xlarge}", "g6e.xlarge, capacity: on_demand}"),
    "reservations": ("g6e.xlarge}", "g6e.xlarge, capacity: {blocks: {use1-az1: cr-0123456789}}}"),
    "histogram": ("output_tokens: 300", "output_tokens: [{tokens: 10, share: 1}]"),
    "nothing": ("latency: {ttft_ms: 500, tpot_ms: 50}", "latency:"),
    "its own schema": ("name: chat", "$schema: ../x.json\nname: chat"),
}
WRONG_WORKLOADS = {
    "unknown key": ("daily_users", "dayly_users"),
    "text": ("daily_users: 1000", "daily_users: many"),
    "percent": ("peak_ratio: 3", "peak_users_share: 10%, think_time_s: 60"),
    "unit": ("ttft_ms: 500", "ttft_ms: 500ms"),
    "truth": ("daily_users: 1000", "daily_users: true"),
    "negative": ("daily_users: 1000", "daily_users: -1"),
    "below zero": ("daily_users: 1000", "daily_users: -1"),
    "fraction of a person": ("daily_users: 1000", "daily_users: 0.5"),
    "ratio below one": ("peak_ratio: 3", "peak_ratio: 0.5"),
    "too sure": ("tpot_ms: 50", "tpot_ms: 50, percentile: 100"),
    "too utilised": ("calibrated}", "calibrated, max_utilisation: 0.96}"),
    "unknown kind": ("kind: chat", "kind: chats"),
    "unknown precision": ("fp8", "fp9"),
    "capital name": ("name: chat", "name: Chat"),
    "long name": ("name: chat", f"name: {'a' * 31}"),
    "missing traffic": ("traffic:", "access:"),
    "missing key": ("daily_users: 1000, ", ""),
    "list for mapping": ("latency: {ttft_ms: 500, tpot_ms: 50}", "latency: []"),
    "no type": ("hardware: {instance_type: g6e.xlarge}", "hardware: {}"),
    "zone name": ("g6e.xlarge}", "g6e.xlarge, capacity: {blocks: {us-east-1a: cr-0123456789}}}"),
    "moving revision": (
        "precision: fp8",
        "precision: fp8, source: {hub: {id: a/b, revision: main}}",
    ),
    "yes": ("name: chat", "name: chat\naccess: {token_required: yes}"),
    "schema is a number": ("name: chat", "$schema: 1\nname: chat"),
}

SITE = """\
secretsprovider: awskms://alias/x
config:
  pulumi:disable-default-providers: [aws, kubernetes]
  aws:skipMetadataApiCheck: true
  sizewright:workloads: []
  sizewright:region: us-east-1
  sizewright:zones: [use1-az1, use1-az2]
  sizewright:environment: dev
  sizewright:tags: {team: ai}
"""
RIGHT_SITES = {
    "as it is": ("team: ai", "team: ai"),
    "no workloads": ("  sizewright:workloads: []\n", ""),
    "empty text": ("sizewright:tags: {team: ai}", 'sizewright:certificate_arn: ""'),
    "creator": (
        "tags: {team: ai}",
        "access: {admins: [arn:aws:iam::111122223333:role/a], creator: true}",
    ),
    "version": ("tags: {team: ai}", 'kubernetes_version: "1.35"'),
    "metrics": ("tags: {team: ai}", "metrics: {store: in_cluster, retention_days: 90}"),
}
WRONG_SITES = {
    "no config": (SITE[SITE.index("config") :], "other: 1\n"),
    "misspelt key": ("sizewright:tags", "sizewright:tag"),
    "missing region": ("  sizewright:region: us-east-1\n", ""),
    "empty region": ("us-east-1", '""'),
    "zone by name": ("use1-az1", "us-east-1a"),
    "too many zones": ("[use1-az1,", f"[{', '.join(f'use1-az{n}' for n in range(3, 10))},"),
    "unknown environment": ("environment: dev", "environment: test"),
    "number as text": ("tags: {team: ai}", "account_ids: [111122223333]"),
    "version as number": ("tags: {team: ai}", "kubernetes_version: 1.35"),
    "tag is a number": ("team: ai", "team: 5"),
    "account in quotes but short": ("tags: {team: ai}", 'account_ids: ["1111"]'),
    "workloads as text": ("workloads: []", "workloads: chat.yaml"),
    "yes": ("tags: {team: ai}", "access: {creator: yes}"),
    "unknown store": ("tags: {team: ai}", "metrics: {store: elsewhere}"),
    "metrics for no day": ("tags: {team: ai}", "metrics: {store: in_cluster, retention_days: 0}"),
    "alerts to nobody": ("tags: {team: ai}", "alerts: {email: []}"),
    "alerts to a name": ("tags: {team: ai}", "alerts: {email: [on-call]}"),
    "unknown part": ("tags: {team: ai}", "cluster: {offers: [kedda]}"),
}


def _edited(text: str, change: tuple[str, str]) -> str:
    assert change[0] in text
    return text.replace(*change, 1)


def _read(tmp_path: Path, kind: str, text: str) -> Workload | Site:
    path = tmp_path / ("chat.yaml" if kind == "workload" else "Pulumi.x.yaml")
    path.write_text(text, encoding="utf-8")
    if kind == "workload":
        return read_workload(path, load_catalog()).workload
    return read_site(path).site


RIGHT = [
    *(("workload", _edited(BASE, change)) for change in RIGHT_WORKLOADS.values()),
    *(("site", _edited(SITE, change)) for change in RIGHT_SITES.values()),
]
WRONG = [
    *(("workload", _edited(BASE, change)) for change in WRONG_WORKLOADS.values()),
    *(("site", _edited(SITE, change)) for change in WRONG_SITES.values()),
]


@pytest.mark.parametrize(("kind", "text"), RIGHT, ids=[*RIGHT_WORKLOADS, *RIGHT_SITES])
def test_what_the_reader_takes_no_editor_marks(tmp_path: Path, kind: str, text: str) -> None:
    _read(tmp_path, kind, text)
    assert refusals(kind, as_editor(text)) == []


@pytest.mark.parametrize(("kind", "text"), WRONG, ids=[*WRONG_WORKLOADS, *WRONG_SITES])
def test_what_an_editor_marks_the_reader_refuses(tmp_path: Path, kind: str, text: str) -> None:
    assert refusals(kind, as_editor(text)) != []
    with pytest.raises(InputError):
        _read(tmp_path, kind, text)


def test_the_schemas_name_every_field_of_the_models() -> None:
    workload, site = (
        json.loads((FOLDER / f"{kind}.schema.json").read_text(encoding="utf-8"))
        for kind in ("workload", "site")
    )
    assert set(workload["properties"]) == {"$schema", *Workload.model_fields}
    keys = site["properties"]["config"]["properties"]
    others = ("workloads", "lock", "page_client_secret")
    assert set(keys) == {f"sizewright:{key}" for key in (*Site.model_fields, *others)}


def test_hover_text_and_units_are_there() -> None:
    properties = json.loads((FOLDER / "workload.schema.json").read_text(encoding="utf-8"))[
        "properties"
    ]
    kind = properties["kind"]
    said = dict(zip(kind["enum"], kind["enumDescriptions"], strict=True))
    assert said["chat"] == "Conversations: text in, text out, turn after turn."
    ttft = properties["latency"]["anyOf"][0]["properties"]["ttft_ms"]
    assert ttft["description"] == "Time to the first token, milliseconds."
    utilisation = properties["capacity"]["anyOf"][0]["properties"]["max_utilisation"]["anyOf"][0]
    assert utilisation == {"type": "number", "exclusiveMinimum": 0, "maximum": 0.95}


@pytest.mark.parametrize("folder", ["workloads", "teams/a/workloads"])
def test_init_names_the_schema_of_the_project(run: Run, tmp_path: Path, folder: str) -> None:
    run("schema", "--directory", tmp_path / "docs/schema")
    assert run("init", "search", "--directory", tmp_path / folder).code == 0
    path = tmp_path / folder / "search.yaml"
    first = MODELINE.match(path.read_text(encoding="utf-8"))
    assert first is not None
    assert (path.parent / first[1]).resolve() == tmp_path / "docs/schema/workload.schema.json"
    assert refusals("workload", as_editor(path.read_text(encoding="utf-8"))) == []


def test_init_names_no_schema_where_there_is_none(run: Run, tmp_path: Path) -> None:
    run("init", "search", "--directory", tmp_path)
    assert "yaml-language-server" not in (tmp_path / "search.yaml").read_text(encoding="utf-8")


def test_a_schema_in_a_workload_changes_nothing(tmp_path: Path) -> None:
    plain = _read(tmp_path, "workload", BASE)
    assert _read(tmp_path, "workload", f"$schema: ../x.json\n{BASE}") == plain
    with pytest.raises(InputError, match="whole number 1"):
        _read(tmp_path, "workload", f"$schema: 1\n{BASE}")
