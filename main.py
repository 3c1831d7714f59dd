"""The Task API: settings, database, log, errors, requests, tokens, accounts, tasks, health, to be read from top to bottom."""

import asyncio
import contextlib
import json
import logging
import math
import os
import random
import re
import selectors
import socket
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from http import HTTPStatus
from itertools import product
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Any, Literal, NamedTuple, Self, TextIO, TypeVar

import psycopg2.extensions
from anyio import CapacityLimiter, to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, FastAPI, Form, Header, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
from jose import jwk, jwt
from jose.backends.base import Key
from jose.exceptions import JWKError, JWTError
from jose.utils import base64url_decode
from pwdlib import PasswordHash
from pydantic import AliasChoices, Field, HttpUrl, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError, from_json
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    event,
    exists,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, Row, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, InvalidatePoolError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.base import Executable, ReadOnlyColumnCollection
from sqlmodel import SQLModel, create_engine
from starlette.datastructures import URL as WebAddress
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models import ROW_RULES, Priority, Task, User, UserId, new_etag, new_task_id, utc_now
from schemas import (
    ROW_FIELDS,
    Error,
    ErrorDetail,
    FieldError,
    Health,
    SignIn,
    SignUp,
    TaskCreate,
    TaskFilter,
    TaskRead,
    TaskRow,
    TaskToggle,
    TaskToggled,
    TaskUpdate,
    ToggledRow,
    TokenForm,
    TokenRead,
    UserRead,
)

# ---------------------------------------------------------------- settings

SECRET_FILE = Path(".jwt_secret")
SHORTEST_SECRET = 32
LARGEST_PORT = 65_535
LOCAL_ORIGIN = r"https?://(localhost|127\.0\.0\.1)(:\d+)?"


def kept_secret() -> str:
    """The secret of a machine that was given none: made once, and linked into place whole, so that all workers agree."""
    if not SECRET_FILE.exists():
        descriptor, draft = tempfile.mkstemp(dir=".", prefix=SECRET_FILE.name)
        with open(descriptor, "w") as file:
            file.write(os.urandom(32).hex())
        with contextlib.suppress(FileExistsError):
            os.link(draft, SECRET_FILE)
        os.unlink(draft)
    return SECRET_FILE.read_text().strip()


class Settings(BaseSettings):
    """Read from the environment and `.env`; an empty value counts as unset."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", validate_default=False)

    database_url: Annotated[URL, NoDecode] = make_url("sqlite:///tasks.db")
    jwt_secret: str = Field(default="", validation_alias=AliasChoices("JWT_SECRET", "BETTER_AUTH_SECRET"))
    jwt_algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: HttpUrl | None = None
    jwt_expire_minutes: int = Field(default=1440, ge=1, le=525_600)
    cors_origins: Annotated[list[str], NoDecode] = []

    @field_validator("database_url", mode="before")
    @classmethod
    def _read_database_url(cls, value: str) -> URL:
        try:
            url = make_url(value)
            backend = url.drivername.partition("+")[0]
            if url.port is not None and not 1 <= url.port <= LARGEST_PORT:
                raise ArgumentError
            if backend in ("postgres", "postgresql"):
                url = url.set(drivername="postgresql+psycopg2")
                _, options = create_engine(url).dialect.create_connect_args(url)
                # libpq reads the names and most values of its options before it connects: here to nowhere.
                psycopg2.connect(**{**options, "host": os.devnull, "hostaddr": "", "port": 1})
            elif url.drivername not in ("sqlite", "sqlite+pysqlite") or url.database in (None, "", ":memory:") or url.query:
                raise ArgumentError
        except psycopg2.OperationalError as error:
            if not str(error).startswith("connection"):
                raise ValueError("has a parameter whose value PostgreSQL does not know") from None
        except (ArgumentError, ValueError, psycopg2.Error):
            raise ValueError("must look like postgresql://user:password@host/name?sslmode=require or sqlite:///file.db") from None
        return url

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _read_origins(cls, value: str) -> list[str]:
        origins = [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()]
        if not all(re.fullmatch(r"https?://[^\s/*]+", origin) for origin in origins):
            raise ValueError("must list origins such as https://app.example.com, with commas between; * can't go with credentials")
        return origins

    @model_validator(mode="after")
    def _find_secret(self) -> Self:
        if not self.jwt_secret and self.database_url.get_backend_name() == "sqlite":
            self.jwt_secret = kept_secret()
        if len(self.jwt_secret) < SHORTEST_SECRET:
            raise PydanticCustomError("JWT_SECRET", f"must have at least {SHORTEST_SECRET} characters; make one with: openssl rand -hex 32")
        try:
            jwk.construct(self.jwt_secret, self.jwt_algorithm)
        except (JWKError, UnicodeError):
            raise PydanticCustomError(
                "JWT_SECRET", "must be plain text, no public key or certificate; make one with: openssl rand -hex 32"
            ) from None
        return self


def load_settings() -> Settings:
    """Stop the start with one line for each bad setting; no line repeats a value, for it may be a secret."""
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(bad_setting(problem) for problem in error.errors())) from None
    except UnicodeDecodeError:
        raise SystemExit("Bad setting .env: must be saved as UTF-8") from None
    except OSError as error:
        raise SystemExit(f"JWT_SECRET is not set, and {SECRET_FILE} can't be kept here ({error.strerror}): set JWT_SECRET") from None


def bad_setting(problem: ErrorDetails) -> str:
    """One line: the variable, then what is wrong with it and what to do."""
    name = str(*problem["loc"]).upper() or problem["type"]
    return f"Bad setting {name}: {problem['msg'].removeprefix('Value error, ')}"


settings = load_settings()

# ---------------------------------------------------------------- database

# A worker runs this many statements at once: as many threads, and as many pooled connections, so that neither waits for the other.
THREADS = 8
# Of /health/ready alone, which must not wait behind them.
PROBES = 1
# Seconds to wait for an answer before the database counts as away, and for one to /health/ready; and how often waiting is looked at.
PATIENCE, READY_PATIENCE, WATCH_SECONDS = 5.0, 1.0, 0.1
# Seconds after which an idle connection is looked at, and after which it is asked whether it is alive; and how long it may take to answer.
LOOK_AFTER, ASK_AFTER, ASK_PATIENCE = 0.01, 20.0, 1.0

ON_POSTGRESQL = settings.database_url.get_backend_name() == "postgresql"
BEGIN = text("BEGIN" if ON_POSTGRESQL else "BEGIN IMMEDIATE")
COMMIT = text("COMMIT")
LOCK_TABLES = text("SELECT pg_advisory_xact_lock(7461736)")

# Each statement commits by itself; what takes more than one says BEGIN and COMMIT.
engine = create_engine(
    settings.database_url,
    isolation_level="AUTOCOMMIT",
    pool_size=THREADS + PROBES,
    max_overflow=0,
    pool_use_lifo=True,
    hide_parameters=True,
    skip_autocommit_rollback=True,
    json_deserializer=from_json,
    connect_args={"connect_timeout": int(PATIENCE)} if ON_POSTGRESQL else {},
)
Result = TypeVar("Result")


class NoAnswer(Exception):
    """The database took too long."""


def hang_up(connection: Any) -> None:
    """On a socket that is shut libpq gives up; else it would wait for a frozen server for ever."""
    # Meanwhile it may have been closed.
    with contextlib.suppress(psycopg2.Error, OSError):
        with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as its_socket:
            its_socket.shutdown(socket.SHUT_RDWR)


class Job:
    """What a request has a thread do for it; its moments are of time.monotonic."""

    began = math.inf
    given_up = False
    connection: Any = None

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work, self.came, self.loop = work, time.monotonic(), asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self.loop.create_future()

    def do(self) -> None:
        """On the thread."""
        self.began = time.monotonic()
        try:
            self.end(self.work(), None)
        except BaseException as error:
            self.end(None, error)

    def give_up(self) -> None:
        """The request is answered, and the thread comes free."""
        self.given_up = True
        self.end(None, NoAnswer("no answer in time"))
        if self.connection:
            hang_up(self.connection)

    def end(self, result: Any, error: BaseException | None) -> None:
        """From any thread; the first end counts. RuntimeError: the event loop is gone, and with it whoever waited."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.answer.done():
            return
        if error:
            self.answer.set_exception(error)
        else:
            self.answer.set_result(result)


