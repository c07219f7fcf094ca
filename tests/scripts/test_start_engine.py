"""The program that starts an engine's server with the admission check in front of it."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from templates.programs import program

WORDS = ["start_engine.py", "made_up_engine:main", "sglang", "serve", "--port", "8000"]


class Config:
    """Configuration of a server, as uvicorn's: it keeps the application."""

    def __init__(self, app: object, **options: object) -> None:
        self.app, self.options = app, options


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Call of the program in an image with an engine; it returns the server's configuration."""
    server, engine = ModuleType("uvicorn"), ModuleType("made_up_engine")
    server.Config = Config  # type: ignore[attr-defined]

    def main() -> tuple[Any, list[str]]:
        return server.Config("application", port=8000, timeout_keep_alive=5), sys.argv

    engine.main = main  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uvicorn", server)
    monkeypatch.setitem(sys.modules, "made_up_engine", engine)
    monkeypatch.delitem(sys.modules, "admission", raising=False)
    monkeypatch.setattr(sys, "argv", WORDS)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "admission.py").write_text(program("admission").text, encoding="utf-8")
    monkeypatch.setenv("ADMISSION_FOLDER", str(tmp_path))
    module = ModuleType("start_engine")
    exec(compile(program("start_engine").text, "start_engine.py", "exec"), module.__dict__)
    yield module.main
    sys.modules.pop("admission", None)


def test_the_check_stands_in_front_of_the_engine(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMISSION_IN_FLIGHT", "7")
    config, _ = started()
    assert type(config.app).__name__ == "Admission"
    assert (config.app._app, config.app._in_flight) == ("application", 7)
    assert config.options["port"] == 8000, "the engine's own options stay"


def test_without_a_limit_the_engine_answers_alone(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADMISSION_IN_FLIGHT", raising=False)
    config, _ = started()
    assert config.app == "application"
    assert config.options == {"port": 8000, "timeout_keep_alive": 5}


def test_idle_connections_are_kept_longer_than_the_engine_s_own_time(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEEP_ALIVE_S", "382")
    config, _ = started()
    assert config.options == {"port": 8000, "timeout_keep_alive": 382}


def test_the_engine_finds_its_options_and_its_weights(
    started: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights, link = tmp_path / "llama@0123", tmp_path / "models" / "llama"
    weights.mkdir()
    monkeypatch.setenv("ENGINE_OPTIONS", '{"dtype": "bfloat16"}')
    monkeypatch.setenv("ENGINE_OPTIONS_FILE", str(tmp_path / "options.json"))
    monkeypatch.setenv("ENGINE_WEIGHTS", str(weights))
    monkeypatch.setenv("ENGINE_WEIGHTS_LINK", str(link))
    started()
    assert (tmp_path / "options.json").read_text() == '{"dtype": "bfloat16"}'
    assert link.is_dir() and link.resolve() == weights


def test_the_engine_reads_the_words_of_its_own_command(started: Any) -> None:
    _, words = started()
    assert words == ["sglang", "serve", "--port", "8000"]


def test_another_process_of_the_engine_starts_no_server() -> None:
    """Guard: an engine's workers import the program again, under another name."""
    module = ModuleType("__mp_main__")
    exec(compile(program("start_engine").text, "start_engine.py", "exec"), module.__dict__)


def test_a_limit_without_its_check_stops_the_start(
    started: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guard: an engine that starts without the check would have no limit, and nobody would see."""
    (tmp_path / "admission.py").unlink()
    monkeypatch.setenv("ADMISSION_IN_FLIGHT", "7")
    with pytest.raises(ModuleNotFoundError):
        started()
