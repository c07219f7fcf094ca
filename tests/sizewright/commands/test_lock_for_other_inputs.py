"""A lock that was made for other requests keeps its type, and the answer says so."""

from pathlib import Path

from tests.sizewright.conftest import Run

SAID = "The lock of chat was made for other inputs: `sizewright update FILE --why` chooses again."


def said(run: Run, *words: str | Path) -> str:
    return " ".join(run(*words).out.split())


def test_size_and_check_say_that_a_lock_was_made_for_other_inputs(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own"
    assert run("new", own).code == 0
    chat, site = own / "workloads" / "chat.yaml", own / "Pulumi.dev.yaml"
    assert SAID not in said(run, "size", chat, "--site", site)
    assert "made for other inputs" not in said(run, "check", chat, "--site", site)
    text = chat.read_text("utf-8")
    # more users need more of the same: the lock is for the same requests
    chat.write_text(text.replace("daily_users: 10_000", "daily_users: 20_000"), "utf-8")
    assert SAID not in said(run, "size", chat, "--site", site)
    chat.write_text(text.replace("input_tokens: 500", "input_tokens: 900"), "utf-8")
    assert SAID in said(run, "size", chat, "--site", site)
    assert "made for other inputs: `sizewright update FILE --why` chooses again" in said(
        run, "check", chat, "--site", site
    )
    run("update", chat, "--site", site)
    assert SAID not in said(run, "size", chat, "--site", site)