# The job of the thread at hand.
job: ContextVar[Job | None] = ContextVar("job", default=None)


class Threads:
    """Threads that wait for the database, and one that watches how long; an executor costs a tenth more, and can't watch."""

    started = False
    # When the database last answered.
    answered_at = -math.inf

    def __init__(self, count: int, patience: float) -> None:
        self.count, self.patience = count, patience
        self.queue: SimpleQueue[Job] = SimpleQueue()
        self.jobs: set[Job] = set()

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What the work gives; NoAnswer when it takes longer than the patience, in seconds."""
        if not self.started:
            self._start()
        mine = Job(partial(work, *arguments))
        self.jobs.add(mine)
        self.queue.put(mine)
        try:
            result: Result = await mine.answer
        finally:
            self.jobs.discard(mine)
        self.answered_at = time.monotonic()
        return result

    def _start(self) -> None:
        self.started = True
        for work in (self._watch, *[self._serve] * self.count):
            threading.Thread(target=work, daemon=True).start()

    def _serve(self) -> None:
        while mine := self.queue.get():
            # The other half is for the database.
            if self._waits_in_vain(mine, self.patience / 2):
                mine.give_up()
            elif not mine.given_up:
                job.set(mine)
                mine.do()

    def _watch(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            for one in tuple(self.jobs):
                if one.began < time.monotonic() - self.patience or self._waits_in_vain(one, self.patience):
                    one.give_up()

    def _waits_in_vain(self, one: Job, seconds: float) -> bool:
        """Who waits for a thread, while nobody has been answered for as long, would only come to wait for the database."""
        return one.began == math.inf and max(one.came, self.answered_at) < time.monotonic() - seconds


threads, probe_threads = Threads(THREADS, PATIENCE), Threads(PROBES, READY_PATIENCE)
UUID_AS_TEXT = psycopg2.extensions.new_type((2950,), "UUID", psycopg2.extensions.UNICODE)


def leave_ids_alone(connection: Any, _record: ConnectionPoolEntry) -> None:
    """An object for each UUID would be a tenth of the cost of a list."""
    psycopg2.extensions.register_type(UUID_AS_TEXT, connection)


def note_return(_connection: Any, record: ConnectionPoolEntry) -> None:
    """Remember since when the connection is idle."""
    record.info["returned_at"] = time.monotonic()
    if mine := job.get():
        mine.connection = None


def note_use(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """A connection that was cut has the farewell to read; one long idle may have died without, and is asked."""
    if mine := job.get():
        mine.connection = connection
        if mine.given_up:
            raise NoAnswer("nobody waits any more")
    idle = time.monotonic() - record.info.get("returned_at", math.inf)
    if (idle > LOOK_AFTER and has_farewell(connection)) or (idle > ASK_AFTER and not still_answers(connection)):
        raise InvalidatePoolError


def has_farewell(connection: Any) -> bool:
    """Whether there is something to read that nobody asked for."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def still_answers(connection: Any) -> bool:
    """Costs a round trip."""
    alarm = threading.Timer(ASK_PATIENCE, hang_up, [connection])
    alarm.start()
    try:
        connection.cursor().execute("SELECT 1")
    except psycopg2.Error:
        return False
    finally:
        alarm.cancel()
    return True


def prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Wait for locks, but less than PATIENCE; let readers and a writer work at once, and lower more than ASCII."""
    for pragma in ("busy_timeout = 4500", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("lower", 1, lambda value: value and value.lower(), deterministic=True)


@contextlib.contextmanager
def transaction() -> Iterator[Connection]:
    """BEGIN and COMMIT cost a round trip each; whatever goes wrong, the connection is dropped and the server rolls back."""
    with engine.connect() as connection:
        try:
            connection.execute(BEGIN)
            yield connection
            connection.execute(COMMIT)
        except BaseException:
            connection.invalidate()
            raise


@cache
def make_tables() -> None:
    """Make what is missing, one worker at a time; the cache remembers only success."""
    with transaction() as connection:
        if ON_POSTGRESQL:
            connection.execute(LOCK_TABLES)
        SQLModel.metadata.create_all(connection)


def open_sqlite() -> None:
    """A file is there now or never, so that one which can't be used is a bad setting."""
    try:
        make_tables()
    except (DBAPIError, ValueError) as error:
        reason = getattr(error, "orig", "its name is no text")
        raise SystemExit(f"Bad setting DATABASE_URL: the SQLite file can't be used ({reason})") from None


if ON_POSTGRESQL:
    event.listen(engine, "connect", leave_ids_alone)
    event.listen(engine, "checkin", note_return)
    event.listen(engine, "checkout", note_use)
else:
    event.listen(engine, "connect", prepare_sqlite)
    open_sqlite()


async def run(statement: Executable, values: Mapping[str, Any] | None = None, *, again: bool = True) -> Sequence[Row[Any]]:
    """One statement and one round trip; on a connection that was dead it is sent `again`, unless that could do harm."""
    return await threads.run(execute, statement, values, again)


