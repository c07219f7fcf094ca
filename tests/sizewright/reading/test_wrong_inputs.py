"""Every kind of faulty file through whole commands gives one line on stderr, and nothing else."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from sizing.site import Site
from sizing.workload import ZONE_ID, Workload
from tests.sizewright.conftest import Ended, Run, after_contradictions
from tests.sizewright.reading.wrong_files import CHAT, HUB, assert_one_line, place

WRONG_CONTENTS = {
    "empty": b"",
    "10 MB": b"name: chat\n" + b"#" * 10_000_000,
    "binary": bytes(range(256)) * 10,
    "not a mapping": b"- 1\n",
    "two documents": b"name: a\n---\nname: b\n",
}


@pytest.mark.parametrize("fault", WRONG_CONTENTS)
def test_a_file_that_is_no_workload_is_one_line(run: Run, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(WRONG_CONTENTS[fault])
    ended = run("size", path, "--json")
    assert ended.code == 2
    error = json.loads(ended.out)["error"]
    assert error["file"] == str(path)
    assert ended.err.startswith(f"{path}:") and ended.err.count("\n") == 1
    assert run("size", path) == Ended(2, "", ended.err)


def test_a_folder_and_a_missing_file_are_one_line(
    run: Run, tmp_path: Path, chat: Callable[..., Path]
) -> None:
    near = chat()
    for path, said in (
        (tmp_path, "is a directory"),
        (near.with_name("chta.yaml"), "did you mean 'chat.yaml'?"),
        (Path(f"{tmp_path}/a\nb.yaml"), "a\\nb.yaml: no such file"),
    ):
        ended = run("size", path)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err and ended.err.count("\n") == 1


def test_two_services_of_one_name_are_refused(run: Run, chat: Callable[..., Path]) -> None:
    path = chat()
    ended = run("size", CHAT, path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(place(path, "chat\nkind"))


def test_a_wrong_lock_is_one_line(run: Run, chat: Callable[..., Path]) -> None:
    path = chat()
    path.with_suffix(".lock").write_text("model: a\ntensor_parallel: 0\n", encoding="utf-8")
    ended = run("size", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{path.with_suffix('.lock')}:")
    assert ended.err.count("\n") == 1


def test_a_network_that_is_too_small_is_refused_before_it_is_built(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path]
) -> None:
    many = chat(("100_000", "1_500_000"))
    path = site(("sizewright:region", "sizewright:vpc_cidr: 10.0.0.0/18\n  sizewright:region"))
    for words in (("preview", many), ("diff", CHAT, many)):
        ended = run(*words, "--site", path)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(place(path, "10.0.0.0/18"))
        assert "gives a zone 2,043 private addresses" in ended.err
        assert ended.err.count("\n") == 1
    assert run("size", many, "--site", path).code == 0, "sizing alone needs no network"
    ended = run("check", many, "--site", path)
    assert ended.code == 4 and "subnet addresses" in ended.err


TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123"


@pytest.mark.parametrize("written", [TOKEN, f"[{TOKEN}]", f"{{a: {TOKEN}}}", "12345678"])
def test_a_token_is_never_echoed(run: Run, chat: Callable[..., Path], written: str) -> None:
    source = f"precision: nf4, source: {{hub: {{{HUB}, token_secret_arn: {written}}}}}}}"
    ended = run("size", chat(("precision: nf4}", source)))
    said = "is no ARN" if written == "12345678" else "holds what looks like a Hugging Face token"
    assert ended.code == 2 and f"{said}; its value is not shown" in ended.err
    assert "token_secret_arn" in ended.err
    assert TOKEN not in ended.err and "12345678" not in ended.err
    looks = "store it in AWS Secrets Manager and give the ARN"
    assert (looks in ended.err) is (written != "12345678")


def test_a_token_in_another_place_is_not_echoed_either(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("size", chat(("precision: nf4}", f"precision: nf4, source: {TOKEN}}}")))
    assert ended.code == 2 and "model.source: holds what looks like a Hugging Face" in ended.err
    assert TOKEN not in ended.err


def test_an_account_without_quotes(run: Run, site: Callable[..., Path]) -> None:
    ended = run("size", CHAT, "--site", site(('["111122223333"]', "[111122223333]")))
    assert ended.code == 2
    assert ended.err.endswith("; write it in quotes\n") and "account_ids[0]" in ended.err


@pytest.mark.parametrize("key", ["region", "certificate_arn", "workloads"])
def test_a_misspelt_prefix(run: Run, site: Callable[..., Path], key: str) -> None:
    path = site((f"sizewright:{key}", f"sizewrite:{key}"))
    ended = run("size", CHAT, "--site", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(place(path, f"sizewrite:{key}"))
    assert ended.err.endswith(f"did you mean 'sizewright:{key}'?\n")


def test_no_number_of_users_is_a_fault_of_the_files(run: Run, chat: Callable[..., Path]) -> None:
    many = chat(("100_000", "999_999_999_999_999"))
    ended = run("preview", many)
    assert ended.code == 6
    assert "46,296,296,297 nodes of g6-xlarge in use1-az1, of at most 450 a node group" in ended.err
    lines = after_contradictions(run("size", many, "--verbose").out).splitlines()
    assert "chat: 138,888,888,890 GPUs (NVIDIA L4) on 138,888,888,890 x g6.xlarge" in lines


SECOND = {
    "its name": (("name: chat", "name: chat"), "chat\nkind", "another file already has a service"),
    "its access": (
        ("kind: chat", "kind: chat\naccess: {token_required: true}"),
        "true}",
        "access.token_required: the site names no issuer of tokens",
    ),
    "a GPU that auto does not choose": (
        (
            "method: given, requests_per_gpu_per_s: 1, load: mean, min_gpu_gb: 16}",
            "method: textbook, load: mean, gpu: H100}",
        ),
        "H100}",
        "capacity.gpu: the instance type has NVIDIA",
    ),
}


@pytest.mark.parametrize("fault", SECOND)
def test_a_fault_of_the_second_file_is_at_its_place(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path], fault: str
) -> None:
    replaced, before, said = SECOND[fault]
    auto = ("instance_type: g6.xlarge", "instance_type: auto, families: [g6]")
    opened = (auto,) if "auto" in fault else ()
    path = chat(replaced, *opened, name="chat" if fault == "its name" else "second")
    ended = run("preview", CHAT, path, "--site", site())
    assert_one_line(ended, path, before, said)


def _forms(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a model and of those below it, by name."""
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field
        for below in _models(field.annotation):
            if below not in seen:
                seen.add(below)
                yield from _forms(below, seen)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _noted(annotation: Any) -> Iterator[tuple[Any, FieldInfo]]:
    """Field notes of a type and of its parts."""
    first, *rest = get_args(annotation) or (None,)
    if get_origin(annotation) is Annotated:
        yield from ((first, note) for note in rest if isinstance(note, FieldInfo))
        rest = []
    for part in (first, *rest):
        if part is not None:
            yield from _noted(part)


