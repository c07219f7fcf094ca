"""The function that signs addresses: whom it redirects, where to, and for how long."""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from templates.programs import JOB_CONTENT, node_programs
from testbed.aws_services import NODE_PACKAGES, AwsServices, node_missing
from tests.scripts.jobs.queued_service import Answer, Driver, QueuedService, token

pytestmark = pytest.mark.skipif(bool(node_missing()), reason=node_missing())

DRIVER = Path(__file__).with_name("content_driver.mjs")
DOMAIN, KEY_PAIR = "d111111abcdef8.cloudfront.net", "K2JCJMDEHXQW5F"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
FORMS: dict[str, Callable[[], PrivateKey]] = {
    "rsa": lambda: rsa.generate_private_key(65_537, 2_048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
}


@pytest.fixture(scope="session")
def node(aws: AwsServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Process with the program as its archive contains it."""
    folder = tmp_path_factory.mktemp("content")
    (program,) = node_programs(JOB_CONTENT).files
    (folder / program.file).write_text(program.text)
    (folder / "node_modules").symlink_to(NODE_PACKAGES)
    log = folder / "log"
    log.touch()
    with subprocess.Popen(
        ["node", str(DRIVER), str(folder / program.file), str(log)],
        env=aws.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Driver(process, log)
        assert process.stdin is not None
        process.stdin.close()


@dataclass(frozen=True)
class Signing:
    """A service whose results are fetched from a content delivery network."""

    service: QueuedService
    node: Driver
    key: PrivateKey
    secret: str

    def answered(
        self,
        path: str,
        *,
        method: str = "GET",
        owner: object = "alice",
        headers: Mapping[str, Any] | None = None,
        **environment: str,
    ) -> Answer:
        stated = {"authorization": token(owner)} if headers is None else headers
        values = {name: [v] if isinstance(v, str) else v for name, v in stated.items()}
        place = urlsplit(path)
        event = {
            "httpMethod": method,
            "path": place.path,
            "multiValueQueryStringParameters": parse_qs(place.query),
            "multiValueHeaders": values,
            "body": "",
        }
        env = {
            "TABLE": self.service.name,
            "KIND": self.service.kind,
            "DOMAIN": DOMAIN,
            "KEY_PAIR_ID": KEY_PAIR,
            "SECRET_ARN": self.secret,
            "URL_S": "600",
            "ISSUER": "test",
            "VARIANTS": "[]",
            **environment,
        }
        answer = self.node.line(env=env, event=event)
        assert set(answer) == {"statusCode", "multiValueHeaders", "body", "isBase64Encoded"}
        parsed = json.loads(answer["body"]) if answer["body"] else None
        shown = {name: value for name, (value,) in answer["multiValueHeaders"].items()}
        return Answer(answer["statusCode"], shown, parsed)

    def content(self, job: str, **request: Any) -> Answer:
        return self.answered(f"{self.service.path}/{job}/content", **request)

    def completed(self, **values: object) -> str:
        """Id of a completed job."""
        job = self.service.accept()
        key = f"{job[:2]}/{job}/item.png"
        self.service.change(job, **{"state": "completed", "key": key, **values})
        return job


def pem(key: PrivateKey) -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def secret_of(service: QueuedService, text: str, name: str = "key") -> str:
    made = service.aws(
        "secretsmanager", "create_secret", Name=f"{service.name}-{name}", SecretString=text
    )
    arn: str = made["ARN"]
    return arn


@pytest.fixture(params=["image", "video"])
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def signing(new_service: Callable[..., QueuedService], node: Driver, kind: str) -> Signing:
    service, key = new_service(kind), FORMS["rsa"]()
    return Signing(service, node, key, secret_of(service, pem(key)))


def verified(address: str, key: PrivateKey) -> int:
    """End of an address's time, once its signature is that of its canned policy.

    Raises InvalidSignature.
    """
    resource, _, query = address.partition("?")
    values = {name: value for name, (value,) in parse_qs(query, strict_parsing=True).items()}
    assert values.keys() == {"Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm"}
    assert (values["Key-Pair-Id"], values["Hash-Algorithm"]) == (KEY_PAIR, "SHA256")
    ends = values["Expires"]
    policy = (
        f'{{"Statement":[{{"Resource":"{resource}",'
        f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{ends}}}}}}}]}}'
    ).encode()
    plain = values["Signature"].translate(str.maketrans("-_~", "+=/"))
    signature = base64.b64decode(plain, validate=True)
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, policy, padding.PKCS1v15(), hashes.SHA256())
    else:
        public.verify(signature, policy, ec.ECDSA(hashes.SHA256()))
    return int(ends)


@pytest.mark.parametrize("form", FORMS)
def test_an_owner_is_redirected_to_a_signed_address(
    new_service: Callable[..., QueuedService], node: Driver, form: str
) -> None:
    service, key = new_service("image"), FORMS[form]()
    made = Signing(service, node, key, secret_of(service, pem(key)))
    job, before = made.completed(), int(time.time())
    answer = made.content(job)
    assert (answer.status, answer.body) == (302, None)
    assert answer.headers["cache-control"] == "no-store"
    location = urlsplit(answer.headers["location"])
    assert (location.scheme, location.netloc) == ("https", DOMAIN)
    assert location.path == f"/{job[:2]}/{job}/item.png"
    ends = verified(answer.headers["location"], key)
    assert before + 600 <= ends <= int(time.time()) + 600


def test_another_key_or_a_changed_time_is_no_valid_signature(signing: Signing) -> None:
    """Guard: the check of the other tests could accept everything."""
    location = signing.content(signing.completed()).headers["location"]
    ends = verified(location, signing.key)
    later = location.replace(f"Expires={ends}", f"Expires={ends + 1}")
    for address, key in ((location, FORMS["rsa"]()), (later, signing.key)):
        with pytest.raises(InvalidSignature):
            verified(address, key)


def test_an_address_never_outlives_its_result(signing: Signing) -> None:
    soon = int(time.time()) + 30
    location = signing.content(signing.completed(expires_at=soon)).headers["location"]
    assert verified(location, signing.key) == soon


def test_refusals_are_those_of_the_function_that_accepts_jobs(signing: Signing) -> None:
    """Guard: two programs have one rule about owners. Their refusals are equal, word by word."""
    service, done = signing.service, signing.completed()
    past = signing.completed(expires_at=int(time.time()) - 1)
    jobs = {state: service.accept() for state in ("queued", "in_progress", "failed")}
    for state, job in jobs.items():
        service.change(job, state=state)
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (404, done, {"owner": "mallory"}),
        (404, done, {"owner": "Alice"}),
        (404, past, {}),
        (404, "0" * 32, {}),
        (404, done.upper() + "g", {}),
        (404, f"{done}%0A", {}),
        *((409, job, {}) for job in jobs.values()),
        (405, done, {"method": "POST"}),
        (405, done, {"method": "HEAD"}),
    ]
    for status, job, request in cases:
        answer = signing.content(job, **request)
        method = request.get("method", "GET")
        path = f"{service.path}/{job}/content"
        same = service.request(method, path, owner=request.get("owner", "alice"))
        assert (answer.status, answer.body) == (status, same.body), (job, request)
        assert answer.headers == same.headers


def test_variants_and_their_refusals_are_those_of_the_function_that_accepts_jobs(
    signing: Signing,
) -> None:
    service, names = signing.service, json.dumps(["h264-240", "thumbnail"])
    service.environment["VARIANTS"] = names
    kind, waiting = service.kind, signing.completed()
    failed = signing.completed(variants_error="ffmpeg failed")
    small = {"key": "ab/c/h264-240.mp4", "bytes": 7, "sha256": "0"}
    done = signing.completed(variants={"h264-240": small})
    answer = signing.answered(f"{service.path}/{done}/content?variant=h264-240", VARIANTS=names)
    assert urlsplit(answer.headers["location"]).path == f"/{small['key']}"
    verified(answer.headers["location"], signing.key)
    answer = signing.answered(f"{service.path}/{done}/content?variant={kind}", VARIANTS=names)
    assert urlsplit(answer.headers["location"]).path == f"/{done[:2]}/{done}/item.png"
    cases = [
        (409, waiting, "variant=thumbnail"),
        (409, failed, "variant=thumbnail"),
        (409, service.accept(), "variant=thumbnail"),
        (400, done, "variant=thumbnail"),
        (400, waiting, "variant=h264-1080"),
        (400, waiting, "variant=thumbnail&variant=h264-240"),
        (400, waiting, "variant=%20"),
    ]
    for status, job, query in cases:
        path = f"{service.path}/{job}/content?{query}"
        answer, same = signing.answered(path, VARIANTS=names), service.request("GET", path)
        assert (answer.status, answer.body) == (status, same.body), (job, query)


TOKENS: dict[str, dict[str, Any]] = {
    "two tokens": {"authorization": [token(), token("mallory")]},
    "another issuer": {"authorization": token(iss="https://other.example")},
    "expired": {"authorization": token(exp=1)},
    "none": {},
    "empty": {"authorization": ""},
    "another scheme": {"authorization": token().replace("Bearer", "Basic")},
    "two parts": {"authorization": token().rpartition(".")[0]},
    "no JSON": {"authorization": "Bearer a.bm8.c"},
    "no text": {"authorization": "Bearer a./w.c"},
    "a list": {"authorization": "Bearer a.W10.c"},
    "null": {"authorization": "Bearer a.bnVsbA.c"},
    "no subject": {"authorization": token(None)},
    "a number": {"authorization": token(7)},
    "an empty subject": {"authorization": token("")},
    "a long subject": {"authorization": token("x" * 256)},
}


@pytest.mark.parametrize("headers", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("kind", ["image"], indirect=True)
def test_without_a_subject_there_is_no_owner(signing: Signing, headers: dict[str, Any]) -> None:
    job = signing.completed()
    answer = signing.content(job, headers=headers)
    stated = {"authorization": None, **headers}
    same = signing.service.request("GET", f"{signing.service.path}/{job}/content", headers=stated)
    assert answer.status == same.status == 401
    assert (answer.body, answer.headers) == (same.body, same.headers)


@pytest.mark.parametrize("owner", ["ü" * 255, "🙂" * 255, "a.b|c d"])
@pytest.mark.parametrize("kind", ["image"], indirect=True)
def test_an_owner_of_any_letters_gets_the_result(signing: Signing, owner: str) -> None:
    job = signing.completed(owner=owner)
    headers = {"Authorization": token(owner)}
    assert signing.content(job, headers=headers).status == 302


@pytest.mark.parametrize("kind", ["image"], indirect=True)
def test_other_paths_have_nothing(signing: Signing) -> None:
    job = signing.completed()
    for path in (f"/v1/videos/{job}/content", f"{signing.service.path}/{job}", "/", "/v1/models"):
        assert signing.answered(path).status == 404


@pytest.mark.parametrize("kind", ["image"], indirect=True)
def test_a_missing_or_wrong_secret_is_no_answer_and_no_log(signing: Signing) -> None:
    """The next request reads a secret again that could not be read."""
    job, service = signing.completed(), signing.service
    wrong = secret_of(service, "not-a-key-but-secret", "wrong")
    missing = signing.secret.replace(":secret:", ":secret:other-")
    for arn in (missing, wrong):
        answer = signing.content(job, SECRET_ARN=arn)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert answer.error["type"] == "server_error"
    service.aws("secretsmanager", "put_secret_value", SecretId=wrong, SecretString=pem(signing.key))
    assert signing.content(job, SECRET_ARN=wrong).status == 302
    logged = [json.loads(line) for line in signing.node.log.read_text().splitlines()]
    assert {"event": "aws_error", "code": "ResourceNotFoundException"} in logged
    text = signing.node.log.read_text()
    for private in ("not-a-key", "PRIVATE KEY", "alice", job):
        assert private not in text
