"""Fill the bucket of weights from a stated source: each file is checked, the manifest comes last.

It runs in a Job with Python 3.9 or later and the AWS CLI, without any other library. A run does
nothing where the manifest is complete. After an interrupted run it keeps the files that already
exist. No file passes through a disk.

Arguments: the bucket, the prefix in it, and the source as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, Protocol

MANIFEST, PROGRESS = "manifest.json", "import.json"
"""Names in the prefix: the finished manifest, and the files so far of an unfinished run."""
CHUNK_BYTES = 8 * 1024 * 1024
ATTEMPTS, PAUSE_S = 8, 2
"""Attempts of a request in a row without a byte, and the first pause in seconds, which doubles."""
PASSING = (408, 429, 500, 502, 503, 504)


class WeightsError(Exception):
    """Reason why the import cannot continue."""


@dataclass(frozen=True)
class Offered:
    """A file of the source."""

    path: str
    size: int
    origin: str
    """Content id of the source; another content has another id."""


@dataclass(frozen=True)
class Stored:
    """A file in the bucket."""

    path: str
    size: int
    sha256: str
    origin: str


class Source(Protocol):
    def offered(self) -> list[Offered]:
        """All files, in any order."""

    def chunks(self, file: Offered) -> Iterator[bytes]:
        """Content of the file, in order."""


def aws(*arguments: str, text: str | None = None) -> str:
    """Return the output of the AWS CLI. Raises WeightsError with its message."""
    done = subprocess.run(
        ["aws", *arguments], check=False, input=text, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise WeightsError(f"aws {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout


def listed(bucket: str, prefix: str) -> dict[str, tuple[int, str]]:
    """Size and ETag of each object below a prefix, by the rest of its key."""
    query = ["--query", "Contents[].[Key,Size,ETag]", "--output", "json"]
    found = aws("s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix, *query)
    rows = json.loads(found or "null") or []
    return {key[len(prefix) :]: (size, tag) for key, size, tag in rows}


class Redirect(urllib.request.HTTPRedirectHandler):
    """Redirects; only the original host receives the token."""

    def redirect_request(  # noqa: PLR0917
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        follow = super().redirect_request(req, fp, code, msg, headers, newurl)
        if follow is not None and urllib.parse.urlsplit(newurl).netloc != req.host:
            follow.remove_header("Authorization")
        return follow


class Hub:
    """A revision of a model hub's repository."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._repository = f"{given['endpoint']}/{given['id']}"
        self._tree = f"{given['endpoint']}/api/models/{given['id']}/tree/{given['revision']}"
        self._revision = given["revision"]
        self._patterns = given["files"]
        self._token = self._secret(given.get("token_secret_arn"))
        self._opener = urllib.request.build_opener(Redirect)

    @staticmethod
    def _secret(arn: str | None) -> str | None:
        if arn is None:
            return None
        where = ["--region", arn.split(":")[3], "--secret-id", arn]
        query = ["--query", "SecretString", "--output", "text"]
        return aws("secretsmanager", "get-secret-value", *where, *query).strip()

    def _get(self, url: str, first_byte: int = 0) -> Any:
        headers = {"Range": f"bytes={first_byte}-"} if first_byte else {}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        return self._opener.open(urllib.request.Request(url, headers=headers), timeout=60)

    def offered(self) -> list[Offered]:
        entries: list[dict[str, Any]] = []
        url: str | None = f"{self._tree}?recursive=true"
        while url:
            page, url = self._page(url)
            entries += page
        files = [entry for entry in entries if entry["type"] == "file"]
        return [
            Offered(entry["path"], entry["size"], _content_id(entry))
            for entry in files
            if _wanted(entry["path"], self._patterns)
        ]

    def _page(self, url: str) -> tuple[list[dict[str, Any]], str | None]:
        for attempt in range(ATTEMPTS):
            try:
                with self._get(url) as answer:
                    following = re.search(
                        r'<([^>]+)>; rel="next"', answer.headers.get("Link") or ""
                    )
                    return json.load(answer), following and following[1]
            except (OSError, HTTPException, ValueError) as fault:
                _passing(fault, url)
                time.sleep(PAUSE_S * 2**attempt)
        raise WeightsError(f"{url}: no answer in {ATTEMPTS} attempts")

    def chunks(self, file: Offered) -> Iterator[bytes]:
        """Content of the file; a broken connection resumes at its position."""
        url = f"{self._repository}/resolve/{self._revision}/{urllib.parse.quote(file.path)}"
        had, idle = 0, 0
        while had < file.size:
            before = had
            try:
                with self._get(url, had) as answer:
                    if had and answer.status != 206:
                        raise WeightsError(
                            f"{file.path}: the hub does not go on in the middle of a file"
                        )
                    while chunk := answer.read(CHUNK_BYTES):
                        had += len(chunk)
                        yield chunk
            except (OSError, HTTPException) as fault:
                _passing(fault, file.path)
            idle = 0 if had > before else idle + 1
            if idle == ATTEMPTS:
                raise WeightsError(f"{file.path}: broke at byte {had:,} of {file.size:,}")
            if had < file.size:
                time.sleep(PAUSE_S * 2**idle)


