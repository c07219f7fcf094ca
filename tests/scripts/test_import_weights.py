"""Real imports of weights from a model hub and buckets, correct and faulty ones."""

import ast
import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sizing.workload.source import PARTS_FILES
from tests.scripts.conftest import SCRIPTS, Cloud

REVISION = "0123456789abcdef0123456789abcdef01234567"
PREFIX = f"llama/{REVISION}"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf"
LARGE = bytes(range(256)) * 4_000
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model-00001.safetensors": LARGE,
    "original/consolidated.pth": b"twice the same",
    "pytorch_model.bin": b"and once more",
}


class Hub(ThreadingHTTPServer):
    """A hub with the documented API that breaks connections and falsifies content on request."""

    def __init__(self, elsewhere: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.files = dict(FILES)
        self.requests: list[tuple[str, str | None, str | None]] = []
        """Path, range and token of each request."""
        self.break_after: int | None = None
        """Bytes of a large file after which each connection ends."""
        self.lie_about = ""
        self.token: str | None = None
        self.storage: Hub | None = None
        """Host to which large files are redirected."""
        self.fail: list[int] = []
        """Statuses of the next answers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def tree(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = [{"type": "directory", "path": "original", "oid": "0" * 40}]
        for path, content in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry: dict[str, Any] = {
                "type": "file",
                "path": path,
                "size": len(content),
                "oid": blob,
            }
            if path.endswith((".safetensors", ".pth", ".bin")):
                sha256 = hashlib.sha256(content).hexdigest()
                entry |= {"lfs": {"oid": sha256, "size": len(content), "pointerSize": 134}}
            if path == self.lie_about:
                entry["oid"] = "1" * 40
                entry |= {"lfs": {"oid": "1" * 64, "size": len(content)}} if "lfs" in entry else {}
            entries.append(entry)
        return entries


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub = self.server
        token = self.headers.get("Authorization")
        hub.requests.append((self.path, self.headers.get("Range"), token))
        path, _, query = self.path.partition("?")
        if hub.fail:
            return self.send_error(hub.fail.pop(0))
        if hub.token is not None and token != f"Bearer {hub.token}":
            return self.send_error(401)
        if path.startswith("/api/"):
            assert path == f"/api/models/meta/llama/tree/{REVISION}"
            return self._page(query)
        name = path.removeprefix(f"/meta/llama/resolve/{REVISION}/")
        content = hub.files[name]
        if hub.storage is not None and len(content) > 1000:
            self.send_response(302)
            self.send_header("Location", f"{hub.storage.url}{path}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self._content(content)

    def _page(self, query: str) -> None:
        entries, first = self.server.tree(), "cursor" not in query
        assert "recursive=true" in query
        body = json.dumps(entries[:2] if first else entries[2:]).encode()
        self.send_response(200)
        if first:
            here = f"{self.server.url}{self.path}&cursor=2"
            self.send_header("Link", f'<{here}>; rel="next"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _content(self, content: bytes) -> None:
        hub, span = self.server, self.headers.get("Range")
        start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = None if hub.break_after is None else start + hub.break_after
        self.wfile.write(content[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    yield from _served()


@pytest.fixture
def storage() -> Iterator[Hub]:
    yield from _served()


def _served() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def source(hub: Hub, **changes: object) -> str:
    given = {
        "kind": "hub",
        "endpoint": hub.url,
        "id": "meta/llama",
        "revision": REVISION,
        "files": ["*.safetensors", "*.json"],
        "max_bytes": 2_000_000,
    }
    return json.dumps(given | changes)


def imported(cloud: Cloud, given: str, prefix: str = PREFIX) -> tuple[int, str]:
    done = cloud.run("import_weights.py", "weights", prefix, given)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def manifest(cloud: Cloud, prefix: str = PREFIX) -> Any:
    return json.loads(cloud.object(f"{prefix}/manifest.json").read_text())


def sums(files: dict[str, bytes]) -> str:
    """Output of `sha256sum * | sha256sum`, in the order of the C locale."""
    lines = "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
    )
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_the_digest_is_what_the_page_s_command_prints(tmp_path: Path) -> None:
    files = {"b.json": b"1", "a.json": b"2", "B.json": b"3", "deep/a.txt": b"4"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    page = Path(__file__).parents[2] / "docs" / "how-to" / "import-weights.md"
    (command,) = re.findall(r"^ *(sha256sum .+)$", page.read_text(), re.MULTILINE)
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True)
    assert f"sha256:{done.stdout.decode().split()[0]}" == sums(files)


WANTED = {name: FILES[name] for name in ("config.json", "model-00001.safetensors")}


def test_the_wanted_files_come_and_the_manifest_last(cloud: Cloud, hub: Hub) -> None:
    assert imported(cloud, source(hub)) == (0, "")
    for name, content in WANTED.items():
        assert cloud.object(f"{PREFIX}/{name}").read_bytes() == content
    output = manifest(cloud)
    assert output["digest"] == sums(WANTED)
    assert output["source"] == {"kind": "hub", "id": "meta/llama", "revision": REVISION}
    assert [(f["path"], f["size"], f["sha256"]) for f in output["files"]] == [
        (name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in sorted(WANTED.items(), key=lambda item: len(item[1]))
    ]
    assert cloud.calls[-1].startswith(f"s3 cp - s3://weights/{PREFIX}/manifest.json")
    there = {p.name for p in cloud.object(PREFIX).iterdir()}
    assert there == {*WANTED, "manifest.json", "import.json"}


def test_the_folders_of_an_image_model_come_without_the_model_in_one_file(
    cloud: Cloud, hub: Hub
) -> None:
    """Layout of a diffusers repository, with the same weights in other files and precisions."""
    wanted = {
        "model_index.json": b'{"_class_name": "StableDiffusion3Pipeline"}',
        "scheduler/scheduler_config.json": b"{}",
        "text_encoder_3/model-00001-of-00002.safetensors": LARGE,
        "text_encoder_3/model-00002-of-00002.safetensors": LARGE[::-1],
        "text_encoder_3/model.safetensors.index.json": b'{"weight_map": {}}',
        "tokenizer/merges.txt": b"a b",
        "tokenizer_3/spiece.model": b"pieces",
        "transformer/diffusion_pytorch_model.safetensors": LARGE * 2,
        "vae/config.json": b'{"block_out_channels": [128]}',
    }
    others = {
        "sd3.5_medium.safetensors": b"all of it in one file",
        "text_encoders/t5xxl_fp16.safetensors": b"for another program",
        "text_encoder/model.fp16.safetensors": b"another precision",
        "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors": b"another precision",
        "unet/diffusion_pytorch_model.bin": b"another format",
        "README.md": b"words",
    }
    hub.files = wanted | others
    code, said = imported(cloud, source(hub, files=list(PARTS_FILES), max_bytes=5_000_000))
    assert code == 0, said
    assert {file["path"] for file in manifest(cloud)["files"]} == {*wanted}
    assert manifest(cloud)["digest"] == sums(wanted)


def test_a_second_run_does_nothing(cloud: Cloud, hub: Hub) -> None:
    imported(cloud, source(hub))
    hub.requests.clear()
    cloud.forget_calls()
    assert imported(cloud, source(hub)) == (0, "")
    assert hub.requests == []
    assert not [call for call in cloud.calls if call.startswith("s3 cp -")], "nothing is written"


def test_a_manifest_whose_file_is_gone_is_not_complete(cloud: Cloud, hub: Hub) -> None:
    imported(cloud, source(hub))
    cloud.object(f"{PREFIX}/model-00001.safetensors").unlink()
    assert imported(cloud, source(hub)) == (0, "")
    assert cloud.object(f"{PREFIX}/model-00001.safetensors").read_bytes() == LARGE


@pytest.mark.parametrize("name", WANTED)
def test_a_wrong_digest_leaves_neither_file_nor_manifest(cloud: Cloud, hub: Hub, name: str) -> None:
    hub.lie_about = name
    code, said = imported(cloud, source(hub))
    assert code == 1 and said.count("\n") == 1
    assert f"import: {name}: is sha256:{hashlib.sha256(FILES[name]).hexdigest()}, not " in said
    assert not cloud.object(f"{PREFIX}/{name}").exists()
    assert not cloud.object(f"{PREFIX}/manifest.json").exists()


def test_files_that_together_are_not_what_was_stated_have_no_manifest(
    cloud: Cloud, hub: Hub
) -> None:
    assert imported(cloud, source(hub, digest=sums(WANTED))) == (0, "")
    code, said = imported(cloud, source(hub, digest=sums({})), "llama/other")
    assert code == 1 and sums(WANTED) in said and sums({}) in said
    assert not cloud.object("llama/other/manifest.json").exists()


def test_a_broken_connection_is_taken_up_where_it_broke(cloud: Cloud, hub: Hub) -> None:
    hub.break_after = 400_000
    assert imported(cloud, source(hub)) == (0, "")
    assert cloud.object(f"{PREFIX}/model-00001.safetensors").read_bytes() == LARGE
    ranges = [span for path, span, _ in hub.requests if path.endswith("safetensors")]
    assert ranges == [None, "bytes=400000-", "bytes=800000-"]


def test_an_interrupted_run_is_taken_up_after_its_last_file(cloud: Cloud, hub: Hub) -> None:
    hub.lie_about = "model-00001.safetensors"
    assert imported(cloud, source(hub))[0] == 1
    assert cloud.object(f"{PREFIX}/config.json").exists(), "the smallest came first"
    hub.lie_about = ""
    hub.requests.clear()
    assert imported(cloud, source(hub)) == (0, "")
    assert not [path for path, _, _ in hub.requests if path.endswith("config.json")]
    assert manifest(cloud)["digest"] == sums(WANTED)


def test_an_overloaded_hub_is_tried_again(cloud: Cloud, hub: Hub) -> None:
    hub.fail = [503]
    assert imported(cloud, source(hub)) == (0, "")


def test_the_token_is_read_at_run_time_and_sent_to_the_hub_alone(
    cloud: Cloud, hub: Hub, storage: Hub
) -> None:
    (cloud.buckets / "secrets").mkdir()
    (cloud.buckets / "secrets" / SECRET).write_text("hf_secret\n")
    hub.token, hub.storage = "hf_secret", storage
    assert imported(cloud, source(hub, token_secret_arn=SECRET)) == (0, "")
    assert {token for _, _, token in hub.requests} == {"Bearer hf_secret"}
    assert [token for _, _, token in storage.requests] == [None]
    assert not [
        path for path in cloud.object(PREFIX).iterdir() if b"hf_secret" in path.read_bytes()
    ]


def test_a_refused_token_is_one_line_and_no_retry(cloud: Cloud, hub: Hub) -> None:
    hub.token = "other"
    code, said = imported(cloud, source(hub))
    assert code == 1 and "the hub answers 401; is the token allowed to read it?" in said
    assert len(hub.requests) == 1


def test_more_bytes_than_the_nodes_hold_are_refused_before_any_comes(
    cloud: Cloud, hub: Hub
) -> None:
    code, said = imported(cloud, source(hub, max_bytes=1_000_000))
    assert code == 1 and "have 1,024,023 bytes; the nodes were sized for 1,000,000" in said
    assert not cloud.object(PREFIX).exists()


@pytest.mark.parametrize("name", ["../config.json", "a b.json", "/etc/x.json", "$(x).json"])
def test_odd_names_are_refused(cloud: Cloud, hub: Hub, name: str) -> None:
    hub.files = {name: b"{}"}
    code, said = imported(cloud, source(hub, files=["*", "*/*", "*/*/*"]))
    assert code == 1 and "not a name for a file of weights" in said


def test_nothing_to_import_is_a_fault(cloud: Cloud, hub: Hub) -> None:
    code, said = imported(cloud, source(hub, files=["*.gguf"]))
    assert (code, said) == (1, "import: the source offers no file\n")


@pytest.fixture
def given(cloud: Cloud, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, object]:
    """Source with the same two files: another bucket, or a folder of an image."""
    top = {"s3": cloud.buckets / "theirs" / "models" / "llama", "image": tmp_path / "image"}
    for name, content in WANTED.items():
        path = top[request.param] / "deep" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    place = {
        "s3": {"uri": "s3://theirs/models/llama/"},
        "image": {"folder": str(tmp_path / "image"), "reference": "r"},
    }
    digest = sums({f"deep/{name}": content for name, content in WANTED.items()})
    return {
        "kind": request.param,
        "max_bytes": 2_000_000,
        "digest": digest,
        **place[request.param],
    }


@pytest.mark.parametrize("given", ["s3", "image"], indirect=True)
def test_other_sources_are_checked_as_a_whole(cloud: Cloud, given: dict[str, object]) -> None:
    assert imported(cloud, json.dumps(given)) == (0, "")
    assert cloud.object(f"{PREFIX}/deep/config.json").read_bytes() == FILES["config.json"]
    assert manifest(cloud)["digest"] == given["digest"]
    wrong = json.dumps(given | {"digest": "sha256:" + "0" * 64})
    code, said = imported(cloud, wrong, "llama/wrong")
    assert code == 1 and str(given["digest"]) in said
    assert not cloud.object("llama/wrong/manifest.json").exists()


@pytest.mark.parametrize("given", ["s3"], indirect=True)
def test_a_changed_file_of_a_bucket_is_read_again(cloud: Cloud, given: dict[str, object]) -> None:
    wrong = given | {"digest": "sha256:" + "0" * 64}
    assert imported(cloud, json.dumps(wrong))[0] == 1
    theirs = cloud.buckets / "theirs" / "models" / "llama" / "deep" / "config.json"
    theirs.write_bytes(b'{"model_type": "mended"}')
    files = {"deep/config.json": theirs.read_bytes(), "deep/model-00001.safetensors": LARGE}
    cloud.forget_calls()
    assert imported(cloud, json.dumps(given | {"digest": sums(files)})) == (0, "")
    assert cloud.object(f"{PREFIX}/deep/config.json").read_bytes() == theirs.read_bytes()
    assert not [c for c in cloud.calls if c.startswith("s3 cp s3://theirs") and "safetens" in c]


@pytest.mark.parametrize("script", ["import_weights.py", "fetch_weights.py"])
def test_the_scripts_are_of_the_image_s_python(script: str) -> None:
    ast.parse((SCRIPTS / script).read_text(), feature_version=(3, 9))
