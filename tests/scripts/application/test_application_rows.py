"""What OGX keeps of its users goes when it is due, or when a user is erased, from every table."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest

from testbed.application_services import Application
from testbed.application_stand_ins import EngineStandIn, TokenIssuer
from testbed.aws_services import free_port
from tests.scripts.application.ogx_service import (
    AUDIENCE,
    MODEL,
    TABLES,
    OgxService,
    called,
    end,
)

DAY_S = 86_400
LINKED = ("conversation_items", "conversation_messages", "memory_records")
"""Tables with rows of conversations."""


@pytest.fixture(scope="module")
def service(new_service: Callable[[], OgxService]) -> OgxService:
    """Service whose tables are OGX's own."""
    service = new_service()
    service.set_up()
    return service


@pytest.fixture
def empty(service: OgxService) -> OgxService:
    """The service without rows."""
    names = [*TABLES, "memory_records"]
    service.sql("TRUNCATE " + ", ".join(f"application.{name}" for name in names))
    return service


class Ogx:
    """OGX with tokens, for two users."""

    def __init__(self, url: str, issuer: TokenIssuer, service: OgxService) -> None:
        self.url, self._issuer, self._service = url, issuer, service

    def call(self, user: str, path: str, body: object = None, **words: Any) -> Any:
        return called(f"{self.url}/v1/{path}", self._issuer.token(user, AUDIENCE), body, **words)

    def respond(self, user: str, text: str, **fields: object) -> Any:
        body = {"model": f"engine/{MODEL}", "input": text, **fields}
        return self.call(user, "responses", body)

    def upload(self, user: str, text: str) -> str:
        """Id of a new file."""
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n',
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{text}.txt"\r\n'
            f"Content-Type: text/plain\r\n\r\n{text}\r\n--{edge}--\r\n",
        ]
        content = f"multipart/form-data; boundary={edge}"
        made = self.call(user, "files", "".join(parts).encode(), content=content)
        file: str = made["id"]
        return file

    def used_in_every_way(self, user: str) -> str:
        """Let a user leave rows in every table, and return the id of their file."""
        text = f"secret-of-{user}"
        talk = self.call(user, "conversations", {"metadata": {"title": text}})["id"]
        self.respond(user, text, conversation=talk)
        self.respond(user, text, conversation=talk, stream=True)
        first = self.respond(user, text)["id"]
        self.respond(user, text, previous_response_id=first)
        self.respond(user, text, stream=True)
        later = self.respond(user, text, background=True)["id"]
        message = {"type": "message", "role": "user", "content": text}
        self.call(user, f"conversations/{talk}/items", {"items": [message]})
        self.call(user, "prompts", {"prompt": text})
        left = self.call(user, "conversations", {"items": [message]})["id"]
        self.respond(user, text, conversation=left)
        self.call(user, f"conversations/{left}", method="DELETE")
        until = time.monotonic() + 30
        while self.call(user, f"responses/{later}")["status"] != "completed":
            assert time.monotonic() < until
            time.sleep(0.2)
        return self.upload(user, text)


@pytest.fixture(scope="module")
def ogx(service: OgxService) -> Iterator[Ogx]:
    with TokenIssuer() as issuer, EngineStandIn(MODEL) as engine:
        provider = {
            "type": "oauth2_token",
            "audience": AUDIENCE,
            "issuer": issuer.url,
            "jwks": {"uri": issuer.jwks_url},
            "claims_mapping": {"sub": "roles"},
        }
        file = service.configure(
            "config.yaml", free_port(), engine.url, {"provider_config": provider}
        )
        environment = service.environment | {"DATABASE_PASSWORD": service.login["password"]}
        with Application(file.read_text(), environment) as application:
            yield Ogx(application.url, issuer, service)


def versions(service: OgxService) -> set[str]:
    """Keys of all versions of all objects, and of the marks of deleted ones."""
    found = service.aws("s3", "list_object_versions", Bucket=service.name)
    both = (*found.get("Versions", []), *found.get("DeleteMarkers", []))
    return {version["Key"] for version in both}


def expired(service: OgxService, **changes: str) -> dict[str, int]:
    """Numbers of deleted rows, by table; tables without one are left out."""
    code, [line] = service.run("application_rows", "expire", **changes)
    assert (code, line["event"], line["left"]) == (0, "expired", 0)
    return {table: count for table, count in line["deleted"].items() if count}


def talk(service: OgxService, name: str, days: float, *item_days: float) -> None:
    """Insert a conversation of some age with items, its history, and a record of memory."""
    now = time.time()
    service.sql(
        "INSERT INTO application.openai_conversations (id, created_at, owner_principal)"
        f" VALUES ('{name}', {int(now - days * DAY_S)}, 'alice');"
        "INSERT INTO application.conversation_messages (conversation_id, owner_principal)"
        f" VALUES ('{name}', 'alice');"
        "INSERT INTO application.memory_records (id, conversation_id, owner_principal)"
        f" VALUES ('{name}', '{name}', 'alice')"
    )
    for number, age in enumerate(item_days):
        service.sql(
            "INSERT INTO application.conversation_items"
            " (conversation_id, id, created_at, owner_principal)"
            f" VALUES ('{name}', '{name}-{number}', {int(now - age * DAY_S)}, 'alice')"
        )


