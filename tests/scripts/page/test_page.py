"""The chat page of Open WebUI acts as each person, keeps their words apart, and forgets them."""

import json
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from templates.applications.page import OFF, SETTINGS
from templates.scripts.application.application_check import subject_of
from testbed.application_stand_ins import EngineStandIn, TokenIssuer
from testbed.aws_services import free_port
from testbed.page_service import (
    PYTHON,
    Balancer,
    ChatPage,
    make_tables,
    page_environment,
    read_only_missing,
)
from tests.scripts.application.ogx_service import OgxService

MODEL, DAY_S = "engine/model-1", 86_400


class People:
    """People whom a load balancer has signed in, on pages of one database."""

    def __init__(self, balancer: Balancer, issuer: TokenIssuer, service: OgxService) -> None:
        self._balancer, self._issuer, self.service = balancer, issuer, service
        self._sessions = dict[str, str]()

    def headers(self, subject: str, token_of: str = "", **header: object) -> dict[str, str]:
        return {
            "x-amzn-oidc-data": self._balancer.claims(subject, **header),
            "x-amzn-oidc-accesstoken": self._issuer.token(token_of or subject, "page"),
        }

    def sign_in(self, url: str, subject: str) -> str:
        """Session of a person, whose role the page states too."""
        body = {"email": "", "password": ""}
        made = call(f"{url}/api/v1/auths/signin", self.headers(subject), body)
        assert made["role"] == "user"
        return str(made["token"])

    def ask(self, url: str, subject: str, text: str) -> str:
        """Ask a question as the page does, and return the id of the conversation."""
        session = {"Authorization": f"Bearer {self.sign_in(url, subject)}"}
        question = {"id": str(uuid.uuid4()), "role": "user", "content": text, "parentId": None}
        history = {"messages": {question["id"]: question}, "currentId": question["id"]}
        chat = {"title": text, "models": [MODEL], "history": history, "messages": [question]}
        made = call(f"{url}/api/v1/chats/new", self.headers(subject) | session, {"chat": chat})
        body = {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": text}]}
        answer = call(f"{url}/api/chat/completions", self.headers(subject) | session, body)
        assert answer["choices"][0]["message"]["content"] == "An answer."
        return str(made["id"])

    def sees(self, url: str, subject: str, chat: str) -> int:
        """Status of the answer to a person who opens a conversation."""
        session = {"Authorization": f"Bearer {self.sign_in(url, subject)}"}
        return status(f"{url}/api/v1/chats/{chat}", self.headers(subject) | session)


def call(url: str, headers: dict[str, str], body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def status(url: str, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, None, headers), timeout=60) as got:
            return int(got.status)
    except HTTPError as fault:
        fault.close()
        return fault.code


@dataclass(frozen=True)
class Pages:
    """Two pages of one database, the second with a root that it cannot write."""

    people: People
    application: EngineStandIn
    first: ChatPage
    second: ChatPage

    @property
    def urls(self) -> list[str]:
        return [self.first.url, self.second.url]


@pytest.fixture(scope="module")
def pages(
    service: OgxService, programs_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pages]:
    """Two pages after the setup, in front of a stand-in of the application."""
    password = service.folder / "password"
    code, lines = service.run("page_setup", SECRET_FILE=str(password))
    assert code == 0, lines
    service.environment["SECRET_FILE"] = str(password)
    keys = tmp_path_factory.mktemp("keys")
    balancer = Balancer(keys)
    with TokenIssuer() as issuer, EngineStandIn(MODEL) as application:
        own = page_environment(application.url, MODEL, balancer.keys_url)
        given = {**service.environment, **own}
        make_tables(programs_folder, given, service.folder)
        ports = [str(free_port()), str(free_port())]
        with (
            ChatPage(programs_folder, {**given, "PORT": ports[0]}) as first,
            ChatPage(
                programs_folder, {**given, "PORT": ports[1]}, read_only=not read_only_missing()
            ) as second,
        ):
            people = People(balancer, issuer, service)
            yield Pages(people, application, first, second)


def test_each_person_sees_their_own_conversations_on_every_pod(
    pages: Pages,
) -> None:
    people, urls, application = pages.people, pages.urls, pages.application
    mine = people.ask(urls[0], "alice", "words of alice")
    theirs = people.ask(urls[1], "Alice", "words of another Alice")
    assert [people.sees(url, "alice", mine) for url in urls] == [200, 200]
    assert [people.sees(url, "Alice", mine) for url in urls] == [401, 401]
    assert people.sees(urls[0], "alice", theirs) == 401
    headers = {"Authorization": f"Bearer {people.sign_in(urls[0], 'alice')}"}
    stolen = people.headers("bob") | headers
    assert status(f"{urls[0]}/api/v1/chats/{mine}", stolen) == 401, "the session of another person"
    questions = [body["messages"][-1]["content"] for body in application.bodies]
    subjects = [subject_of(caller) for caller in application.callers]
    assert dict(zip(questions, subjects, strict=True)) == {
        "words of alice": "alice",
        "words of another Alice": "Alice",
    }


def test_nobody_enters_without_the_word_of_the_load_balancer(
    pages: Pages,
) -> None:
    people, urls = pages.people, pages.urls
    good = people.headers("alice")
    page = f"{urls[0]}/api/config"
    assert status(page, good) == 200
    claims = good["x-amzn-oidc-data"]
    wrong = {
        "nothing": {},
        "claims alone": {"x-amzn-oidc-data": claims},
        "a name of their own": {"x-page-email": "a@user.invalid"},
        "another signature": good | {"x-amzn-oidc-data": claims[:-8] + "AAAAAA=="},
        "another balancer": people.headers("alice", signer="arn:other"),
        "another client": people.headers("alice", client="other"),
        "expired": people.headers("alice", exp=int(time.time()) - 1),
        "no algorithm": people.headers("alice", alg="none"),
        "the token of another": people.headers("alice", token_of="bob"),
    }
    assert {name: status(page, headers) for name, headers in wrong.items()} == dict.fromkeys(
        wrong, 401
    )
    assert status(f"{urls[0]}/health/db", {}) == 200


def test_what_nobody_changed_goes_and_a_person_is_forgotten_whole(
    pages: Pages,
) -> None:
    people, urls = pages.people, pages.urls
    service = people.service
    old, new = (people.ask(urls[0], "carol", text) for text in ("old words", "new words"))
    of_dave = people.ask(urls[0], "dave", "words of dave")
    before = int(time.time()) - 31 * DAY_S
    service.sql(f"UPDATE application.chat SET updated_at = {before} WHERE id = '{old}'")
    code, lines = service.run("page_rows", "expire")
    assert (code, lines[-1]["left"]) == (0, 0), lines
    assert people.sees(urls[1], "carol", old) == 401 and people.sees(urls[1], "carol", new) == 200
    code, lines = service.run("page_rows", "erase", "carol")
    assert (code, lines[-1]["left"]) == (0, 0), lines
    assert not service.sql("SELECT 1 FROM application.chat WHERE chat::text LIKE '%new words%'")
    assert not service.sql("SELECT 1 FROM application.\"user\" WHERE name LIKE '%carol%'")
    assert people.sees(urls[0], "dave", of_dave) == 200
    assert service.run("page_rows", "erase", "")[0] == 2


@pytest.mark.skipif(bool(read_only_missing()), reason=read_only_missing())
def test_a_page_answers_where_it_can_write_in_its_two_folders_alone(pages: Pages) -> None:
    """Guard: pods have a root that cannot be written; an error of it would be in the log."""
    page = pages.second
    mounts = Path(f"/proc/{page.workers[0]}/mountinfo").read_text().splitlines()
    roots = [line.split()[5].split(",")[0] for line in mounts if line.split()[4] == "/"]
    assert roots == ["ro"]
    chat = pages.people.ask(page.url, "erin", "words of erin")
    assert pages.people.sees(page.url, "erin", chat) == 200
    assert "Read-only file system" not in page.log
    written = {path.name for path in page.folder.iterdir()}
    assert written == {"log", "data", "static"}


def test_every_setting_is_an_option_of_this_version() -> None:
    """Guard: a name with a mistake would be ignored, and what it turns off would be on."""
    code = "import open_webui, pathlib; print(pathlib.Path(open_webui.__file__).parent)"
    found = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=True)
    folder = Path(found.stdout.strip())
    source = "".join((folder / name).read_text() for name in ("env.py", "config.py"))
    known = {"HOME", "PYTHONDONTWRITEBYTECODE", "DO_NOT_TRACK", "SCARF_NO_ANALYTICS"}
    known |= {"ANONYMIZED_TELEMETRY"}
    assert [n for n in (*SETTINGS, *OFF) if n not in known and f"'{n}'" not in source] == []