def execute(statement: Executable, values: Mapping[str, Any] | None = None, again: bool = True) -> Sequence[Row[Any]]:
    """Begin and end with the statement, so that no connection is held while a request waits for a thread."""
    make_tables()
    try:
        with engine.connect() as connection:
            return connection.execute(statement, values).all()
    except DBAPIError as error:
        # Somebody dropped the tables: the next request makes them.
        if isinstance(error, ProgrammingError):
            make_tables.cache_clear()
        if not again or not error.connection_invalidated:
            raise
    return execute(statement, values, again=False)


# ---------------------------------------------------------------- log

FLUSH_SECONDS = 0.05


class JsonLines(logging.Formatter):
    """One line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Fields come as the record's only argument, or there is a message."""
        line = {"time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"), "level": record.levelname}
        line |= record.args if isinstance(record.args, dict) else {"message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


class SoonFlushed(logging.StreamHandler[TextIO]):
    """Gathers the lines of a moment: a flush for each would cost a fifth of all requests. A warning takes all before it along."""

    pending: asyncio.TimerHandle | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Only requests are logged as information, and they are on the event loop."""
        self.stream.write(self.format(record) + "\n")
        if record.levelno > logging.INFO:
            self.stream.flush()
        elif not self.pending:
            self.pending = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """By the timer, and at the end."""
        self.pending = None
        self.stream.flush()


def logger_of_requests() -> logging.Logger:
    """This service's log; uvicorn's own lines take the same form, but for its access line, which ours replaces."""
    own, uvicorn = SoonFlushed(sys.stdout), logging.StreamHandler(sys.stdout)
    own.setFormatter(JsonLines())
    uvicorn.setFormatter(JsonLines())
    logging.getLogger("uvicorn").handlers = [uvicorn]
    logging.getLogger("uvicorn.access").handlers = []
    logging.getLogger("uvicorn.access").propagate = False
    logger = logging.getLogger("tasks")
    logger.handlers, logger.propagate = [own], False
    logger.setLevel(logging.INFO)
    return logger


log = logger_of_requests()

# ---------------------------------------------------------------- errors

CODES = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_ERROR",
    503: "DATABASE_UNAVAILABLE",
}
TASK_NOT_FOUND = "Task not found"


class ApiError(Exception):
    """An answer of the one error shape; `code` is the status's own unless given."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        details: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        code = code or CODES.get(status) or HTTPStatus(status).name
        body = Error(detail=message, code=code, error=ErrorDetail(code=code, message=message, details=details))
        self.response = Response(body.model_dump_json(), status, headers, "application/json")


def invalid(*details: FieldError) -> ApiError:
    """A 400 that names each field."""
    return ApiError(400, "; ".join(f"{error.field}: {error.message}" for error in details), details=list(details))


def field_error(error: Mapping[str, Any]) -> FieldError:
    """What Pydantic says, without the input that it would repeat."""
    place, *path = error["loc"]
    if error["type"] == "json_invalid":
        return FieldError(field=place, message="is not valid JSON")
    if not path:
        return FieldError(field=place, message="must be a JSON object, sent with Content-Type: application/json")
    return FieldError(field=".".join(map(str, path)), message=error["msg"].removeprefix("Value error, "))


async def answer_api_error(_request: Request, error: ApiError) -> Response:
    """The answer was made where the error was raised."""
    return error.response


async def answer_invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """FastAPI's own handler answers 422 and repeats the input."""
    return invalid(*map(field_error, error.errors())).response


async def answer_http_exception(request: Request, error: HTTPException) -> Response:
    """What Starlette raises by itself: no such path, no such method, an unreadable body."""
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(allowed_methods(request)))
    return ApiError(error.status_code, error.detail, headers=headers).response


def allowed_methods(request: Request) -> set[str]:
    """Starlette's own Allow header names the methods of one route only."""
    path = request.scope["path"]
    routes = [route for route in request.app.routes if isinstance(route, Route) and route.path_regex.match(path)]
    return {method for route in routes for method in route.methods or ()}


def cause(error: Exception) -> str:
    """What follows the first line repeats the statement or the row, with its values."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


async def answer_database_away(_request: Request, error: Exception) -> Response:
    """Away, read-only or without its tables, it can be mended without a restart; the reason is for the operator alone."""
    if isinstance(error, IntegrityError | DataError):
        raise error
    log.warning("database unavailable: %s", cause(error))
    return ApiError(503, "The database is unavailable, try again soon", headers={"Retry-After": "1"}).response


# ---------------------------------------------------------------- requests

LARGEST_BODY = 64 * 1024
# So much more of a body that is too large is read and dropped: a client that is still sending would not see the answer.
LARGEST_LEFTOVER = 8 * 1024 * 1024

TASKS = "/api/v1/tasks"
ACCOUNTS = "/api/v1/auth"
# The other paths that frontends call, each with the one it stands for.
ALIASES = tuple(
    (re.compile(alias.replace("{user_id}", "(?P<user_id>[^/]+)") + "(?P<rest>/.*)?"), path)
    for alias, path in (
        ("/tasks", TASKS),
        ("/api/tasks", TASKS),
        ("/users/{user_id}/tasks", TASKS),
        ("/api/users/{user_id}/tasks", TASKS),
        ("/api/v1/users/{user_id}/tasks", TASKS),
        ("/api/auth", ACCOUNTS),
        ("/auth", ACCOUNTS),
        ("/api/{user_id}/tasks", TASKS),
    )
)


def canonical(path: str) -> tuple[str, str | None]:
    """The path as it is routed, and the user id that an alias carries."""
    path = path.removesuffix("/") or "/"
    if not path.startswith((TASKS, ACCOUNTS)):
        for pattern, target in ALIASES:
            if match := pattern.fullmatch(path):
                return target + (match["rest"] or ""), match.groupdict().get("user_id")
    return path, None


def standing_headers(path: str, scheme: str, request_id: str) -> dict[str, str]:
    """The headers of every answer; on tasks a cache must ask again, so that the ETag is of use."""
    headers = {"X-Request-ID": request_id, "X-Content-Type-Options": "nosniff"}
    if scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if path.startswith(ACCOUNTS):
        headers["Cache-Control"] = "no-store"
    elif path.startswith(TASKS):
        headers["Cache-Control"] = "private, no-cache"
    return headers


class EveryRequest:
    """Outermost: the path, the request id, the standing headers and the log line of every request, in plain ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A client that is gone before its answer is logged with 499, as nginx does."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = time.perf_counter(), 499
        request_id = Headers(scope=scope).get("x-request-id", "")
        if not re.fullmatch("[A-Za-z0-9._-]{1,64}", request_id):
            request_id = f"{random.getrandbits(128):032x}"
        path, path_user_id = canonical(scope["path"])
        # HEAD is answered as GET; the server leaves the body out.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = {**scope, "path": path, "method": method, "path_user_id": path_user_id, "request_id": request_id}

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(standing_headers(path, scope["scheme"], request_id))
            await send(message)

        await self.app(inner, receive, send_with_headers)
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        line = {"request_id": request_id, "method": scope["method"], "path": scope["path"], "status": status}
        log.info("request", line | {"milliseconds": milliseconds, "user_id": inner.get("user_id")})


