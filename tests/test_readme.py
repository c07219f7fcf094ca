"""Contents of the README and docs/: commands print them, snippets are valid, links resolve."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest

from sizewright.cli import cli, main
from sizewright.reading.plain_yaml import PlainYaml
from sizewright.schema.inputs import site_schema, workload_schema

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
CONSOLE = re.compile(
    r"^(?P<indent> *)```console\n *\$ (?P<command>[^\n]+)\n(?P<output>.*?)^ *```",
    re.DOTALL | re.MULTILINE,
)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FOLDERS = ("action", "bench", "components", "docs", "sizewright", "sizing", "stacks", "templates")
FOLDERS += ("testbed", "tests", "workloads")
OF_A_WHEEL = ("docs/decisions/0042-a-user-installs-the-program-and-owns-three-lines.md",)
"""Pages that name files of a built wheel or of a user's repository."""
PROGRAM = {"make preview": "sizewright preview workloads/chat.yaml"}
EDITED = {
    "daily_users: 100_000": "daily_users: 130_000",
    "spare_ratio: 0.20": "spare_ratio: 0.10",
}
"""Changes of the main example in more-users.yaml, as the README describes them."""


def blocks() -> dict[str, list[tuple[str, str]]]:
    """Outputs for each command, with the page that shows them, so that each command runs once."""
    shown: dict[str, list[tuple[str, str]]] = {}
    for page, name in zip(PAGES, NAMES, strict=True):
        for match in CONSOLE.finditer(page.read_text(encoding="utf-8")):
            output = re.sub(rf"^{match['indent']}", "", match["output"], flags=re.MULTILINE)
            if output.strip():
                shown.setdefault(match["command"], []).append((name, output))
    return shown


def fences(language: str) -> Iterator[tuple[str, str]]:
    for page, name in zip(PAGES, NAMES, strict=True):
        for indent, found, body in FENCE.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield name, re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder with a copy of the project and the edited workload."""
    for name in ("workloads", "stacks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path)
    chat = (ROOT / "workloads" / "chat.yaml").read_text(encoding="utf-8")
    for old, new in EDITED.items():
        assert old in chat
        chat = chat.replace(old, new)
    (tmp_path / "more-users.yaml").write_text(chat, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", blocks())
def test_a_console_block_is_what_is_printed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each stretch between two lines `...` is in the output, in order, line for line."""
    monkeypatch.setattr(sys, "argv", PROGRAM.get(command, command).split())
    try:
        main()
    except SystemExit as stop:
        assert not stop.code
    printed = capsys.readouterr().out
    for page, shown in blocks()[command]:
        rest = printed
        for stretch in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
            assert stretch in rest, page
            rest = rest[rest.index(stretch) + len(stretch) :]


def test_the_blocks_are_found() -> None:
    pages = [page for shown in blocks().values() for page, _ in shown]
    assert pages.count("README.md") >= 3
    assert {"docs/concepts.md", "docs/sizing.md", "docs/review.md"} <= set(pages)
    assert "docs/how-to/write-a-workload.md" in pages, "indented blocks too"


@pytest.mark.parametrize(("page", "text"), list(fences("yaml")))
def test_a_yaml_snippet_is_valid(page: str, text: str) -> None:
    """Sections of a workload and keys of a stack file meet their schemas."""
    if not re.sub(r"#.*", "", text).strip():
        return
    data = PlainYaml(text.encode()).data
    stack: Any = site_schema()["properties"]["config"]["properties"]
    known = {**workload_schema()["properties"], **stack}
    sections = data["config"] if isinstance(data.get("config"), dict) else data
    assert isinstance(sections, dict)
    is_action = "jobs" in data
    for key, value in ({} if is_action else sections).items():
        jsonschema.Draft7Validator(known[key]).validate(value)


def shown_commands() -> set[str]:
    """Lines of shell blocks that run this program."""
    lines = [line for _, text in (*fences("sh"), *fences("bash")) for line in text.splitlines()]
    return {line[line.index("sizewright ") :] for line in lines if "sizewright " in line}


@pytest.mark.parametrize("line", sorted(shown_commands()))
def test_a_shown_command_has_known_arguments(line: str) -> None:
    name, *arguments = shlex.split(line.partition(" >")[0], comments=True)[1:]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_context(name, arguments)


@pytest.mark.parametrize("page", NAMES)
def test_links_and_named_files_exist(page: str) -> None:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        target, _, anchor = match["target"].partition("#")
        if not re.match(r"https?:", target) and target:
            assert (ROOT / page).parent.joinpath(target).resolve().exists(), target
        assert not anchor or target.endswith(".md")
    if page in OF_A_WHEEL:
        return
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`", text)
    for name in named:
        is_placeholder = name.endswith(("...", "support.yaml"))
        assert is_placeholder or (ROOT / name).exists(), name


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for match in LINK.finditer(page.read_text(encoding="utf-8")):
            target = Path(os.path.normpath(page.parent / match["target"].partition("#")[0]))
            if target.is_dir():
                waiting += target.glob("*.md")
            elif target.suffix == ".md" and target.exists():
                waiting.append(target)
    assert set(PAGES) <= reached, sorted(set(PAGES) - reached)


def test_the_page_of_reviews_names_every_gate() -> None:
    page = (ROOT / "docs/review.md").read_text(encoding="utf-8")
    table = page[page.index("| gate |") :]
    sources = [
        path.read_text(encoding="utf-8") for path in (ROOT / "sizewright/gates").glob("*.py")
    ]
    names = {name for text in sources for name in re.findall(r"Gate\(\s*\"([\w ]+)\"", text)}
    assert len(names) > 15
    assert {name for name in names if name not in table} == set()


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("preview", "test", "check", "golden", "help"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert PROGRAM["make preview"] in makefile
