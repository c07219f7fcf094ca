"""Become Open WebUI, or with the word `migrate` make its tables and end.

It runs in the image of Open WebUI without any other library. SECRET_FILE has the password of ROLE
in DATABASE at DATABASE_HOST and DATABASE_PORT, by DATABASE_TLS. DATA_DIR and STATIC_DIR are
folders that may be written. PORT and KEEP_ALIVE_S are the port, and the seconds for which an idle
connection is kept. The exit code is that of Open WebUI, or 1 where it cannot start.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

SERVER = "page_server:create"
"""Application that uvicorn serves, next to this program."""
MIGRATE = "import open_webui.config"
"""Program that makes and changes the tables. Basis: vendor (source of Open WebUI 0.12.4)."""


def environment(given: Mapping[str, str], password: str, *, migrates: bool) -> dict[str, str]:
    """Environment of Open WebUI.

    The key of its sessions is derived from the password, so that all pods have the same one.
    Guard: tables are changed by the setup alone, before any pod starts.
    """
    host, name = f"{given['DATABASE_HOST']}:{given['DATABASE_PORT']}", quote(given["DATABASE"])
    options = f"sslmode={given['DATABASE_TLS']}"
    if "PGSSLROOTCERT" in given:
        options += f"&sslrootcert={quote(given['PGSSLROOTCERT'])}"
    login = f"{quote(given['ROLE'])}:{quote(password)}"
    return {
        **given,
        "DATABASE_URL": f"postgresql://{login}@{host}/{name}?{options}",
        "ENABLE_DB_MIGRATIONS": str(migrates),
        "WEBUI_SECRET_KEY": hmac.new(password.encode(), b"sessions", hashlib.sha256).hexdigest(),
    }


def command(words: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """Command of the server, or of the program that makes the tables.

    Guard: one process. Its WebSockets are known to that process alone.
    """
    if words == ["migrate"]:
        return [sys.executable, "-c", MIGRATE]
    options = {
        "--app-dir": str(Path(__file__).parent),
        "--host": given.get("HOST", "0.0.0.0"),
        "--port": given["PORT"],
        "--workers": "1",
        "--timeout-keep-alive": given["KEEP_ALIVE_S"],
        "--lifespan": "on",
    }
    listed = [word for option in options.items() for word in option]
    return [sys.executable, "-m", "uvicorn", SERVER, "--factory", *listed]


def main(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Replace this process; return 1 where that is impossible."""
    try:
        password = Path(given["SECRET_FILE"]).read_text(encoding="utf-8")
        own = environment(given, password, migrates=words == ["migrate"])
        for folder in ("DATA_DIR", "STATIC_DIR"):
            Path(given[folder]).mkdir(parents=True, exist_ok=True)
        os.execvpe(sys.executable, command(words, given), own)
    except OSError as fault:
        print(json.dumps({"event": "not_started", "reason": type(fault).__name__}), flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