def _content_id(entry: dict[str, Any]) -> str:
    """Content id: SHA-256 of large files, the git blob id of others."""
    large = entry.get("lfs")
    return f"sha256:{large['oid']}" if large else f"git:{entry['oid']}"


def _wanted(path: str, patterns: list[str]) -> bool:
    """True where a pattern matches; a pattern without a slash matches in the top folder only."""
    return any(fnmatchcase(path, p) and p.count("/") == path.count("/") for p in patterns)


def _passing(fault: Exception, what: str) -> None:
    """Raise WeightsError for an error that another attempt would not fix."""
    if isinstance(fault, urllib.error.HTTPError) and fault.code not in PASSING:
        hint = "; is the token allowed to read it?" if fault.code in (401, 403) else ""
        raise WeightsError(f"{what}: the hub answers {fault.code}{hint}") from fault


class Bucket:
    """A prefix of another bucket."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._bucket, _, self._prefix = given["uri"].removeprefix("s3://").partition("/")

    def offered(self) -> list[Offered]:
        found = listed(self._bucket, self._prefix)
        return [
            Offered(path, size, f"etag:{tag}")
            for path, (size, tag) in found.items()
            if path and not path.endswith("/") and path not in (MANIFEST, PROGRESS)
        ]

    def chunks(self, file: Offered) -> Iterator[bytes]:
        uri = f"s3://{self._bucket}/{self._prefix}{file.path}"
        with subprocess.Popen(["aws", "s3", "cp", uri, "-"], stdout=subprocess.PIPE) as reading:
            assert reading.stdout is not None
            while chunk := reading.stdout.read(CHUNK_BYTES):
                yield chunk
        if reading.returncode != 0:
            raise WeightsError(f"{uri}: aws s3 cp ended with {reading.returncode}")


class Folder:
    """A folder of an image, copied to this pod."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._top = Path(given["folder"])

    def offered(self) -> list[Offered]:
        files = [path for path in self._top.rglob("*") if path.is_file()]
        return [
            Offered(str(path.relative_to(self._top)), path.stat().st_size, "image")
            for path in files
            if path.name not in (MANIFEST, PROGRESS)
        ]

    def chunks(self, file: Offered) -> Iterator[bytes]:
        with (self._top / file.path).open("rb") as reading:
            while chunk := reading.read(CHUNK_BYTES):
                yield chunk


SOURCES: dict[str, Callable[[dict[str, Any]], Source]] = {"hub": Hub, "s3": Bucket, "image": Folder}


def put(bucket: str, prefix: str, file: Offered, source: Source) -> Stored:
    """Stream a file into the bucket; a file with wrong content never becomes an object."""
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.size)
    had = 0
    command = ["aws", "s3", "cp", "-", f"s3://{bucket}/{prefix}{file.path}"]
    writing = subprocess.Popen([*command, "--expected-size", str(file.size)], stdin=subprocess.PIPE)
    assert writing.stdin is not None
    try:
        for chunk in source.chunks(file):
            sha256.update(chunk)
            blob.update(chunk)
            had += len(chunk)
            writing.stdin.write(chunk)
        found = {f"sha256:{sha256.hexdigest()}", f"git:{blob.hexdigest()}"}
        if had != file.size:
            raise WeightsError(f"{file.path}: {had:,} bytes instead of {file.size:,}")
        if file.origin.startswith(("sha256:", "git:")) and file.origin not in found:
            raise WeightsError(f"{file.path}: is sha256:{sha256.hexdigest()}, not {file.origin}")
        writing.stdin.close()
    except BrokenPipeError:
        writing.wait()
    except BaseException:
        # Guard: at the end of its input the CLI would complete the object.
        writing.kill()
        raise
    if writing.wait() != 0:
        raise WeightsError(f"{file.path}: aws s3 cp ended with {writing.returncode}")
    return Stored(file.path, file.size, sha256.hexdigest(), file.origin)