class JsonCORSMiddleware(CORSMiddleware):
    """Refuses a preflight request in the one error shape too."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """As the base class decides."""
        response = super().preflight_response(request_headers)
        if response.status_code != 400:
            return response
        headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        return ApiError(400, "This origin, method or header is not allowed", headers=headers).response


class BodyAndCrash:
    """Innermost, so that its answers carry all headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that is too large, and answer for a crash."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            await self.app(scope, await received(scope, receive), send)
        except ClientDisconnect:
            return
        except ApiError as error:
            await error.response(scope, receive, send)
        except Exception:
            log.error("crash", {"message": "crash", "request_id": scope["request_id"]}, exc_info=True)
            await ApiError(500, "Something went wrong on our side").response(scope, receive, send)


async def received(scope: Scope, receive: Receive) -> Receive:
    """The request with its whole body in memory; ApiError when that is too large."""
    if not {b"content-length", b"transfer-encoding"} & {name for name, _ in scope["headers"]}:
        return receive
    body, size, more = b"", 0, True
    while more and size <= LARGEST_LEFTOVER:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
        if size <= LARGEST_BODY:
            body += message.get("body", b"")
    if size > LARGEST_BODY:
        raise ApiError(413, f"The body must not be larger than {LARGEST_BODY} bytes")
    messages = iter([{"type": "http.request", "body": body}])

    async def receive_again() -> Message:
        return next(messages, None) or await receive()

    return receive_again


@contextlib.asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """A database that is away does not stop the start: the first request that finds it makes the tables."""
    try:
        await threads.run(make_tables)
    except (DBAPIError, NoAnswer) as error:
        log.warning("database unavailable: %s", cause(error))
    yield
    engine.dispose()
    log.handlers[0].flush()


def camel_case(route: APIRoute) -> str:
    """`create_task` gives generated clients `createTask`."""
    first, *rest = route.name.split("_")
    return first + "".join(map(str.capitalize, rest))


app = FastAPI(
    title="Task API",
    version="1.0.0",
    description="Tasks of many users, with search, recurrence and PostgreSQL. "
    "**To try it:** sign up below, press *Authorize*, sign in with the same e-mail and password, then create a task.",
    lifespan=lifespan,
    redirect_slashes=False,
    generate_unique_id_function=camel_case,
    openapi_tags=[{"name": "accounts"}, {"name": "tasks"}, {"name": "health"}],
    swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
    middleware=[
        Middleware(EveryRequest),
        Middleware(
            JsonCORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_origin_regex=None if settings.cors_origins else LOCAL_ORIGIN,
            allow_credentials=True,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID"),
            expose_headers=("ETag", "Idempotent-Replayed", "Link", "Location", "Retry-After", "X-Request-ID", "X-Total-Count"),
        ),
        Middleware(BodyAndCrash),
    ],
    exception_handlers={
        ApiError: answer_api_error,
        HTTPException: answer_http_exception,
        RequestValidationError: answer_invalid_request,
        DBAPIError: answer_database_away,
        NoAnswer: answer_database_away,
    },
)


def named(*headers: str) -> dict[str, Any]:
    """Headers of an answer, as the OpenAPI document names them."""
    return {"headers": {header: {"schema": {"type": "string"}} for header in headers}}


ERROR_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def answers(*errors: int, good: dict[int, dict[str, Any]] | None = None) -> dict[int | str, dict[str, Any]]:
    """What a route can answer, for the OpenAPI document; with a default FastAPI adds no 422."""
    documented: dict[int | str, dict[str, Any]] = {"default": {"model": Error, "description": "Any other error, in the same shape"}}
    for status in errors:
        documented[status] = {"model": Error, "description": HTTPStatus(status).phrase} | named(*ERROR_HEADERS.get(status, ()))
    return documented | (good or {})


# ---------------------------------------------------------------- tokens

SECRET_KEY = jwk.construct(settings.jwt_secret, settings.jwt_algorithm)
# The outside algorithms, and the type and curve of the key that each one takes (RFC 7518, RFC 8037).
KEY_TYPES = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
USER_ID = TypeAdapter(UserId)
REMEMBERED_TOKENS = 4096
# Seconds between two fetches of the issuer's keys: when there are some, and when there are none.
REFETCH, RETRY = 60.0, 1.0


class Caller(NamedTuple):
    """Who a token speaks for, until when (in Unix time), and whether their row is an account made here."""

    user_id: str
    expires_at: float
    has_account: bool


