"""No credential is echoed in any field, message or answer."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sizewright.answers.answer import print_answer
from sizewright.answers.schema import WrittenAnswer
from sizewright.layout.console import write, write_message
from sizewright.reading.credentials import credential_in, masked
from sizewright.reading.input_error import InputError, quoted
from tests.sizewright.conftest import ROOT, Run

CHAT = "workloads/chat.yaml"
SECRET = "Sup3rS3cretSup3rS3cret"
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123"
REFUSED = {
    "hub": TOKEN,
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "GitHub": f"ghp_{SECRET}",
    "GitHub, new": f"github_pat_{SECRET}",
    "GitLab": f"glpat-{SECRET}",
    "Slack": f"xoxb-{SECRET}",
    "NVIDIA": f"nvapi-{SECRET}",
    "Docker Hub": f"dckr_pat_{SECRET}",
    "API": f"sk-proj-{SECRET}{SECRET}",
    "Pulumi": f"pul-{'0123456789' * 4}",
    "JSON Web Token": f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.{SECRET}",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n",
    "address": f"https://user:{SECRET}@example.com/keys",
    "address, not escaped": f"https://user:a/{SECRET}@{SECRET}@example.com/keys",
    "address, no user": f"https://:{SECRET}@example.com",
    "address, signed": f"https://b.s3.amazonaws.com/k?X-Amz-Signature={SECRET}&x=1",
}
MASKED_ONLY = {
    "repository": f"user:{SECRET}@registry.example.com/vllm/vllm-openai",
    "user of an address": f"https://{SECRET}@example.com/keys",
}
PLAIN = (
    "https://example.com:8443/@tenant/keys",
    "registry.example.com:5000/weights:v1@sha256:0123",
    "mailto:team@example.com",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-a1b2c3",
    "team@example.com",
    "g6.xlarge: 15 nodes @ 0.80 USD",
    "sk-a-service-with-a-long-name",
)


def hidden(text: str) -> bool:
    return not any(part in text for part in (SECRET, TOKEN, "OSFODNN7", "0123456789"))


@pytest.mark.parametrize("name", [*REFUSED, *MASKED_ONLY])
def test_what_has_the_shape_of_a_credential_is_masked(name: str) -> None:
    text = f"before '{(REFUSED | MASKED_ONLY)[name]}' after"
    shown = masked(text)
    assert hidden(shown), shown
    assert shown.startswith("before '")
    assert masked(shown) == shown
    assert (credential_in(text) is not None) is (name in REFUSED)
    assert credential_in(text, is_address=True) is not None


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_credential_is_shown_as_it_is(text: str) -> None:
    assert masked(text) == text
    assert credential_in(text) is None


@pytest.mark.parametrize("folder", ["sizing", "docs", "workloads", "stacks", "tests/golden"])
def test_nothing_that_this_project_writes_is_masked(folder: str) -> None:
    """Guard: a mask that also fits plans, manifests or sources would falsify an answer."""
    files = [p for p in (ROOT / folder).rglob("*") if p.suffix not in (".pyc",) and p.is_file()]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert masked(text) == text, path


def test_a_credential_is_masked_before_a_text_is_cut() -> None:
    """Guard: the remainder after a cut has no recognisable shape."""
    assert hidden(quoted("x" * 60 + " " + f"https://user:{SECRET * 9}@example.com"))


def test_an_error_masks_every_part_of_itself() -> None:
    fault = InputError(TOKEN, 1, 1, field=TOKEN, message=TOKEN, expected=TOKEN, suggestion=TOKEN)
    assert hidden(str(fault.and_more((fault,))))


def test_messages_texts_and_json_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{TOKEN} https://user:{SECRET}@example.com"
    write_message(text)
    write(text)
    print_answer(WrittenAnswer(written=(text, REFUSED["private key"])))
    captured = capsys.readouterr()
    assert hidden(captured.err)
    assert hidden(captured.out)
    assert json.loads(captured.out.partition("\n")[2])["written"][0].startswith("hf_...")


@pytest.mark.parametrize("command", ["size", "preview", "check", "explain", "render"])
@pytest.mark.parametrize("key", ["token_jwks_url", "token_issuer", "engine_image_repository"])
def test_credentials_inside_an_address_of_a_stack_are_refused(
    run: Run, site: Callable[..., Path], command: str, key: str
) -> None:
    address = REFUSED["address"]
    if key == "engine_image_repository":
        address = MASKED_ONLY["repository"]
    other = {
        "token_jwks_url": "  sizewright:token_issuer: https://example.com\n",
        "token_issuer": "  sizewright:token_jwks_url: https://example.com/keys\n",
    }.get(key, "")
    path = site(("config:\n", f"config:\n  sizewright:{key}: {address}\n{other}"))
    ended = run(command, CHAT, "--site", path)
    assert (ended.code, ended.out) == (2, "")
    said = "holds what looks like a user name and a password; its value is not shown"
    assert f":{len(key) + 16}: {key}: {said}" in ended.err
    assert hidden(ended.err)
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "replaced",
    [
        ("kind: chat", f"kind: chat\n{TOKEN}: 1"),
        ("llama-2-7b", TOKEN),
        ("llama-2-7b", f"'{REFUSED['address']}'"),
        ("kind: chat", f"kind: {TOKEN}"),
        ("kind: chat", f"kind: !{TOKEN} chat"),
        ("kind: chat", f"kind: *{TOKEN}"),
    ],
)
def test_a_token_in_a_workload_is_refused_and_not_echoed(
    run: Run, chat: Callable[..., Path], replaced: tuple[str, str]
) -> None:
    ended = run("size", chat(replaced))
    assert (ended.code, ended.out) == (2, "")
    assert hidden(ended.err)
    assert ended.err.count("\n") == 1


def test_a_token_in_a_tag_is_refused(run: Run, site: Callable[..., Path]) -> None:
    path = site(("config:\n", f"config:\n  sizewright:tags: {{owner: {TOKEN}}}\n"))
    ended = run("size", CHAT, "--site", path)
    assert ended.code == 2
    assert ended.err.startswith(f"{path}:4:28: tags.owner: holds what looks like a Hugging Face")
    assert hidden(ended.err)


def test_a_token_on_the_command_line_is_not_echoed(run: Run, tmp_path: Path) -> None:
    for words in (
        ("init", "new", "--model", TOKEN, "--directory", tmp_path),
        ("catalog", "models", TOKEN),
        ("size", TOKEN),
        (TOKEN,),
    ):
        ended = run(*words)
        assert ended.code == 2
        assert hidden(ended.out + ended.err)
