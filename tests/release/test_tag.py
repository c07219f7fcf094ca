"""Conditions on a tag before its release is published."""

import subprocess
import sys

from release.tag import faults
from tests.release.conftest import ROOT

CHANGES = "# Changelog\n\n## 0.2.0 (Unreleased)\n\n## 0.1.0 (2026-12-01)\n"


def test_a_tag_of_the_version_with_a_dated_section_is_published() -> None:
    assert list(faults("v0.1.0", "0.1.0", CHANGES)) == []


def test_another_tag_and_a_section_without_a_date_are_refused() -> None:
    assert list(faults("v0.1.0", "0.2.0", CHANGES)) == [
        "the tag is v0.1.0; the version in pyproject.toml is 0.2.0",
        "CHANGELOG.md has no section `## 0.2.0 (YYYY-MM-DD)`",
    ]


def test_the_version_is_not_a_pattern() -> None:
    assert len(list(faults("v0.1.0", "0.1.0", CHANGES.replace("0.1.0", "0x1x0")))) == 1


def test_the_program_reads_this_repository() -> None:
    words = [sys.executable, "release/tag.py", "v0"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("the tag is v0; the version in pyproject.toml is ")
