"""Speed is judged by ratios: a slower tree is noticed, and a ratio over its limit fails."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import speed
from paired import kept_bytecode, ratio
from speed_sizing import NO_SLOWER, STATED, Figure, plan_s, tree_of

from sizewright.reading.input_error import InputError

ROOT = Path(__file__).parents[2]
SLOWER = """

_size = size


def size(*given):
    sum(range(2_000_000))
    return _size(*given)
"""
needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the Git repository")


def test_a_ratio_is_the_median_over_rounds() -> None:
    """A round that the machine disturbed does not decide."""
    assert ratio([2.0, 3.0, 40.0], [1.0, 1.0, 1.0]) == 3.0


def test_a_slower_tree_is_over_the_limit(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sizing", tmp_path / "sizing")
    file = tmp_path / "sizing/size.py"
    file.write_text(file.read_text() + SLOWER)
    with kept_bytecode():
        fast, slow = (plan_s(tree, STATED, 3) for tree in (ROOT, tmp_path))
    assert Figure("plan", slow, slow / fast, "the same", NO_SLOWER).is_over


def test_a_tree_that_does_not_run_is_reported(tmp_path: Path) -> None:
    """Guard: an editable install would load a module that the tree lacks from elsewhere."""
    (tmp_path / "sizing").mkdir()
    (tmp_path / "sizing/__init__.py").write_text("")
    with pytest.raises(
        InputError, match=r"sizing does not run there: ImportError: sizing\.values is not in"
    ):
        plan_s(tmp_path, STATED, 1)


@needs_git
def test_a_revision_is_written_as_a_tree(tmp_path: Path) -> None:
    assert (tree_of("HEAD", tmp_path) / "sizing/size.py").is_file()


@needs_git
def test_an_unknown_revision_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "import_figures", lambda: iter(()))
        patch.setattr(speed, "plan_figures", lambda: iter(()))
        assert speed.main(["--against", "no-such-revision"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("no-such-revision: fatal: not a valid object name")
    assert said.endswith("; expected a Git revision of this project\n")


@pytest.mark.parametrize(
    ("most", "code", "said"),
    [(None, 0, "0.5000 s    3.00 x a floor"), (3.0, 0, "at most 3"), (2.5, 4, "OVER 2.5")],
)
def test_only_a_limit_is_a_gate(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    most: float | None,
    code: int,
    said: str,
) -> None:
    def part() -> Iterator[Figure]:
        yield Figure("something", 0.5, 3.0, "a floor", most)

    monkeypatch.setattr(speed, "parts", lambda against: [part])
    assert speed.main([]) == code
    assert said in capsys.readouterr().out
