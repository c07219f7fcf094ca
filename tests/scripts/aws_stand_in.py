"""A stand-in for the AWS CLI: buckets are folders below $BUCKETS, objects appear whole or never.

It knows the calls that the scripts make, logs them to $BUCKETS/log, and refuses everything else.
"""

import json
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(os.environ["BUCKETS"])


def main(words: list[str]) -> None:
    with (ROOT / "log").open("a") as log:
        log.write(" ".join(words) + "\n")
    options = {w: words[i + 1] for i, w in enumerate(words[:-1]) if w.startswith("--")}
    match words:
        case ["s3api", "head-object", *_]:
            if not (ROOT / options["--bucket"] / options["--key"]).is_file():
                sys.exit("An error occurred (404) when calling the HeadObject operation: Not Found")
        case ["s3api", "list-objects-v2", *_]:
            rows = listed(ROOT / options["--bucket"], options["--prefix"])
            print(json.dumps(rows or None))
        case ["s3", "cp", *rest]:
            source, target = [w for w in rest if w == "-" or ("/" in w and w != "application/json")]
            copy(source, target)
        case ["s3", "sync", *rest]:
            source, target = rest[-2:]
            shutil.copytree(place(source), target, dirs_exist_ok=True)
        case ["secretsmanager", "get-secret-value", *_]:
            assert options["--region"] == options["--secret-id"].split(":")[3]
            print((ROOT / "secrets" / options["--secret-id"]).read_text())
        case _:
            sys.exit(f"unknown call {words}")


def listed(bucket: Path, prefix: str) -> list[tuple[str, int, str]]:
    keys = sorted(str(p.relative_to(bucket)) for p in bucket.rglob("*") if p.is_file())
    return [
        (key, (bucket / key).stat().st_size, f'"{(bucket / key).stat().st_mtime_ns}"')
        for key in keys
        if key.startswith(prefix)
    ]


def place(uri: str) -> Path:
    return ROOT / uri.removeprefix("s3://") if uri.startswith("s3://") else Path(uri)


def copy(source: str, target: str) -> None:
    reading = sys.stdin.buffer if source == "-" else place(source).open("rb")
    if target == "-":
        shutil.copyfileobj(reading, sys.stdout.buffer)
        return
    path = place(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.upload")
    with part.open("wb") as writing:
        shutil.copyfileobj(reading, writing)
    part.rename(path)


main(sys.argv[1:])