def digest(files: list[Stored]) -> str:
    """SHA-256 of the output of `sha256sum` for the files, sorted by their names' bytes."""
    ordered = sorted(files, key=lambda file: file.path.encode())
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in ordered)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def checked(offered: list[Offered], max_bytes: int) -> list[Offered]:
    """Files, smallest first. Raises WeightsError for excess bytes, no file, odd names."""
    if not offered:
        raise WeightsError("the source offers no file")
    for file in offered:
        if not re.fullmatch(r"[\w.+@=-]+(/[\w.+@=-]+)*", file.path) or ".." in file.path:
            raise WeightsError(f"{file.path!r}: not a name for a file of weights")
    total = sum(file.size for file in offered)
    if total > max_bytes:
        raise WeightsError(
            f"the files have {total:,} bytes; the nodes were sized for {max_bytes:,}"
        )
    return sorted(offered, key=lambda file: (file.size, file.path))


def known(bucket: str, prefix: str, name: str, there: dict[str, tuple[int, str]]) -> list[Stored]:
    """Entries of a manifest whose files exist."""
    if name not in there:
        return []
    said = json.loads(aws("s3", "cp", f"s3://{bucket}/{prefix}{name}", "-"))["files"]
    return [Stored(**file) for file in said if there.get(file["path"], (-1, ""))[0] == file["size"]]


def write(bucket: str, prefix: str, name: str, given: dict[str, Any], files: list[Stored]) -> None:
    """Write the manifest of these files, under a name."""
    source = {
        key: given[key] for key in ("kind", "id", "revision", "uri", "reference") if key in given
    }
    body = {"digest": digest(files), "files": [asdict(file) for file in files], "source": source}
    text = json.dumps(body, indent=1, sort_keys=True) + "\n"
    aws(
        "s3",
        "cp",
        "-",
        f"s3://{bucket}/{prefix}{name}",
        "--content-type",
        "application/json",
        text=text,
    )


def fill(bucket: str, prefix: str, given: dict[str, Any]) -> None:
    """Run the whole import. Raises WeightsError, and then writes no manifest."""
    there = listed(bucket, prefix)
    if MANIFEST in there:
        said = json.loads(aws("s3", "cp", f"s3://{bucket}/{prefix}{MANIFEST}", "-"))["files"]
        if len(known(bucket, prefix, MANIFEST, there)) == len(said):
            print("complete already")
            return
    source = SOURCES[given["kind"]](given)
    offered = checked(source.offered(), given["max_bytes"])
    before = {(file.path, file.origin): file for file in known(bucket, prefix, PROGRESS, there)}
    files: list[Stored] = []
    for file in offered:
        begun = time.monotonic()
        stored = before.get((file.path, file.origin)) or put(bucket, prefix, file, source)
        files.append(stored)
        write(bucket, prefix, PROGRESS, given, files)
        print(f"{file.path}: {file.size:,} bytes in {time.monotonic() - begun:.0f} s", flush=True)
    found = digest(files)
    if given.get("digest") not in (None, found):
        raise WeightsError(f"the files together are {found}, not {given['digest']}")
    write(bucket, prefix, MANIFEST, given, files)
    print(f"complete: {len(files)} files, {found}")


def main() -> None:
    """Run the import; exit with 1 and one line where it cannot continue."""
    # Guard: as the first process of a container it would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    bucket, prefix, given = sys.argv[1:]
    try:
        fill(bucket, f"{prefix}/", json.loads(given))
    except WeightsError as fault:
        sys.exit(f"import: {fault}")


if __name__ == "__main__":
    main()
