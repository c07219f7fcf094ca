"""The action's comment against a fake API that refuses, fails and times out."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action"
sys.path.insert(0, str(ACTION))
import post  # noqa: E402

MARKER = "<!-- sizewright:diff Pulumi.dev.yaml -->"
BODY = f"{MARKER}\n\n### sizewright: 7 resources would change"
TOKEN = "token-5f1d0a"


class Api(ThreadingHTTPServer):
    """A fake API with comments of pull request 7, and planned failures (method, status)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.failures: list[tuple[str, int]] = []
        self.calls: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Api

    def log_message(self, *_: object) -> None:
        return

    def _do(self) -> None:
        api = self.server
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api.calls.append(self.command)
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        if api.failures and api.failures[0][0] == self.command:
            _, status = api.failures.pop(0)
            if status:
                self._answer(status, {"message": "no\n::error::forged"})
            return
        self._answer(200, self._done(json.loads(content or b"{}")))

    def _done(self, content: dict[str, str]) -> Any:
        api = self.server
        if self.command == "GET":
            page = int(re.findall(r"[&?]page=(\d+)", self.path)[0])
            return api.comments[(page - 1) * 100 : page * 100]
        if self.command == "POST":
            api.comments.append({"id": len(api.comments) + 1, **content})
            return api.comments[-1]
        number = int(self.path.rsplit("/", 1)[1])
        api.comments[number - 1].update(content)
        return api.comments[number - 1]

    def _answer(self, status: int, value: Any) -> None:
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = _do  # noqa: N815


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def comments(api: Api) -> post.Comments:
    return post.Comments(api.url, "owner/name", 7, TOKEN)


def put(comments: post.Comments, body: str = BODY) -> tuple[str, list[float]]:
    waited: list[float] = []
    return post.put(comments, body, waited.append), waited


def test_created_then_updated(api: Api, comments: post.Comments) -> None:
    assert put(comments) == ("created", [])
    assert put(comments, f"{BODY} more") == ("updated", [])
    assert [comment["body"] for comment in api.comments] == [f"{BODY} more"]


def test_found_on_a_later_page(api: Api, comments: post.Comments) -> None:
    api.comments = [{"id": n, "body": "hello"} for n in range(1, 251)]
    api.comments[240]["body"] = BODY
    assert put(comments)[0] == "updated"
    assert len(api.comments) == 250


def test_quiet_when_nothing_changes(api: Api, comments: post.Comments) -> None:
    quiet = f"{MARKER}\n\n{post.QUIET}"
    assert put(comments, quiet)[0] == "nothing to say"
    assert api.comments == []
    put(comments)
    assert put(comments, quiet)[0] == "updated"


def test_a_strangers_marker_does_not_stop_ours(api: Api, comments: post.Comments) -> None:
    api.comments = [{"id": 1, "body": f"{MARKER} mine"}]
    api.failures = [("PATCH", 403)]
    assert put(comments)[0] == "created"
    assert len(api.comments) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 0])
def test_what_passes_is_tried_again(api: Api, comments: post.Comments, status: int) -> None:
    """Status 0 closes the connection without an answer."""
    api.failures = [("POST", status), ("POST", status)]
    assert put(comments) == ("created", [2.0, 4.0])
    assert len(api.comments) == 1


def test_a_page_that_stays_away(api: Api, comments: post.Comments) -> None:
    api.failures = [("GET", 502)] * 10
    with pytest.raises(post.UnreachableError, match="HTTP 502"):
        put(comments)
    assert api.calls == ["GET"] * post.ATTEMPTS


def test_a_time_out_is_tried_again(
    api: Api, comments: post.Comments, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = post.urllib.request.urlopen, []

    def late(request: Any, timeout: float) -> Any:
        assert timeout == post.TIMEOUT_S
        calls.append(request.get_method())
        answer = real(request, timeout=timeout)
        if calls.count("POST") == 1 and calls[-1] == "POST":
            answer.close()
            raise TimeoutError("timed out")
        return answer

    monkeypatch.setattr(post.urllib.request, "urlopen", late)
    assert put(comments) == ("updated", [2.0])
    assert len(api.comments) == 1, "the answer was lost, the comment was not"


def ended(api: Api, tmp_path: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    body = tmp_path / "comment.md"
    body.write_text(BODY, "utf-8")
    environment = {
        "GITHUB_API_URL": api.url,
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "PULL_REQUEST": "7",
        "TOKEN": TOKEN,
        **changed,
    }
    return subprocess.run(
        [sys.executable, ACTION / "post.py", body],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, 0, "::warning::the token may not comment"),
        (404, 0, "::warning::the token may not comment"),
        (422, 1, "::error::the comment was refused: HTTP 422"),
    ],
)
def test_refusals(api: Api, tmp_path: Path, status: int, code: int, said: str) -> None:
    api.failures = [("POST", status)]
    done = ended(api, tmp_path)
    assert (done.returncode, said in done.stdout) == (code, True)
    assert len(done.stdout.splitlines()) == 1, "an answer cannot write a command of its own"
    assert TOKEN not in done.stdout + done.stderr
    assert (tmp_path / "summary.md").read_text("utf-8") == BODY


def test_no_pull_request(api: Api, tmp_path: Path) -> None:
    done = ended(api, tmp_path, PULL_REQUEST="")
    assert (done.returncode, api.calls) == (0, [])
    assert "::notice::" in done.stdout


def test_the_action_itself() -> None:
    """Third-party actions are pinned by commit, and no expression is written into a script."""
    action = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
    for step in action["runs"]["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", "")
    text = json.dumps(action["runs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])


def test_the_comparison(tmp_path: Path) -> None:
    """In a pull request of a clone the comment shows the cause, and names may contain spaces."""
    folder = tmp_path / "project"
    folder.mkdir()
    chat = (ROOT / "workloads" / "chat.yaml").read_text("utf-8")
    (folder / "my chat.yaml").write_text(chat, "utf-8")
    (folder / "Pulumi.dev.yaml").write_text((ROOT / "Pulumi.dev.yaml").read_text("utf-8"), "utf-8")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "my chat.yaml").write_text(chat.replace("100_000", "130_000"), "utf-8")
    environment = {"FILES": "my chat.yaml\n\n", "SITE": "Pulumi.dev.yaml", "BASE": "HEAD"}
    done = subprocess.run(
        [ACTION / "compare.sh"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(MARKER)
    assert "<code>100,000</code> | <code>130,000</code>" in done.stdout
