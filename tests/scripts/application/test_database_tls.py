"""Connections to the database verify its server: its authority and its name."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from testbed.postgres import Postgres
from tests.scripts.application.ogx_service import OgxService

VERIFY = {"DATABASE_TLS": "verify-full"}


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> Path:
    """Certificate of a new authority."""
    subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes", "-keyout", f"{name}.key"]
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", *subject, "-out", f"{name}.pem")
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two authorities, and a certificate of the first one for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("own", "other"):
        authority(folder, name)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    subject = ["-subj", "/CN=database", "-nodes", "-keyout", "server.key", "-out", "server.csr"]
    openssl(folder, "req", "-newkey", "rsa:2048", *subject)
    signed = ["-CA", "own.pem", "-CAkey", "own.key", "-CAcreateserial", "-extfile", "names"]
    openssl(
        folder, "x509", "-req", "-in", "server.csr", *signed, "-days", "2", "-out", "server.pem"
    )
    return folder


@pytest.fixture(scope="module")
def database(certificates: Path) -> Iterator[Postgres]:
    """Server with that certificate. It owns its key, and refuses one that others may read."""
    files = {name: certificates / f"server.{name}" for name in ("pem", "key")}
    flags = {"ssl": "on", "ssl_cert_file": files["pem"], "ssl_key_file": files["key"]}
    key = files["key"]
    key.chmod(0o640 if os.getuid() == 0 else 0o600)
    if os.getuid() == 0:
        shutil.chown(key, "root", "postgres")
    for folder in (certificates, *certificates.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    with Postgres({name: str(value) for name, value in flags.items()}) as running:
        yield running


@pytest.fixture(scope="module")
def new(
    database: Postgres, new_service_on: Callable[[Postgres], OgxService]
) -> Callable[[], OgxService]:
    """Make services whose database has TLS."""
    return partial(new_service_on, database)


def test_ogx_and_our_programs_reach_a_server_that_they_can_verify(
    new: Callable[[], OgxService], certificates: Path
) -> None:
    service = new()
    service.environment |= VERIFY | {"PGSSLROOTCERT": str(certificates / "own.pem")}
    service.set_up()
    assert service.count("responses") == 0, "OGX has made its tables"
    assert service.run("application_rows", "expire")[0] == 0


@pytest.mark.parametrize(
    ("certificate", "host", "refused"),
    [
        ("other.pem", "127.0.0.1", True),
        ("own.pem", "localhost", True),
        ("own.pem", "127.0.0.1", False),
    ],
)
def test_another_authority_or_another_name_is_refused(
    new: Callable[[], OgxService], certificates: Path, certificate: str, host: str, refused: bool
) -> None:
    """Guard: without the last case, a server that refuses everybody would pass."""
    service = new()
    service.with_stand_in()
    root = {"PGSSLROOTCERT": str(certificates / certificate), "DATABASE_HOST": host}
    service.environment["SETUP_CONFIG"] = str(service.folder / "setup.yaml")
    code, lines = service.run("application_setup", **VERIFY, **root)
    assert (code != 0) is refused, lines
    if refused:
        assert lines[-1]["reason"] in ("SSLCertVerificationError", "CertificateError"), lines
