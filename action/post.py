"""Create a comment under a pull request, or update the existing one.

The program uses only the standard library. The comment's first line is the marker by which it is
recognised. A token without write access (a pull request from a fork) is not a failure: the comment
is then in the job's summary.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ATTEMPTS = 4
WAIT_S = 2.0
TIMEOUT_S = 20.0
PAGE = 100
PAGES = 50
NOT_ALLOWED = (401, 403, 404)
"""Statuses of a missing permission. A page answers 404 where the token may not read it."""
TRANSIENT = (429, 500, 502, 503, 504)
QUIET = "### sizewright: nothing changes"


class RefusedError(Exception):
    """An answer that another attempt would not change."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"HTTP {status}: {said}")
        self.status = status


class UnreachableError(Exception):
    """No answer, or an answer that may differ at the next attempt."""


class Comments:
    """Comments of one pull request, through the API of the page."""

    def __init__(self, api: str, repository: str, number: int, token: str) -> None:
        self._issues = f"{api.rstrip('/')}/repos/{repository}/issues"
        self._number = number
        self._token = token

    def put(self, body: str) -> str:
        """Put the comment; return `updated`, `created`, or `nothing to say` without a change."""
        marker = body.split("\n", 1)[0]
        for comment in self._marked(marker):
            try:
                self._call("PATCH", f"/comments/{comment['id']}", {"body": body})
            except RefusedError as refused:
                # Guard: a stranger's comment with the marker must not prevent this one.
                if refused.status not in NOT_ALLOWED:
                    raise
            else:
                return "updated"
        if QUIET in body:
            return "nothing to say"
        self._call("POST", f"/{self._number}/comments", {"body": body})
        return "created"

    def _marked(self, marker: str) -> Iterator[dict[str, Any]]:
        for page in range(1, PAGES + 1):
            found = self._call("GET", f"/{self._number}/comments?per_page={PAGE}&page={page}")
            yield from (one for one in found if str(one.get("body", "")).startswith(marker))
            if len(found) < PAGE:
                return

    def _call(self, method: str, path: str, content: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(
            self._issues + path,
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            if error.code in TRANSIENT:
                raise UnreachableError(f"HTTP {error.code}") from None
            raise RefusedError(error.code, said) from None
        except (OSError, ValueError) as error:
            raise UnreachableError(str(error)) from None


def put(comments: Comments, body: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """Repeat `Comments.put` from the start: a lost answer may belong to a created comment."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return comments.put(body)
        except UnreachableError as error:
            print(f"trying again: {error}", file=sys.stderr)
            sleep(WAIT_S * 2**attempt)
    return comments.put(body)


def main() -> int:
    """Return 0 when the comment is published or in the summary, and 1 when it is not."""
    body = Path(sys.argv[1]).read_text(encoding="utf-8")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(body)
    number = os.environ.get("PULL_REQUEST", "")
    if not number.isdecimal():
        print("::notice::no pull request: the comment is in the job's summary")
        return 0
    api = os.environ.get("GITHUB_API_URL", "")
    comments = Comments(api, os.environ["GITHUB_REPOSITORY"], int(number), os.environ["TOKEN"])
    try:
        print(f"comment: {put(comments, body)}")
    except RefusedError as refused:
        if refused.status in NOT_ALLOWED:
            print("::warning::the token may not comment: the comment is in the job's summary")
            return 0
        print(f"::error::the comment was refused: {_one_line(refused)}")
        return 1
    except UnreachableError as error:
        print(f"::error::the page did not answer {ATTEMPTS} times: {_one_line(error)}")
        return 1
    return 0


def _one_line(error: Exception) -> str:
    """Return an error in one line. Guard: a line end would let an answer write log commands."""
    return " ".join(str(error).split())[:300]


if __name__ == "__main__":
    sys.exit(main())