def row(service: OgxService, table: str, name: str, days: float) -> None:
    """Insert a row of some age."""
    at = int(time.time() - days * DAY_S)
    service.sql(
        f"INSERT INTO application.{table} (id, created_at, owner_principal)"
        f" VALUES ('{name}', {at}, 'alice')"
    )


def ids(service: OgxService, table: str, column: str = "id") -> set[str]:
    return {name for [name] in service.sql(f"SELECT DISTINCT {column} FROM application.{table}")}


def test_an_erased_user_leaves_nothing_and_others_lose_nothing(empty: OgxService, ogx: Ogx) -> None:
    files = {user: ogx.used_in_every_way(user) for user in ("alice", "bob")}
    before = empty.texts()
    used = [name for name, text in before.items() if "secret-of-alice" in text]
    assert set(used) == set(TABLES) and versions(empty) == set(files.values())
    for name in [*TABLES, "jobs"]:
        assert empty.count(name, "owner_principal NOT IN ('alice', 'bob')") == 0
    empty.aws("s3", "delete_object", Bucket=empty.name, Key=files["alice"])
    others = {name: empty.count(name, "owner_principal = 'bob'") for name in TABLES}
    mine = {name: empty.count(name, "owner_principal = 'alice'") for name in TABLES}

    code, [line] = empty.run("application_rows", "erase", "alice")
    deleted = {name: count for name, count in line["deleted"].items() if count}
    assert (code, line) == (0, {"event": "erased", "deleted": line["deleted"], "left": 0})
    assert deleted == mine and min(mine.values()) > 0
    assert "alice" not in "".join(empty.texts().values())
    assert versions(empty) == {files["bob"]}
    assert {name: empty.count(name, "owner_principal = 'bob'") for name in TABLES} == others
    assert ogx.call("bob", f"files/{files['bob']}/content") == "secret-of-bob"
    assert empty.run("application_rows", "erase", "alice")[0] == 0


def test_rows_of_a_file_stay_until_its_object_is_gone(empty: OgxService) -> None:
    for name in ("file-1", "file-2", "file-3"):
        row(empty, "openai_files", name, 0)
        empty.aws("s3", "put_object", Bucket=empty.name, Key=name)
    code, lines = empty.run("application_rows", "erase", "alice", BUCKET="no-such-bucket")
    assert (code, lines) == (1, [{"event": "rows_failed", "reason": "NoSuchBucket"}])
    assert empty.count("openai_files") == 3
    assert empty.run("application_rows", "erase", "alice")[0] == 0
    assert empty.count("openai_files") == 0 and not versions(empty) & {"file-1", "file-2", "file-3"}


def test_the_object_of_a_longer_key_stays(empty: OgxService) -> None:
    row(empty, "openai_files", "file-1", 0)
    for key in ("kept/file-1", "kept/file-10", "file-1"):
        empty.aws("s3", "put_object", Bucket=empty.name, Key=key)
    assert empty.run("application_rows", "erase", "alice", KEY_PREFIX="kept/")[0] == 0
    assert {"kept/file-10", "file-1"} <= versions(empty) and "kept/file-1" not in versions(empty)


def test_a_user_whom_the_registry_names_is_not_erased(empty: OgxService) -> None:
    value = json.dumps({"owner": {"principal": 'ann "a"'}})
    empty.sql(f"INSERT INTO application.ogx_kvstore (key, value) VALUES ('v', '{value}')")
    code, [line] = empty.run("application_rows", "erase", 'ann "a"')
    empty.sql("DELETE FROM application.ogx_kvstore WHERE key = 'v'")
    assert (code, line["left"]) == (1, 1) and "ann" not in json.dumps(line)


def test_a_conversation_is_due_with_its_last_item(empty: OgxService) -> None:
    talk(empty, "due", 90, 90, 31)
    talk(empty, "used", 90, 90, 29)
    talk(empty, "due-without-items", 31)
    talk(empty, "new", 29)
    assert expired(empty) == {
        "openai_conversations": 2,
        "conversation_items": 2,
        "conversation_messages": 2,
        "memory_records": 2,
    }
    assert ids(empty, "openai_conversations") == {"used", "new"}
    for table in LINKED[1:]:
        assert ids(empty, table, "conversation_id") == {"used", "new"}
    assert ids(empty, "conversation_items") == {"used-0", "used-1"}


