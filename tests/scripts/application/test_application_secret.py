"""The password reaches the file of the pod whole, and no log; OGX then starts with it."""

import json
import time
from ast import literal_eval
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from testbed.application_stand_ins import EngineStandIn
from testbed.aws_services import free_port
from tests.scripts.application.ogx_service import MODEL, OgxService, end

NewService = Callable[[], OgxService]
IDLE_S = 6
"""Longer than uvicorn keeps an idle connection by itself."""
PASSWORD = 'a "quoted" $(password)\\ é'


def keep(service: OgxService, text: str) -> None:
    arn = service.environment["SECRET_ARN"]
    service.aws("secretsmanager", "put_secret_value", SecretId=arn, SecretString=text)


def test_the_password_is_written_whole_for_its_owner_alone(
    new_service: NewService, tmp_path: Path
) -> None:
    service, file = new_service(), tmp_path / "password"
    keep(service, json.dumps({"username": service.role, "password": PASSWORD}))
    (tmp_path / "password.part").write_text("what a killed program left")
    assert service.run("application_secret", SECRET_FILE=str(file)) == (
        0,
        [{"event": "password_written"}],
    )
    assert file.read_text() == PASSWORD
    assert file.stat().st_mode & 0o777 == 0o400
    assert list(tmp_path.iterdir()) == [file]


def test_a_changed_password_replaces_the_file(new_service: NewService, tmp_path: Path) -> None:
    service, file = new_service(), tmp_path / "password"
    for password in ("one", "two"):
        keep(service, json.dumps({"username": service.role, "password": password}))
        assert service.run("application_secret", SECRET_FILE=str(file))[0] == 0
        assert file.read_text() == password


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "the secret has no value yet"),
        ("pa$$word", "the secret has no username and password"),
        ('{"username": "role"}', "the secret has no username and password"),
        ('["pa$$word"]', "the secret has no username and password"),
        ('{"username": "role", "password": ""}', "the secret has an empty username or password"),
    ],
)
def test_a_secret_without_a_password_writes_nothing(
    new_service: NewService, tmp_path: Path, text: str | None, reason: str
) -> None:
    service = new_service()
    if text is not None:
        keep(service, text)
    code, lines = service.run("application_secret", SECRET_FILE=str(tmp_path / "password"))
    assert (code, lines) == (1, [{"event": "no_password", "reason": reason}])
    assert list(tmp_path.iterdir()) == []


START = {"CONFIG": "/config/config.yaml", "PORT": "8321", "PROCESSES": "2", "KEEP_ALIVE_S": "90"}


def test_ogx_starts_with_the_password_and_the_limit(
    new_service: NewService, tmp_path: Path
) -> None:
    """The server's command is a stand-in here."""
    service, secret = new_service(), tmp_path / "password"
    secret.write_text(PASSWORD)
    (tmp_path / "uvicorn.py").write_text(
        "import os, sys\n"
        "kept = [os.environ[name] for name in ('DATABASE_PASSWORD', 'OGX_CONFIG')]\n"
        "print(repr((sys.argv[1:], kept)))\n"
        "sys.exit(3)\n"
    )
    process = service.start(
        "application_start", PYTHONPATH=str(tmp_path), SECRET_FILE=str(secret), **START
    )
    output, _ = process.communicate(timeout=30)
    words, kept = literal_eval(output)
    assert process.returncode == 3
    assert kept == [PASSWORD, "/config/config.yaml"] and words[1] == "--factory"
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert Path(options.pop("--app-dir"), "application_server.py").is_file()
    assert options == {
        "--host": "0.0.0.0",
        "--port": "8321",
        "--workers": "2",
        "--timeout-keep-alive": "90",
        "--lifespan": "on",
    }


def test_without_the_file_ogx_does_not_start(new_service: NewService, tmp_path: Path) -> None:
    missing = str(tmp_path / "password")
    code, lines = new_service().run("application_start", SECRET_FILE=missing, **START)
    assert (code, lines) == (1, [{"event": "not_started", "reason": "FileNotFoundError"}])


@pytest.mark.prove
def test_two_processes_of_ogx_keep_idle_connections(new_service: NewService) -> None:
    """The real OGX, after its setup; a server of uvicorn would end them after 5 seconds."""
    service = new_service()
    with EngineStandIn(MODEL) as engine:
        port = free_port()
        file = service.configure("config.yaml", port, engine.url, workers=2)
        assert service.run("application_setup", SETUP_CONFIG=str(file))[0] == 0
        secret = service.folder / "password"
        assert service.run("application_secret", SECRET_FILE=str(secret))[0] == 0
        process = service.start(
            "application_start",
            SECRET_FILE=str(secret),
            **START | {"CONFIG": str(file), "PORT": str(port), "HOST": "127.0.0.1"},
        )
        try:
            connection = answering(port)
            connection.sock.settimeout(IDLE_S)
            with pytest.raises(TimeoutError):
                assert connection.sock.recv(1) == b"", "the server wrote or closed it"
            connection.close()
            process.terminate()
            assert process.wait(30) in (0, -15)
        finally:
            end(process)


def answering(port: int) -> HTTPConnection:
    """Connection to OGX whose request was answered."""
    until = time.monotonic() + 60
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/v1/prompts")
            answer = connection.getresponse()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)
            continue
        assert (answer.status, json.loads(answer.read())) == (200, {"data": []})
        return connection
