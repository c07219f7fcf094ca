"""The setup ends with one role, its schema, its tables and indexes, wherever it was killed."""

import json
import random
import time
from collections.abc import Callable
from threading import Thread

import pytest

from testbed.aws_services import free_port
from tests.scripts.application.ogx_service import MASTER_PASSWORD, TABLES, OgxService, end

NewService = Callable[[], OgxService]
LATER_S = 0.3
"""Most seconds between an event and a kill: about the time to the next event."""
INDEXES = (
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = 'application'::regnamespace AND c.relname LIKE 'application\\_%'"
)
EXPECTED = {
    "application_conversation_items_created_at",
    "application_conversation_items_id",
    "application_conversation_items_owner_principal",
    "application_conversation_messages_owner_principal",
    "application_openai_conversations_created_at",
    "application_openai_conversations_owner_principal",
    "application_openai_files_created_at",
    "application_openai_files_owner_principal",
    "application_prompts_created_at",
    "application_prompts_owner_principal",
    "application_responses_created_at",
    "application_responses_owner_principal",
    "application_responses_previous_response_id",
    "application_token_counts_owner_principal",
}


def quick(new_service: NewService) -> OgxService:
    """Service whose OGX is the stand-in."""
    service = new_service()
    service.with_stand_in()
    service.environment["SETUP_CONFIG"] = "/config/setup.yaml"
    return service


def logs_in(service: OgxService) -> bool:
    """True where the role of the secret reads its tables with the password of the secret."""
    login = service.login
    assert login["username"] == service.role
    code, _ = service.run("application_rows", "expire", SECRET_FILE=password_file(service))
    return code == 0


def password_file(service: OgxService) -> str:
    file = service.folder / "password"
    file.write_text(service.login["password"])
    return str(file)


def complete(service: OgxService) -> None:
    """Everything is there, and belongs to the role alone."""
    role, name = service.role, service.name
    assert logs_in(service)
    [owner] = service.sql(
        "SELECT pg_get_userbyid(nspowner), nspacl FROM pg_namespace WHERE nspname = 'application'"
    )
    assert owner == [role, ""]
    tables = service.sql(
        "SELECT tablename, tableowner FROM pg_tables WHERE schemaname='application'"
    )
    assert set(TABLES) <= {table for table, _ in tables} and {who for _, who in tables} == {role}
    indexes = service.sql(INDEXES)
    assert {index for index, _ in indexes} >= EXPECTED and {valid for _, valid in indexes} == {"t"}
    may = "has_database_privilege('{0}', '{1}', '{2}')"
    [own] = service.sql(
        f"SELECT {may.format(role, name, 'CONNECT')}, {may.format(role, name, 'CREATE')}"
    )
    assert own == ["t", "f"]
    [public] = service.sql(
        f"SELECT {may.format('public', name, 'CONNECT')}, {may.format('public', name, 'TEMP')},"
        " has_schema_privilege('public', 'public', 'USAGE')"
    )
    assert public == ["f", "f", "f"]
    [rights] = service.sql(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
        f" WHERE rolname = '{role}'"
    )
    assert rights == ["f", "f", "f", "t"]


def test_ogx_makes_every_table_of_an_empty_database(new_service: NewService) -> None:
    """Nothing answers at the address of the engines: the setup does not need them."""
    service = new_service()
    engine = f"http://127.0.0.1:{free_port()}"
    file = service.configure("setup.yaml", free_port(), engine)
    code, lines = service.run("application_setup", SETUP_CONFIG=str(file))
    events = ["password_kept", "role_made", "tables_made", "indexes_made", "set_up"]
    assert (code, [line["event"] for line in lines]) == (0, events)
    complete(service)
    assert list(service.folder.rglob("*ogx-run*")) == [], "it has the password"


def test_a_second_setup_keeps_the_password_and_runs_ogx_alone(new_service: NewService) -> None:
    service = quick(new_service)
    assert service.run("application_setup")[0] == 0
    first, indexes = service.login, service.sql(INDEXES)
    code, lines = service.run("application_setup")
    events = ["role_made", "tables_made", "indexes_made", "set_up"]
    assert (code, [line["event"] for line in lines]) == (0, events)
    assert (service.login, service.sql(INDEXES)) == (first, indexes)
    complete(service)


def test_a_password_in_the_secret_is_the_one_of_the_role(new_service: NewService) -> None:
    service = quick(new_service)
    login = json.dumps({"username": service.role, "password": "1e5 kept"})
    arn = service.environment["SECRET_ARN"]
    service.aws("secretsmanager", "put_secret_value", SecretId=arn, SecretString=login)
    assert service.run("application_setup")[0] == 0
    assert service.login["password"] == "1e5 kept"
    complete(service)


def test_no_log_contains_a_password(new_service: NewService) -> None:
    """The server logs every statement here."""
    service = quick(new_service)
    process = service.start("application_setup")
    output, _ = process.communicate(timeout=60)
    password = service.login["password"]
    assert len(password) == 40 and password.isalnum() and password[0].isalpha()
    statements = (service.postgres.folder / "log").read_text()
    assert f'ROLE "{service.role}" LOGIN PASSWORD' in statements
    for secret in (password, MASTER_PASSWORD):
        assert secret not in output
    assert password not in statements