def test_a_response_and_the_row_of_a_file_are_due_by_their_own_age(empty: OgxService) -> None:
    for table in ("responses", "openai_files", "prompts"):
        for days in (29.9, 30.1, 31, 32, 33, 34):
            row(empty, table, f"row-{days}", days)
    assert expired(empty) == {"responses": 5, "openai_files": 5}
    for table in ("responses", "openai_files"):
        assert ids(empty, table) == {"row-29.9"}
    assert empty.count("prompts") == 6


def test_what_belongs_to_no_conversation_goes_at_once(empty: OgxService, ogx: Ogx) -> None:
    """OGX keeps the history of a conversation that its user has deleted."""
    kept, left = (ogx.call("alice", "conversations", {})["id"] for _ in range(2))
    for one in (kept, left):
        ogx.respond("alice", "a secret", conversation=one)
    ogx.call("alice", f"conversations/{left}", method="DELETE")
    assert ids(empty, "conversation_messages", "conversation_id") == {kept, left}
    for number in range(5):
        empty.sql(
            "INSERT INTO application.conversation_items (conversation_id, id, created_at)"
            f" VALUES ('gone-{number // 3}', '{number}', {int(time.time())})"
        )
    assert expired(empty) == {"conversation_messages": 1, "conversation_items": 5}
    assert ids(empty, "conversation_messages", "conversation_id") == {kept}
    assert ids(empty, "conversation_items", "conversation_id") == {kept}


def test_a_conversation_goes_whole_or_not_at_all(empty: OgxService) -> None:
    """A lock stops the program in the middle of a conversation, and there it is killed."""
    talk(empty, "due", 90, 90)
    table = "application.conversation_messages"
    lock = f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6); COMMIT"
    other = Thread(target=empty.sql, args=(lock,))
    other.start()
    process = empty.start("application_rows", "expire")
    stopped = f"SELECT 1 FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted"
    until = time.monotonic() + 5
    while not empty.sql(stopped):
        assert time.monotonic() < until
        time.sleep(0.05)
    end(process)
    other.join()
    working = f"usename = '{empty.role}' AND state <> 'idle'"
    while empty.sql(f"SELECT 1 FROM pg_stat_activity WHERE {working}"):
        time.sleep(0.05)
    counts = {name: empty.count(name) for name in ("openai_conversations", *LINKED)}
    assert set(counts.values()) == {1}
    assert expired(empty) == counts


def test_a_killed_run_leaves_whole_conversations_and_the_next_one_finishes(
    empty: OgxService,
) -> None:
    at = int(time.time() - 40 * DAY_S)
    names = "SELECT 'talk-' || n AS id FROM generate_series(1, 3000) n"
    empty.sql(
        "INSERT INTO application.openai_conversations (id, created_at)"
        f" SELECT id, {at} FROM ({names}) t;"
        "INSERT INTO application.conversation_messages (conversation_id)"
        f" SELECT id FROM ({names}) t;"
        "INSERT INTO application.conversation_items (conversation_id, id, created_at)"
        f" SELECT id, id || k, {at} FROM ({names}) t, generate_series(1, 3) k"
    )
    process = empty.start("application_rows", "expire")
    until = time.monotonic() + 30
    while empty.count("openai_conversations") == 3000:
        assert time.monotonic() < until
    end(process)
    time.sleep(0.5)
    left = empty.count("openai_conversations")
    assert 0 < left < 3000
    assert empty.count("conversation_messages") == left
    assert empty.count("conversation_items") == 3 * left
    assert expired(empty, BATCH="500")["openai_conversations"] == left
    assert sum(empty.count(table) for table in TABLES) == 0


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ([], {}),
        (["erase"], {}),
        (["erase", ""], {}),
        (["erase", "alice", "bob"], {}),
        (["forget"], {}),
        (["expire"], {"RETENTION_DAYS": "0"}),
        (["expire"], {"BATCH": "-1"}),
        (["expire"], {"RETENTION_DAYS": ""}),
    ],
)
def test_wrong_arguments_delete_nothing(
    empty: OgxService, words: list[str], change: dict[str, str]
) -> None:
    row(empty, "responses", "old", 40)
    code, lines = empty.run("application_rows", *words, **change)
    assert (code, lines) == (2, [{"event": "wrong_arguments"}])
    assert empty.count("responses") == 1


def test_a_database_out_of_reach_fails_the_run(empty: OgxService) -> None:
    code, lines = empty.run("application_rows", "expire", DATABASE_PORT="1")
    assert (code, lines) == (1, [{"event": "rows_failed", "reason": "ConnectionRefusedError"}])


def test_the_secret_stands_in_for_the_file(empty: OgxService) -> None:
    row(empty, "responses", "old", 40)
    file = empty.environment.pop("SECRET_FILE")
    try:
        assert expired(empty) == {"responses": 1}
    finally:
        empty.environment["SECRET_FILE"] = file
