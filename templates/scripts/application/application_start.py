"""Become OGX, with the password of the database's role in its environment.

It runs in OGX's image without any other library. SECRET_FILE has the password, which the
configuration reads as DATABASE_PASSWORD. CONFIG is the path of the configuration. PORT, PROCESSES
and KEEP_ALIVE_S are the port, the number of processes, and the seconds for which an idle connection
is kept. The exit code is that of OGX, or 1 where it cannot start.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

SERVER = "application_server:create"
"""Application that uvicorn serves, next to this program."""


def command(given: Mapping[str, str]) -> list[str]:
    """Command of the server.

    Guard: OGX's own command keeps idle connections for 5 s, less than a load balancer does.
    """
    options = {
        "--app-dir": str(Path(__file__).parent),
        "--host": given.get("HOST", "0.0.0.0"),
        "--port": given["PORT"],
        "--workers": given["PROCESSES"],
        "--timeout-keep-alive": given["KEEP_ALIVE_S"],
        "--lifespan": "on",
    }
    words = [word for option in options.items() for word in option]
    return [sys.executable, "-m", "uvicorn", SERVER, "--factory", *words]


def main(given: Mapping[str, str]) -> int:
    """Replace this process by OGX; return 1 where that is impossible."""
    try:
        password = Path(given["SECRET_FILE"]).read_text(encoding="utf-8")
        own = {"DATABASE_PASSWORD": password, "OGX_CONFIG": given["CONFIG"]}
        os.execvpe(sys.executable, command(given), {**given, **own})
    except OSError as fault:
        print(json.dumps({"event": "not_started", "reason": type(fault).__name__}), flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(os.environ))
