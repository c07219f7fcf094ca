"""Workload files, the files next to them, and the stack file as of a git revision."""

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from sizewright.reading.input_error import InputError


def files_at(
    revision: str, files: Sequence[Path], site: Path, folder: Path
) -> tuple[list[Path], Path]:
    """Return the same files in `folder` as of the revision, without those that it does not have.

    The stack file is today's where the revision has none. Raises InputError.
    """
    top = Path(_text(revision, "--show-toplevel", cwd=files[0].parent))
    # Guard: a revision that starts with a hyphen would be an option.
    commit = _text(revision, "--verify", "--end-of-options", f"{revision}^{{commit}}", cwd=top)
    archive = _git(revision, "archive", "--format=tar", commit, cwd=top)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")

    def then(path: Path) -> Path:
        try:
            return folder / path.resolve().relative_to(top.resolve())
        except ValueError:
            expected = f"a file of {top}"
            raise InputError(
                str(path), message="not in the repository", expected=expected
            ) from None

    old_site = then(site)
    return [old for path in files if (old := then(path)).is_file()], (
        old_site if old_site.is_file() else site
    )


def _text(revision: str, *words: str, cwd: Path) -> str:
    return _git(revision, "rev-parse", *words, cwd=cwd).decode().strip()


def _git(revision: str, *words: str, cwd: Path) -> bytes:
    try:
        done = subprocess.run(["git", *words], cwd=cwd, capture_output=True, check=True)
    except OSError:
        raise InputError(f"--rev {revision}", message="git or the folder is not there") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise InputError(f"--rev {revision}", message=said, expected="a git revision") from None
    return done.stdout