class Ed25519Key(Key):
    """What python-jose lacks for EdDSA (RFC 8037)."""

    def __init__(self, key: dict[str, str], _algorithm: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64url_decode(key["x"].encode()))

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is good; cryptography raises otherwise, which python-jose expects."""
        self._key.verify(signature, message)
        return True


jwk.register_key("EdDSA", Ed25519Key)


def fetch_keys(url: str) -> list[tuple[str | None, str, Key]]:
    """Key id, algorithm and key, for every key of a JWKS (RFC 7517) that an algorithm here takes."""
    request = urllib.request.Request(url, headers={"User-Agent": "task-api", "Accept": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as response:
        keys = json.loads(response.read(1024 * 1024))["keys"]
    found = []
    for key, (algorithm, key_type) in product(keys, KEY_TYPES.items()):
        # A key that can't be read is no reason to pass over the others (RFC 7517, 5).
        with contextlib.suppress(Exception):
            fits = (key["kty"], key.get("crv")) == key_type and key.get("alg", algorithm) == algorithm and key.get("use", "sig") == "sig"
            if fits:
                found.append((key.get("kid"), algorithm, jwk.construct(key, algorithm)))
    return found


class IssuerKeys:
    """The public keys of JWT_JWKS_URL, fetched when a token names one that is not known."""

    def __init__(self) -> None:
        self.keys: list[tuple[str | None, str, Key]] = []
        self.fetched_at = float("-inf")
        self.fetching = asyncio.Lock()

    async def find(self, key_id: str | None, algorithm: str) -> list[Key]:
        """The keys that may have signed such a token; ApiError when none could be fetched at all."""
        if not self._known(key_id, algorithm):
            async with self.fetching:
                if time.monotonic() > self.fetched_at + (REFETCH if self.keys else RETRY):
                    await self._fetch()
        if not self.keys:
            message = "The keys of the token issuer are unavailable, try again soon"
            raise ApiError(503, message, code="ISSUER_UNAVAILABLE", headers={"Retry-After": "1"})
        return self._known(key_id, algorithm)

    def _known(self, key_id: str | None, algorithm: str) -> list[Key]:
        return [key for known_id, known_for, key in self.keys if known_for == algorithm and key_id in (None, known_id)]

    async def _fetch(self) -> None:
        try:
            self.keys = await to_thread.run_sync(fetch_keys, str(settings.jwt_jwks_url))
        # Whatever an issuer sends instead of keys, the known ones go on working.
        except Exception as error:
            log.warning("issuer keys unavailable: %s", type(error).__name__)
        # Only now, so that whoever waited for this fetch begins no other.
        self.fetched_at = time.monotonic()


issuer_keys = IssuerKeys()
verified: dict[str, Caller] = {}


def unauthorized(message: str = "A valid bearer token is needed", code: str = "") -> ApiError:
    """RFC 6750, 3."""
    return ApiError(401, message, code=code, headers={"WWW-Authenticate": "Bearer"})


def issue_token(user_id: str) -> str:
    """A token for an account made here."""
    claims: dict[str, Any] = {"sub": user_id, "account": True, "iat": int(time.time())}
    claims["exp"] = claims["iat"] + settings.jwt_expire_minutes * 60
    claims |= {"iss": settings.jwt_issuer} if settings.jwt_issuer else {}
    claims |= {"aud": settings.jwt_audience} if settings.jwt_audience else {}
    return jwt.encode(claims, SECRET_KEY, settings.jwt_algorithm)


async def keys_for(token: str) -> tuple[str, list[Key]]:
    """The algorithm of a token, and the keys it may be signed with: each kind of algorithm has its own kind of key."""
    # python-jose passes over characters that are not of Base64.
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII):
        raise JWTError("no token")
    header = jwt.get_unverified_header(token)
    algorithm = header["alg"]
    if "crit" in header:
        raise JWTError("RFC 7515, 4.1.11: an extension that is not understood")
    if algorithm == settings.jwt_algorithm:
        return algorithm, [SECRET_KEY]
    if settings.jwt_jwks_url and algorithm in KEY_TYPES:
        return algorithm, await issuer_keys.find(header.get("kid"), algorithm)
    raise JWKError("no such algorithm here")


def read_claims(token: str, algorithm: str, keys: list[Key]) -> Caller:
    """Whom a well-signed token names, and until when; python-jose checks neither as strictly."""
    checks = {"verify_exp": False, "verify_sub": False, "verify_at_hash": False}
    checks["require_aud" if settings.jwt_audience else "verify_aud"] = bool(settings.jwt_audience)
    claims = jwt.decode(token, keys, [algorithm], checks, settings.jwt_audience, settings.jwt_issuer)  # type: ignore[arg-type]
    expires_at, user_id = claims["exp"], claims.get("sub", claims.get("user_id"))
    if type(expires_at) not in (int, float) or not math.isfinite(expires_at):
        raise JWTError("exp is no number")
    user_id = str(user_id) if type(user_id) is int else user_id
    return Caller(USER_ID.validate_python(user_id), expires_at, algorithm == settings.jwt_algorithm and claims.get("account") is True)


async def verified_caller(token: str) -> Caller:
    """Whom a token names; a token is verified once and remembered."""
    if token not in verified:
        if len(verified) >= REMEMBERED_TOKENS:
            verified.clear()
        verified[token] = read_claims(token, *await keys_for(token))
    return verified[token]


# /docs offers both: to sign in with e-mail and password, or to paste a token.
Account = OAuth2PasswordBearer(f"{ACCOUNTS}/token", scheme_name="account", description="Your e-mail is the user name.", auto_error=False)
Token = HTTPBearer(scheme_name="token", description="For a token that you have already; or sign in below.", auto_error=False)


async def current_caller(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(Token)],
    _account: Annotated[str | None, Depends(Account)],
) -> Caller:
    """Whom the bearer token names; under the path of another user there is nothing."""
    if bearer is None:
        raise unauthorized()
    try:
        caller = await verified_caller(bearer.credentials)
    except ApiError:
        raise
    # On hostile tokens python-jose raises whatever its parts do: RecursionError, TypeError, OverflowError, UnicodeError.
    except Exception:
        raise unauthorized() from None
    if caller.expires_at <= time.time():
        raise unauthorized("The token has expired")
    request.scope["user_id"] = caller.user_id
    if request.scope["path_user_id"] not in (None, caller.user_id):
        raise ApiError(404, TASK_NOT_FOUND)
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]

# ---------------------------------------------------------------- accounts

users = SQLModel.metadata.tables["users"]
USER_COLUMNS = [users.c[name] for name in UserRead.model_fields]
hasher = PasswordHash.recommended()
# A hash takes 64 MiB and a core, so that few are made at once, on threads of their own.
hashing = CapacityLimiter(2)
MOST_FAILURES, FAILURE_SECONDS = 10, 60
# When sign-ins failed, by e-mail and address; whoever failed last stands last.
failures: dict[tuple[str, str], list[float]] = {}


@cache
def decoy_hash() -> str:
    """What the password of an unknown e-mail is compared with, so that it costs the same."""
    return hasher.hash(uuid.uuid4().hex)


def recent_failures(who: tuple[str, str]) -> list[float]:
    """When this e-mail failed from this address within the last minute."""
    return [moment for moment in failures.get(who, []) if moment > time.monotonic() - FAILURE_SECONDS]


def note_failure(who: tuple[str, str]) -> None:
    """Count a failed sign-in, and forget those that no longer count."""
    moments = [*recent_failures(who), time.monotonic()]
    failures.pop(who, None)
    failures[who] = moments
    while not recent_failures(oldest := next(iter(failures))):
        del failures[oldest]


def check_password(who: tuple[str, str], password: str, stored: str | None) -> bool:
    """Takes its turn among the hashing threads; ApiError after too many failures."""
    if len(recent_failures(who)) >= MOST_FAILURES:
        raise ApiError(429, "Too many failed sign-ins, try again in a minute", headers={"Retry-After": str(FAILURE_SECONDS)})
    return hasher.verify(password, stored or decoy_hash()) and stored is not None


async def token_for(email: str, password: str, request: Request) -> Response:
    """A new token; the error is the same for an unknown e-mail and for a wrong password."""
    rows = await run(select(*USER_COLUMNS, users.c.password_hash).where(users.c.email == email))
    who = email, request.client.host if request.client else ""
    if not await to_thread.run_sync(check_password, who, password, rows[0].password_hash if rows else None, limiter=hashing):
        note_failure(who)
        raise unauthorized("Wrong e-mail or password", "INVALID_CREDENTIALS")
    return token_answer(rows[0])


def token_answer(user: Row[Any], status: int = 200) -> Response:
    """A token for this user, and the user."""
    token = TokenRead(
        access_token=issue_token(user.id),
        expires_in=settings.jwt_expire_minutes * 60,
        user=UserRead.model_validate(user, from_attributes=True),
    )
    return Response(token.model_dump_json(), status, media_type="application/json")


@app.post(f"{ACCOUNTS}/register", include_in_schema=False)
@app.post(f"{ACCOUNTS}/signup", tags=["accounts"], response_model=TokenRead, status_code=201, responses=answers(400, 409, 413, 503))
async def sign_up(body: SignUp) -> Response:
    """Make an account and sign in."""
    password_hash = await to_thread.run_sync(hasher.hash, body.password, limiter=hashing)
    user = User(id=str(uuid.uuid4()), email=body.email, name=body.name, password_hash=password_hash)
    statement = insert(users).values(user.model_dump()).returning(*USER_COLUMNS)
    try:
        rows = await run(statement, again=False)
    except IntegrityError:
        raise ApiError(409, "This e-mail already has an account", code="EMAIL_TAKEN") from None
    return token_answer(rows[0], 201)


@app.post(f"{ACCOUNTS}/login", include_in_schema=False)
@app.post(f"{ACCOUNTS}/signin", tags=["accounts"], response_model=TokenRead, responses=answers(400, 401, 413, 429, 503))
async def sign_in(body: SignIn, request: Request) -> Response:
    """Get a token for e-mail and password."""
    return await token_for(body.email, body.password, request)


@app.post(f"{ACCOUNTS}/token", tags=["accounts"], response_model=TokenRead, responses=answers(400, 401, 413, 429, 503))
async def get_token(form: Annotated[TokenForm, Form()], request: Request) -> Response:
    """Get a token as OAuth2 does, for the Authorize button."""
    return await token_for(form.username, form.password, request)


@app.get(f"{ACCOUNTS}/me", tags=["accounts"], response_model=UserRead, responses=answers(401, 503))
async def get_me(caller: CurrentCaller) -> Response:
    """Show who is signed in."""
    for user in await run(select(*USER_COLUMNS).where(users.c.id == caller.user_id)):
        return Response(UserRead.model_validate(user, from_attributes=True).model_dump_json(), media_type="application/json")
    raise unauthorized()


@app.delete(f"{ACCOUNTS}/me", tags=["accounts"], status_code=204, responses=answers(401, 503))
async def delete_me(caller: CurrentCaller) -> Response:
    """Delete the account and all its tasks."""
    if not await run(delete(users).where(users.c.id == caller.user_id).returning(users.c.id), again=False):
        raise unauthorized()
    return Response(status_code=204)


# ---------------------------------------------------------------- tasks

tasks = SQLModel.metadata.tables["tasks"]
insert_or_keep = postgresql.insert if ON_POSTGRESQL else sqlite.insert
IMPORTANCE = {Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1}
LIST_JSON: TypeAdapter[Any] = TypeAdapter(list[TaskRow])
TASK_JSON: TypeAdapter[Any] = TypeAdapter(TaskRow)
TOGGLED_JSON: TypeAdapter[Any] = TypeAdapter(ToggledRow)

TaskId = Annotated[str, PathParameter(json_schema_extra={"format": "uuid"})]
RETRY_HELP = "The same key again answers with the task of the first call"
IdempotencyKey = Annotated[str | None, Header(pattern="^[ -~]{1,255}$", description=RETRY_HELP)]
IfMatch = Annotated[str | None, Header(description="Change the task only while it has this ETag")]
IfNoneMatch = Annotated[str | None, Header(description="Answer 304 while the task has this ETag")]

ONE = {200: named("ETag")}
MADE = {
    200: {"model": TaskRead, "description": "An earlier call with this key made the task"} | named("ETag", "Idempotent-Replayed"),
    201: named("ETag", "Location"),
}
PAGE = {200: named("X-Total-Count", "Link")}
UNCHANGED = {304: {"description": "The task still has this ETag"} | named("ETag")}

# What runs often is made once, for that costs more than to run it; what varies is bound. What belongs to somebody else does not exist.
FIELDS = tuple(ROW_FIELDS)
COLUMNS = (*(tasks.c[name] for name in TaskRead.model_fields), tasks.c.completed.label("is_completed"), tasks.c.etag, tasks.c.series_time)
OWN = and_(tasks.c.id == bindparam("own_id"), tasks.c.user_id == bindparam("own_user"))
OWN_UNCHANGED = and_(OWN, tasks.c.etag.in_(bindparam("own_etags", expanding=True)))
GET_TASK = select(*COLUMNS).where(OWN)
NEW = insert_or_keep(tasks)
OF_ONE_USER = tasks.c.user_id == NEW.excluded.user_id
CREATE_TASK = NEW.on_conflict_do_update(index_elements=["id"], set_={"id": tasks.c.id}, where=OF_ONE_USER).returning(*COLUMNS)
# Locks the user before the task, as the deletion of an account does, so that neither waits for the other.
USER_IS_THERE = exists(select(users.c.id).where(users.c.id == bindparam("own_user")).with_for_update(read=True, key_share=True))
CREATE_NEXT_TASK = NEW.on_conflict_do_nothing().returning(*COLUMNS)
TAKE_BACK_TASK = delete(tasks).where(OWN, tasks.c.updated_at == tasks.c.created_at)


def etags(header: str) -> list[str]:
    """The strong entity tags of a list of them (RFC 9110, 8.8.3)."""
    return re.findall(r'(?<!W/)"([^"]*)"', header)


def own(task_id: str, caller: Caller, if_match: str | None = None) -> dict[str, Any]:
    """The values of OWN, or of OWN_UNCHANGED; ApiError when the id is no UUID, for then there is no such task."""
    try:
        mine = {"own_id": str(uuid.UUID(task_id)), "own_user": caller.user_id}
    except ValueError:
        raise ApiError(404, TASK_NOT_FOUND) from None
    return mine if if_match is None or if_match.strip() == "*" else mine | {"own_etags": etags(if_match)}


async def one(statement: Executable, mine: dict[str, Any], values: dict[str, Any] | None = None, *, again: bool = True) -> Row[Any]:
    """The only row; without it ApiError tells a task that has changed from one that is not there."""
    for row in await run(statement, mine | (values or {}), again=again):
        return row
    if "own_etags" in mine and await run(GET_TASK, mine):
        raise ApiError(412, "The task has changed since")
    raise ApiError(404, TASK_NOT_FOUND)


def read(row: Row[Any]) -> dict[str, Any]:
    """A row was checked when it was stored. Behind the fields it holds what does not go out."""
    return dict(zip(FIELDS, row, strict=False))


def etag_header(row: Row[Any]) -> dict[str, str]:
    """A strong entity tag (RFC 9110, 8.8.3)."""
    return {"ETag": f'"{row.etag}"'}


def task_answer(row: Row[Any], status: int = 200, **headers: str) -> Response:
    """One task and its ETag."""
    return Response(TASK_JSON.dump_json(read(row)), status, etag_header(row) | headers, "application/json")


@contextlib.contextmanager
def row_rules() -> Iterator[None]:
    """A broken CHECK constraint is a 400 that names the field."""
    try:
        yield
    except IntegrityError as error:
        for name, (field, message) in ROW_RULES.items():
            if name in cause(error):
                raise invalid(FieldError(field=field, message=message)) from None
        raise


@app.post(TASKS, tags=["tasks"], response_model=TaskRead, status_code=201, responses=answers(400, 401, 413, 503, good=MADE))
async def create_task(body: TaskCreate, caller: CurrentCaller, idempotency_key: IdempotencyKey = None) -> Response:
    """Create a task."""
    task_id = new_task_id() if idempotency_key is None else task_id_for(caller, idempotency_key)
    moment, etag = utc_now(), new_etag()
    made = {"id": task_id, "user_id": caller.user_id, "etag": etag, "created_at": moment, "updated_at": moment}
    row = await insert_task(body.model_dump() | made, caller)
    # Another ETag than the one just made is that of the task which an earlier call made.
    if row.etag != etag:
        return task_answer(row, 200, **{"Idempotent-Replayed": "true"})
    return task_answer(row, 201, Location=f"{TASKS}/{row.id}")


def task_id_for(caller: Caller, idempotency_key: str) -> str:
    """Always the same, so that the primary key keeps a second task out."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, caller.user_id), idempotency_key))


