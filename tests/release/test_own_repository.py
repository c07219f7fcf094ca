"""A user's repository, made and used with the wheel, with packages that have our names."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sizewright.project_files import project_files, template_files
from testbed.engine import TOOLS, engine_missing, environment, world_of
from testbed.standin import StandIn
from tests.release.conftest import ROOT, Repository

engine = pytest.mark.engine
needs_engine = pytest.mark.skipif(bool(engine_missing()), reason=engine_missing() or "there")


def test_preview_is_offline_and_of_the_pinned_version(repository: Repository) -> None:
    folder, environment = repository
    done = environment.run("sizewright", "preview", "--verbose", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nchat: 2 GPUs " in done.stdout
    assert "eks.NodeGroup sw-g6e-xlarge-use1-az1" in done.stdout
    where = "import sizewright; print(sizewright.__file__)"
    there = environment.run("python", "-c", where, cwd=folder).stdout
    assert Path(there.strip()).is_relative_to(folder / ".venv")


def test_check_passes(repository: Repository) -> None:
    folder, environment = repository
    done = environment.run("sizewright", "check", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    gates = {gate["name"]: gate for gate in json.loads(done.stdout)["gates"]}
    assert gates["resource graph"]["passed"] is True
    assert not [name for name, gate in gates.items() if gate["passed"] is False]


def test_the_steps_of_the_workflow_compare_comment_and_check(
    repository: Repository, tmp_path: Path
) -> None:
    original, installed = repository
    folder = tmp_path / "clone"
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns(".venv"))
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "first")):
        subprocess.run([*git, *words], cwd=folder, check=True)
    workload = folder / "workloads/chat.yaml"
    text = workload.read_text("utf-8")
    workload.write_text(text.replace("daily_users: 10_000", "daily_users: 90_000"), "utf-8")
    said = steps(folder, {"BASE": "HEAD", "RUNNER_TEMP": str(tmp_path)}, installed.folder)
    comment = (tmp_path / "comment.md").read_text("utf-8")
    assert comment.startswith("<!-- sizewright:diff Pulumi.dev.yaml -->\n")
    assert "<code>spec.replicas</code>: <code>1</code> → <code>3</code>" in comment
    assert said["Comment"] == "::notice::no pull request: the comment is in the job's summary\n"
    assert "ok  resource graph" in said["Check"]


def steps(folder: Path, env: dict[str, str], installed: Path) -> dict[str, str]:
    """Output of each step of the workflow by its name, as a runner runs it; no step may fail."""
    text = (folder / ".github/workflows/sizewright.yml").read_text("utf-8")
    job = YAML(typ="safe", pure=True).load(text)["jobs"]["review"]
    path = f"{installed / 'bin'}:{os.environ['PATH']}"
    said = {}
    for step in job["steps"]:
        if step.get("name") in ("Compare with the base of the pull request", "Comment", "Check"):
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=folder,
                env={"PATH": path, **job["env"], **env},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            said[step["name"]] = done.stdout
    return said


@engine
@needs_engine
def test_the_engine_previews_our_resources_and_those_of_the_user(
    repository: Repository, tmp_path: Path
) -> None:
    folder, installed = repository
    with StandIn(world_of(folder / "Pulumi.dev.yaml")) as standin:
        (tmp_path / "state").mkdir()
        env = {**os.environ, **environment(tmp_path, standin, installed.python)}
        env.pop("PYTHONPATH", None)
        pulumi("stack", "init", "dev", cwd=folder, env=env)
        answer = json.loads(pulumi("preview", "--json", cwd=folder, env=env))
    assert set(answer["changeSummary"]) == {"create"}
    urns = [step["urn"] for step in answer["steps"]]
    assert sum("eks/nodeGroup:NodeGroup::sw-g6e-xlarge" in urn for urn in urns) == 2
    assert all(urn.startswith("urn:pulumi:dev::my-gpus::") for urn in urns)
    assert "urn:pulumi:dev::my-gpus::theirs:index:Part::of-the-user" in urns
    assert not [d for d in answer.get("diagnostics", []) if d["severity"] == "error"]


@engine
@needs_engine
@pytest.mark.parametrize("name", ["one", "another"])
def test_pulumi_new_lays_down_the_same_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "state").mkdir()
    with StandIn(world_of(ROOT / "Pulumi.dev.yaml")) as standin:
        env = {**os.environ, **environment(tmp_path, standin)}
    template = str(ROOT / "sizewright/project")
    words = ("new", template, "--dir", name, "--yes", "--generate-only")
    pulumi(*words, cwd=tmp_path, env=env)
    expected = project_files(name)
    assert set(expected) == set(template_files())
    for path, text in expected.items():
        made = (tmp_path / name / path).read_text("utf-8")
        # Guard: `pulumi new` adds a tag with the template's address below our lines.
        assert made.startswith(text) if path == "Pulumi.yaml" else made == text, path


def pulumi(*words: str, cwd: Path, env: dict[str, str]) -> str:
    """Output of an engine command, run as a user runs it."""
    done = subprocess.run(
        [str(TOOLS / "pulumi"), *words, *(() if words[0] == "new" else ("--non-interactive",))],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