def test_every_form_has_an_example_of_that_form() -> None:
    """A zone id is excepted, because its fault has its own message."""
    checked = 0
    for root in (Workload, Site):
        for name, field in _forms(root, set()):
            for kind, note in ((field.annotation, field), *_noted(field.annotation)):
                patterns = [m.pattern for m in note.metadata if getattr(m, "pattern", None)]
                assert patterns in ([], [ZONE_ID]) or note.examples, name
                for example in note.examples or ():
                    form: Any = Annotated[kind, *note.metadata] if note.metadata else kind
                    TypeAdapter(form).validate_python(example)
                    checked += 1
    assert checked >= 30


@pytest.mark.parametrize("command", ["size", "check", "preview", "compare", "explain"])
def test_a_stack_file_in_the_place_of_a_workload_names_the_option(run: Run, command: str) -> None:
    ended = run(command, "Pulumi.prod.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Pulumi.prod.yaml:3:1: config: this is a stack file; expected a workload file; "
        "give it with --site Pulumi.prod.yaml\n"
    )


def test_a_limit_is_a_number_and_no_object(run: Run, chat: Callable[..., Path]) -> None:
    given = "capacity: {method: given, requests_per_gpu_per_s: 1, load: mean, min_gpu_gb: 16}"
    ended = run("size", chat((given, "capacity: {max_utilisation: 0.99}")))
    assert "must be less than or equal to 0.95, found number 0.99" in ended.err
    assert "Decimal" not in ended.err