async def insert_task(values: dict[str, Any], caller: Caller) -> Row[Any]:
    """The new task, or the one that has its id already; a caller from an outside issuer gets a row with their first task."""
    for _ in range(2):
        try:
            with row_rules():
                return (await run(CREATE_TASK, values))[0]
        except IntegrityError:
            if caller.has_account:
                break
            await run(insert_or_keep(users).values(id=caller.user_id, created_at=utc_now()).on_conflict_do_nothing().returning(users.c.id))
    raise unauthorized()


def contains_text(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """The bound pattern is escaped by `TaskFilter.given`."""
    return func.lower(column).like(func.lower(bindparam("q")), escape="\\")


def contains_tags() -> ColumnElement[bool]:
    """Containment of JSONB, which its GIN index serves, and the same on SQLite: no wanted tag that the task lacks."""
    if ON_POSTGRESQL:
        return type_coerce(tasks.c.tags, JSONB).contains(bindparam("tags", type_=JSONB))
    wanted = func.json_each(bindparam("tags", type_=JSON)).table_valued("value", name="wanted")
    present = func.json_each(tasks.c.tags).table_valued("value", name="present")
    return ~exists(select(wanted.c.value).where(wanted.c.value.not_in(select(present.c.value))))


FILTERS: dict[str, ColumnElement[bool]] = {
    "q": or_(contains_text(tasks.c.title), contains_text(tasks.c.description)),
    "completed": tasks.c.completed == bindparam("completed"),
    "priority": tasks.c.priority.in_(bindparam("priority", expanding=True)),
    "tags": contains_tags(),
    "due_date_from": tasks.c.due_date >= bindparam("due_date_from"),
    "due_date_to": tasks.c.due_date <= bindparam("due_date_to"),
}


def ordering(columns: ReadOnlyColumnCollection[str, Any], sort_by: str, sort_order: str) -> list[ColumnElement[Any]]:
    """The sort key, then the id, so that the order is total."""
    keys = {"priority": case(IMPORTANCE, value=columns.priority), "title": func.lower(columns.title)}
    key, tie = keys.get(sort_by, columns[sort_by]), columns.id
    key, tie = (key.asc(), tie.asc()) if sort_order == "asc" else (key.desc(), tie.desc())
    return [key.nulls_last() if sort_by == "due_date" else key, tie]


@lru_cache(128)
def page_of_tasks(filters: tuple[str, ...], sort_by: str, sort_order: str) -> Select[Any]:
    """The total and the page in one statement; when the page is empty the total comes with a row of nulls."""
    condition = and_(tasks.c.user_id == bindparam("user_id"), *(FILTERS[name] for name in filters))
    ordered = select(*COLUMNS).where(condition).order_by(*ordering(tasks.c, sort_by, sort_order))
    page = ordered.limit(bindparam("limit")).offset(bindparam("offset")).subquery()
    total = select(func.count().label("total")).select_from(tasks).where(condition).subquery()
    return select(page, total).join_from(total, page, true(), isouter=True).order_by(*ordering(page.c, sort_by, sort_order))


@app.get(TASKS, tags=["tasks"], response_model=list[TaskRead], responses=answers(400, 401, 503, good=PAGE))
async def list_tasks(request: Request, caller: CurrentCaller, wanted: Annotated[TaskFilter, Query()]) -> Response:
    """Find tasks: search, filter, sort and page through them."""
    given = wanted.given
    statement = page_of_tasks(tuple(given), wanted.sort_by, wanted.sort_order)
    rows = await run(statement, given | {"user_id": caller.user_id, "limit": wanted.limit, "offset": wanted.offset})
    headers = {"X-Total-Count": str(rows[0].total)} | links(request.url, wanted, rows[0].total)
    page = [read(row) for row in rows] if rows[0].id else []
    return Response(LIST_JSON.dump_json(page), headers=headers, media_type="application/json")


def links(url: WebAddress, wanted: TaskFilter, total: int) -> dict[str, str]:
    """The Link header (RFC 8288) to the pages beside this one."""
    offsets = {}
    if wanted.offset + wanted.limit < total:
        offsets["next"] = wanted.offset + wanted.limit
    if wanted.offset:
        offsets["prev"] = max(wanted.offset - wanted.limit, 0)
    pages = [f'<{url.include_query_params(limit=wanted.limit, offset=offset)}>; rel="{name}"' for name, offset in offsets.items()]
    return {"Link": ", ".join(pages)} if pages else {}


@app.get(f"{TASKS}/{{task_id}}", tags=["tasks"], response_model=TaskRead, responses=answers(401, 404, 503, good=ONE | UNCHANGED))
async def get_task(task_id: TaskId, caller: CurrentCaller, if_none_match: IfNoneMatch = None) -> Response:
    """Get one task."""
    row = await one(GET_TASK, own(task_id, caller))
    if if_none_match is not None and (if_none_match.strip() == "*" or f'"{row.etag}"' in if_none_match):
        return Response(status_code=304, headers=etag_header(row))
    return task_answer(row)


@lru_cache(256)
def update_of(names: tuple[str, ...], *, flip: bool, if_match: bool, turning: bool = False) -> Update:
    """The UPDATE of these columns. Without `turning` it leaves a recurring task as it is that would open or close."""
    values: dict[str, ColumnElement[Any]] = {name: bindparam(f"new_{name}", type_=tasks.c[name].type) for name in names}
    condition = OWN_UNCHANGED if if_match else OWN
    if flip:
        values["completed"] = not_(tasks.c.completed)
    if values.keys() & {"due_date", "timezone"}:
        values["series_time"] = kept_series_time(values)
    if turning:
        condition = and_(USER_IS_THERE, condition, tasks.c.completed == bindparam("was_completed"))
    elif "completed" in values:
        turns = and_(or_(tasks.c.is_recurring, values.get("is_recurring", false())), tasks.c.completed != values["completed"])
        values = {name: case((turns, tasks.c[name]), else_=value) for name, value in values.items()}
    return update(tasks).where(condition).values(values).returning(*COLUMNS)


def kept_series_time(values: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """Another due date or another clock begins the series anew."""
    due_date, timezone = values.get("due_date", tasks.c.due_date), values.get("timezone", tasks.c.timezone)
    return case((and_(tasks.c.due_date.is_not_distinct_from(due_date), tasks.c.timezone == timezone), tasks.c.series_time))


async def change_task(mine: dict[str, Any], changes: dict[str, Any], *, flip: bool = False) -> tuple[Row[Any], Row[Any] | None]:
    """The changed task, and the next occurrence that this change made."""
    etag, if_match = new_etag(), "own_etags" in mine
    changes = changes | {"etag": etag, "updated_at": utc_now()}
    values = {f"new_{name}": value for name, value in changes.items()}
    while True:
        statement = update_of(tuple(changes), flip=flip, if_match=if_match)
        with row_rules():
            row = await one(statement, mine, values, again=not (flip or if_match))
        if row.etag == etag:
            return row, None
        # A recurring task opens or closes: its next occurrence must go or come with it.
        statement = update_of(tuple(changes), flip=flip, if_match=if_match, turning=True)
        with row_rules():
            turned = await threads.run(turn, statement, mine | values | {"was_completed": row.completed})
        if turned:
            return turned


def turn(statement: Update, values: Mapping[str, Any]) -> tuple[Row[Any], Row[Any] | None] | None:
    """The turned task and its next occurrence, or None when somebody else has turned it meanwhile."""
    with transaction() as connection:
        row = connection.execute(statement, values).one_or_none()
        return (row, turn_series(connection, row)) if row else None


def turn_series(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """Completing makes the next occurrence, unless it is there; reopening takes it back, unless somebody has touched it."""
    task = Task(**row._mapping)
    if not task.completed:
        connection.execute(TAKE_BACK_TASK, {"own_id": task.next_id, "own_user": task.user_id})
        return None
    upcoming = task.next_occurrence(task.updated_at) if task.is_recurring else None
    return connection.execute(CREATE_NEXT_TASK, upcoming.model_dump()).one_or_none() if upcoming else None


@app.put(f"{TASKS}/{{task_id}}", tags=["tasks"], response_model=TaskRead, responses=answers(400, 401, 404, 412, 413, 503, good=ONE))
async def replace_task(task_id: TaskId, body: TaskCreate, caller: CurrentCaller, if_match: IfMatch = None) -> Response:
    """Replace a task: what is left out returns to its default."""
    row, _ = await change_task(own(task_id, caller, if_match), body.model_dump())
    return task_answer(row)


@app.patch(f"{TASKS}/{{task_id}}", tags=["tasks"], response_model=TaskRead, responses=answers(400, 401, 404, 412, 413, 503, good=ONE))
async def update_task(task_id: TaskId, body: TaskUpdate, caller: CurrentCaller, if_match: IfMatch = None) -> Response:
    """Change only what is sent."""
    row, _ = await change_task(own(task_id, caller, if_match), body.model_dump(exclude_unset=True))
    return task_answer(row)


@app.delete(f"{TASKS}/{{task_id}}", tags=["tasks"], status_code=204, responses=answers(401, 404, 412, 503))
async def delete_task(task_id: TaskId, caller: CurrentCaller, if_match: IfMatch = None) -> Response:
    """Delete a task."""
    mine = own(task_id, caller, if_match)
    condition = OWN_UNCHANGED if "own_etags" in mine else OWN
    await one(delete(tasks).where(condition).returning(tasks.c.id), mine, again=False)
    return Response(status_code=204)


@app.patch(f"{TASKS}/{{task_id}}/complete", include_in_schema=False)
@app.patch(f"{TASKS}/{{task_id}}/toggle", include_in_schema=False)
@app.post(
    f"{TASKS}/{{task_id}}/toggle", tags=["tasks"], response_model=TaskToggled, responses=answers(400, 401, 404, 412, 413, 503, good=ONE)
)
async def toggle_task(task_id: TaskId, caller: CurrentCaller, body: TaskToggle | None = None, if_match: IfMatch = None) -> Response:
    """Complete or reopen a task; completing a recurring one makes its next occurrence."""
    changes = body.model_dump(exclude_none=True) if body else {}
    row, upcoming = await change_task(own(task_id, caller, if_match), changes, flip=not changes)
    task = read(row) | {"next_task": read(upcoming) if upcoming else None}
    return Response(TOGGLED_JSON.dump_json(task), headers=etag_header(row), media_type="application/json")


# ---------------------------------------------------------------- health


@app.get("/health", tags=["health"])
async def health() -> Health:
    """Tell that the process serves; it never waits for the database."""
    return Health()


@app.get("/health/ready", tags=["health"], responses=answers(503))
async def ready() -> Health:
    """Tell whether the database answers."""
    await probe_threads.run(execute, select(users.c.id).limit(1))
    return Health()


# In /docs the one line of each handler is its summary.
for route in app.routes:
    if isinstance(route, APIRoute):
        route.summary, route.description = route.description, ""
# A request is compared with one route after the other: what is called most comes first.
app.router.routes.sort(key=lambda route: not getattr(route, "path", "").startswith(TASKS))