def test_a_failed_ogx_is_reported_without_the_password(new_service: NewService) -> None:
    """The stand-in prints the password as its last line."""
    service = quick(new_service)
    code, lines = service.run("application_setup", STAND_IN_TABLES="nothing")
    failed, reason = lines[-2:]
    assert (code, reason) == (1, {"event": "not_set_up", "reason": "OGX does not answer"})
    assert (failed["event"], failed["output"][-1]) == ("ogx_failed", "the password is ***")
    assert "JSONDecodeError" in failed["output"][-2]
    assert service.login["password"] not in json.dumps(lines)


def test_a_table_that_is_missing_fails_the_setup(new_service: NewService) -> None:
    service = quick(new_service)
    some = json.dumps([table for table in TABLES if table != "responses"])
    code, lines = service.run("application_setup", STAND_IN_TABLES=some)
    assert (code, lines[-1]["reason"]) == (1, "OGX has not made responses")


def test_an_index_that_a_killed_setup_left_is_made_again(new_service: NewService) -> None:
    service = quick(new_service)
    assert service.run("application_setup")[0] == 0
    index = "application.application_responses_created_at"
    service.sql(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass")
    assert service.run("application_setup")[0] == 0
    complete(service)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ROLE": "MASTER"}, "the role is the master"),
        ({"ROLE": "another"}, "the secret belongs to another role"),
        ({"DATABASE_TLS": "require"}, "ConnectionError"),
        ({"DATABASE_PORT": "1"}, "ConnectionRefusedError"),
    ],
)
def test_a_setup_that_would_do_harm_is_refused(
    new_service: NewService, change: dict[str, str], reason: str
) -> None:
    """The server has no TLS, so that a connection that requires it fails."""
    service = quick(new_service)
    login = json.dumps({"username": service.role, "password": "kept"})
    arn = service.environment["SECRET_ARN"]
    service.aws("secretsmanager", "put_secret_value", SecretId=arn, SecretString=login)
    stated = {name: value.replace("MASTER", service.master) for name, value in change.items()}
    code, lines = service.run("application_setup", **stated)
    assert (code, lines) == (1, [{"event": "not_set_up", "reason": reason}])
    assert service.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{service.role}'") == []


@pytest.mark.parametrize(
    ("key", "made"),
    [
        (7_105_001, "SELECT 1 FROM pg_namespace WHERE nspname = 'application'"),
        (7_105_002, "SELECT 1 FROM pg_tables WHERE schemaname = 'application'"),
    ],
)
def test_a_setup_waits_for_the_turn_of_another(
    new_service: NewService, key: int, made: str
) -> None:
    service = quick(new_service)
    other = Thread(target=service.sql, args=(f"SELECT pg_advisory_lock({key}), pg_sleep(5)",))
    other.start()
    held = f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = {key}"
    while not service.sql(held):
        time.sleep(0.05)
    process = service.start("application_setup")
    time.sleep(3)
    assert service.sql(made) == []
    output, _ = process.communicate(timeout=60)
    other.join()
    assert process.returncode == 0, output
    complete(service)


def test_two_setups_at_once_take_turns(new_service: NewService) -> None:
    service = quick(new_service)
    both = [service.start("application_setup") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert "".join(outputs).count("password_kept") == 1
    complete(service)


@pytest.mark.parametrize("event", ["", "password_kept", "role_made", "tables_made"])
def test_a_setup_that_was_killed_is_completed_by_the_next(
    new_service: NewService, event: str
) -> None:
    """It is killed at its start or at an event, and at two times after that."""
    for later_s in (0, LATER_S / 2, LATER_S):
        service = quick(new_service)
        process = service.start("application_setup")
        assert process.stdout is not None
        if event:
            assert any(event in line for line in process.stdout)
        time.sleep(later_s)
        end(process)
        code, lines = service.run("application_setup")
        assert code == 0, lines
        complete(service)


@pytest.mark.prove
def test_ogx_that_was_killed_anywhere_is_completed_by_the_next(new_service: NewService) -> None:
    service, choice = new_service(), random.Random(7)
    file = service.configure("setup.yaml", free_port(), f"http://127.0.0.1:{free_port()}")
    for _ in range(6):
        process = service.start("application_setup", SETUP_CONFIG=str(file))
        time.sleep(choice.uniform(3, 20))
        end(process)
    code, lines = service.run("application_setup", SETUP_CONFIG=str(file))
    assert code == 0, lines
    complete(service)


def test_the_signal_to_stop_ends_ogx_too(new_service: NewService) -> None:
    service = new_service()
    port = free_port()
    file = service.configure("setup.yaml", port, f"http://127.0.0.1:{free_port()}")
    process = service.start("application_setup", SETUP_CONFIG=str(file))
    assert process.stdout is not None
    while "role_made" not in process.stdout.readline():
        pass
    time.sleep(2)
    process.terminate()
    assert process.wait(30) == 143
    end(process)
    [left] = service.sql(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{service.role}'")
    assert left == ["0"]
