"""The Task API, to be read from top to bottom: settings, database, log, app, errors, requests, tokens, accounts, tasks, health."""

import asyncio
import json
import logging
import re
import secrets
import selectors
import sqlite3
import sys
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

import psycopg2.extensions
import uvicorn
from anyio import CapacityLimiter, move_on_after, to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Depends, FastAPI, Form, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPBearer, OAuth2PasswordBearer
from jose import JOSEError, jwk, jwt
from jose.backends.base import Key
from jose.utils import base64url_decode
from pwdlib import PasswordHash
from pydantic import AfterValidator, AliasChoices, Field, HttpUrl, ValidationError, ValidationInfo, field_validator
from pydantic_core import to_json
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy import JSON, URL, Boolean, ColumnElement, Row, asc, bindparam, case, desc, event, exists, make_url, or_, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, InvalidatePoolError, ProgrammingError
from sqlmodel import Session, SQLModel, col, create_engine, delete, func, select, update
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import schemas
from models import DATABASE_RULES, Priority, Task, User, new_etag, utc_now

# ---------------------------------------------------------------- settings

SECRET_FILE = Path(".jwt_secret")


def generated_secret() -> str:
    """The secret of a machine that was given none: made once, and linked into place whole, so that all workers agree."""
    if not SECRET_FILE.exists():
        draft = SECRET_FILE.with_suffix(f".{uuid.uuid4()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        with suppress(FileExistsError):
            SECRET_FILE.hardlink_to(draft)
        draft.unlink()
    return SECRET_FILE.read_text(errors="ignore").strip()


class Settings(BaseSettings):
    """Read from the environment and `.env`; an empty value counts as unset."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", validate_default=False)

    database_url: Annotated[URL, NoDecode] = make_url("sqlite:///tasks.db")
    jwt_secret: str = Field(default="", validation_alias=AliasChoices("JWT_SECRET", "BETTER_AUTH_SECRET"), validate_default=True)
    jwt_algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: HttpUrl | None = None
    jwt_expire_minutes: int = Field(default=1440, ge=1, le=525_600)
    cors_origins: Annotated[list[str], NoDecode] = []

    @field_validator("database_url", mode="plain")
    @classmethod
    def read_database_url(cls, value: str) -> URL:
        """What only PostgreSQL can judge, such as a host or a password, is left to it."""
        with suppress(ArgumentError, ValueError):
            url = make_url(value)
            if url.get_backend_name() in ("postgres", "postgresql"):
                return url.set(drivername="postgresql+psycopg2")
            file = Path(url.database or "")
            if url.drivername == "sqlite" and file.name not in ("", ":memory:") and file.parent.is_dir() and not url.query:
                return url
        raise ValueError("must look like postgresql://user:password@host/name?sslmode=require or sqlite:///file.db in a folder that exists")

    @field_validator("jwt_secret")
    @classmethod
    def find_secret(cls, value: str, info: ValidationInfo) -> str:
        """Make one on SQLite; elsewhere a secret that nobody chose would differ from machine to machine."""
        url = info.data.get("database_url", cls.model_fields["database_url"].default)
        with suppress(OSError, JOSEError, UnicodeError):
            if not value and url.get_backend_name() == "sqlite":
                value = generated_secret()
            if len(value) >= 32 and jwk.construct(value, "HS256"):
                return value
        raise ValueError("must be set, to 32 characters or more, and to no public key or certificate; make one with: openssl rand -hex 32")

    @field_validator("cors_origins", mode="before")
    @classmethod
    def split_origins(cls, value: str) -> list[str]:
        """A browser sends credentials only to an origin that is named."""
        origins = [origin.strip().rstrip("/") for origin in value.split(",") if origin.strip()]
        if not all(re.fullmatch(r"https?://[^\s/*]+", origin) for origin in origins):
            raise ValueError("must list origins such as https://app.example.com, with commas between; * can't go with credentials")
        return origins


def load_settings() -> Settings:
    """Stop the start with one line for each bad setting: its name and the cure, but no value, for that may be a secret."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [(str(problem["loc"][0]).upper(), problem["msg"].removeprefix("Value error, ")) for problem in error.errors()]
        raise SystemExit("\n".join(f"Bad setting {name}: {message}" for name, message in problems)) from None
    except UnicodeDecodeError:
        raise SystemExit("Bad setting .env: must be saved as UTF-8") from None


settings = load_settings()

# ---------------------------------------------------------------- database

# FastAPI's thread pool runs this many handlers at once, each with a connection of SQLAlchemy's pool, so that none waits for the other.
THREADS = 8
# Beside them run two password hashes, of 64 MiB and a core each, and one readiness probe, which must not queue.
HASHING, PROBES = CapacityLimiter(2), CapacityLimiter(1)
# Seconds to wait for an answer of the database, and then to tell everybody else at once that it is away.
DB_TIMEOUT, DB_RETRY = 5, 1
ON_POSTGRESQL = settings.database_url.get_backend_name() == "postgresql"

# In AUTOCOMMIT each statement commits by itself and costs one round trip; `session.rollback()` undoes nothing then.
# Its parameters stay out of errors, and so out of the log.
engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT", pool_size=THREADS + 3, pool_use_lifo=True, hide_parameters=True)
# For statements that must all happen or none: `with Session(transactional) as session:`, and `session.commit()` at the end.
# In it, select the rows that you will update `.with_for_update()`.
transactional = engine.execution_options(isolation_level="READ COMMITTED" if ON_POSTGRESQL else "SERIALIZABLE")
insert = postgresql.insert if ON_POSTGRESQL else sqlite.insert
SQLITE_FILE = Path(settings.database_url.database or "")
# Windows has no poll; where both are there, epoll takes three more calls for a single connection, a tenth of the cost of a GET.
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
silent_until = 0.0


def wait_for_answer(connection: Any) -> None:
    """Psycopg2 calls this to wait for the server; by itself it would wait for a frozen one for ever."""
    global silent_until
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        with Selector() as selector:
            selector.register(connection, selectors.EVENT_READ if state == psycopg2.extensions.POLL_READ else selectors.EVENT_WRITE)
            if not selector.select(DB_TIMEOUT):
                silent_until = time.monotonic() + DB_RETRY
                raise psycopg2.OperationalError(f"no answer within {DB_TIMEOUT} seconds")


def check_database_answers(*_: Any) -> None:
    """A circuit breaker: a timeout empties the pool, and whoever queued behind it is told at once instead of waiting for another."""
    if time.monotonic() < silent_until:
        raise psycopg2.OperationalError("the database did not answer others just now")


def replace_closed_connection(connection: Any, *_: Any) -> None:
    """Without a round trip: the first poll reads why the server closed the connection, the second finds it closed."""
    try:
        connection.poll()
        connection.poll()
    except psycopg2.Error:
        raise InvalidatePoolError from None


def prepare_sqlite(connection: Any, _record: Any) -> None:
    """Wait for locks, let readers and a writer work at once, and treat letters and foreign keys as PostgreSQL does."""
    pragmas = "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "case_sensitive_like = ON"
    for pragma in (f"busy_timeout = {DB_TIMEOUT * 1000}", *pragmas):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("lower", 1, lambda value: value and value.lower(), deterministic=True)


def check_sqlite_file(*_: Any) -> None:
    """What is written into a file that was deleted is lost without an error, and a new one would have no tables."""
    if not SQLITE_FILE.exists():
        raise sqlite3.OperationalError("the SQLite file is gone; restart the service to begin with an empty one")


if ON_POSTGRESQL:
    psycopg2.extensions.set_wait_callback(wait_for_answer)
    event.listen(engine, "do_connect", check_database_answers)
    event.listen(engine, "checkout", replace_closed_connection)
else:
    event.listen(engine, "connect", prepare_sqlite)
    event.listen(engine, "do_connect", check_sqlite_file)
    event.listen(engine, "checkout", check_sqlite_file)
    # By itself sqlite3 begins with the first write, and what was read before may have changed by then.
    event.listen(transactional, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def create_tables() -> None:
    """One worker makes them while the others wait; what is there already stays as it is."""
    if ON_POSTGRESQL:
        with transactional.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(7461736)"))
            SQLModel.metadata.create_all(connection)
            # On Citus each user's tasks lie on one node, and the users on every node.
            if connection.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")):
                if not connection.scalar(text("SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = 'tasks'::regclass")):
                    connection.execute(text("SELECT create_reference_table('users')"))
                    connection.execute(text("SELECT create_distributed_table('tasks', 'user_id')"))
    else:
        SQLITE_FILE.touch()
        SQLModel.metadata.create_all(transactional)


# ---------------------------------------------------------------- log

# Every logger writes lines of JSON, with what is `extra`, to standard output; uvicorn's access line gives way to ours.
handler = logging.StreamHandler(sys.stdout)
RENAMED, LEFT_OUT = {"levelname": "level", "exc_info": "traceback"}, [*RESERVED_ATTRS, "color_message"]
handler.setFormatter(JsonFormatter(["levelname", "message"], timestamp="time", rename_fields=RENAMED, reserved_attrs=LEFT_OUT))
logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
for name in ("uvicorn", "uvicorn.access"):
    logging.getLogger(name).handlers.clear()
    logging.getLogger(name).propagate = name == "uvicorn"
log = logging.getLogger("task_api")


def first_line(error: Exception) -> str:
    """What a database says behind its first line repeats the row, with its values."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


# ---------------------------------------------------------------- app


async def create_tables_when_possible() -> None:
    """A database that is away does not stop the start."""
    while True:
        try:
            return await to_thread.run_sync(create_tables)
        except (DBAPIError, OSError) as error:
            log.warning("database unavailable: %s", first_line(error))
            await asyncio.sleep(DB_RETRY)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """As many handlers at once as pooled connections; the tables are made now, or as soon as the database is there."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    log.info("tasks are kept in %s; try it out at /docs", settings.database_url.set(query={}))
    app.state.table_creation = asyncio.create_task(create_tables_when_possible())
    await asyncio.wait([app.state.table_creation], timeout=DB_TIMEOUT)
    yield
    app.state.table_creation.cancel()
    engine.dispose()


app = FastAPI(
    title="Task API",
    version="1.0.0",
    description="Tasks of many users, with search and recurrence. "
    "**To try it:** sign up below, press *Authorize*, sign in with the same e-mail and password (at the top), then create a task.",
    lifespan=lifespan,
    generate_unique_id_function=lambda route: route.name,
    openapi_tags=[{"name": "accounts"}, {"name": "tasks"}, {"name": "health"}],
    swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
)
accounts, tasks = APIRouter(tags=["accounts"]), APIRouter(prefix="/tasks", tags=["tasks"])

# ---------------------------------------------------------------- errors

# The code, the message and the headers of each status, where an error has none of its own.
ERRORS: dict[int, tuple[str, str, dict[str, str]]] = {
    400: ("VALIDATION_ERROR", "body: is not valid JSON", {}),
    401: ("UNAUTHORIZED", "A valid bearer token is needed", {"WWW-Authenticate": "Bearer"}),
    404: ("NOT_FOUND", "Task not found", {}),
    409: ("EMAIL_TAKEN", "This e-mail already has an account", {}),
    412: ("PRECONDITION_FAILED", "The task has changed since", {}),
    413: ("PAYLOAD_TOO_LARGE", "The body must not be larger than 64 KiB", {}),
    429: ("TOO_MANY_REQUESTS", "Too many failed sign-ins, try again in a minute", {"Retry-After": "60"}),
    500: ("INTERNAL_ERROR", "Something went wrong on our side", {}),
    503: ("DATABASE_UNAVAILABLE", "The database is unavailable, try again soon", {"Retry-After": "1"}),
}
OAUTH_ERRORS = {"INVALID_CREDENTIALS": "invalid_grant", "VALIDATION_ERROR": "invalid_request"}


class ApiError(HTTPException):
    """Raise it anywhere; what is left out comes from ERRORS, or the message from the details."""

    def __init__(self, status: int, message: str = "", code: str = "", details: list[dict[str, str]] | None = None) -> None:
        standard = ERRORS.get(status) or (HTTPStatus(status).name, HTTPStatus(status).phrase, {})
        message = message or "; ".join(f"{detail['field']}: {detail['message']}" for detail in details or []) or standard[1]
        super().__init__(status, message, standard[2])
        self.code, self.details = code or standard[0], details

    def body(self, oauth: bool = False) -> dict[str, Any]:
        """The one shape of every error; `oauth` is that of RFC 6749, 5.2, which the Authorize button of /docs understands."""
        message, code = self.detail, self.code
        if oauth:
            return {"error": OAUTH_ERRORS.get(code, code.lower()), "error_description": message, "detail": message, "code": code}
        return {"detail": message, "code": code, "error": {"code": code, "message": message, "details": self.details}}


@app.exception_handler(HTTPException)
async def answer_http_exception(request: Request, error: HTTPException) -> Response:
    """Ours, and those that Starlette raises by itself: no such path, no such method, an unreadable body."""
    details = [{"field": "body", "message": error.detail}] if error.status_code == 400 else None
    api_error = error if isinstance(error, ApiError) else ApiError(error.status_code, error.detail, details=details)
    # The token route says 400 where others say 401.
    oauth = request.scope["path"].endswith("/auth/token")
    status = 400 if oauth and error.status_code == 401 else error.status_code
    return JSONResponse(api_error.body(oauth), status, error.headers or api_error.headers)


@app.exception_handler(RequestValidationError)
async def answer_invalid_request(request: Request, error: RequestValidationError) -> Response:
    """FastAPI's own handler answers 422 and repeats the input. An id that is no UUID is an unknown one."""
    details = []
    for problem in error.errors():
        place, *path = problem["loc"]
        message = problem["msg"].removeprefix("Value error, ")
        if place == "path":
            return await answer_http_exception(request, ApiError(404, f"{path[0].removesuffix('_id').capitalize()} not found"))
        if problem["type"] == "json_invalid":
            path, message = [], "is not valid JSON"
        elif not path:
            message = "must be a JSON object, sent with Content-Type: application/json"
        details.append({"field": ".".join(map(str, path)) or place, "message": message})
    return await answer_http_exception(request, ApiError(400, details=details))


@app.exception_handler(DBAPIError)
async def answer_database_error(request: Request, error: DBAPIError) -> Response:
    """A broken constraint that DATABASE_RULES names is a 400; any other, and a schema that does not fit, is a fault of ours."""
    reason = first_line(error)
    for name, (field, message) in DATABASE_RULES.items():
        if isinstance(error, IntegrityError) and name in reason.lower():
            return await answer_http_exception(request, ApiError(400, details=[{"field": field, "message": message}]))
    our_fault = isinstance(error, IntegrityError | ProgrammingError | DataError)
    our_fault |= getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_ERROR
    if our_fault and app.state.table_creation.done():
        raise error
    # All else passes without a restart.
    log.warning("database unavailable: %s", reason)
    return await answer_http_exception(request, ApiError(503))


async def answer_crash(request: Request, error: Exception) -> Response:
    """The traceback goes to the log, without the values that a database error would repeat."""
    fields = {"request_id": request.state.request_id, "traceback": error.__traceback__}
    log.error("%s: %s", type(error).__name__, first_line(error), extra=fields)
    return await answer_http_exception(request, ApiError(500))


def errors(*answers: int | tuple[int, str, str], oauth: bool = False) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for the OpenAPI document, with an example of each; with a default FastAPI adds no 422."""
    model = schemas.OAuthError if oauth else schemas.Error
    documented: dict[int | str, dict[str, Any]] = {}
    for answer in (*answers, 500):
        example = ApiError(*answer) if isinstance(answer, tuple) else ApiError(answer)
        documented["default" if answer == 500 else example.status_code] = {
            "model": model,
            "description": HTTPStatus(example.status_code).phrase,
            "content": {"application/json": {"example": example.body(oauth)}},
        }
    return documented


# ---------------------------------------------------------------- requests

# What frontends put before `/tasks`, and where they look for the accounts; only the first of each is in /docs.
TASK_PREFIXES = ("/api/v1", "", "/api", "/users/{user_id}", "/api/users/{user_id}", "/api/v1/users/{user_id}", "/api/{user_id}")
ACCOUNT_PREFIXES = ("/api/v1/auth", "/api/auth", "/auth")


class RequestContextMiddleware:
    """What every request gets: an id, the standing headers, a limit to its body, a line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The path goes on without a slash at its end."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, size, path, request_headers = time.perf_counter(), 0, scope["path"], Headers(scope=scope)
        request_id = request_headers.get("x-request-id", "")
        if not re.fullmatch("[A-Za-z0-9._-]{1,64}", request_id):
            request_id = uuid.uuid4().hex
        log_fields = {"request_id": request_id, "method": scope["method"], "path": path}
        scope["path"] = path.rstrip("/") or "/"
        state = scope.setdefault("state", {})
        state["request_id"] = request_id

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > 64 * 1024:
                raise ApiError(413)
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                log_fields["status"] = message["status"]
                # A cache must ask again, so that the ETag of a task is of use.
                cache = "no-store" if path.startswith(ACCOUNT_PREFIXES) else "private, no-cache"
                headers = MutableHeaders(scope=message)
                headers.update({"X-Request-ID": request_id, "X-Content-Type-Options": "nosniff", "Cache-Control": cache})
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                origin = request_headers.get("origin")
                # A page of this host itself, such as /docs, needs no permission.
                if origin and "access-control-allow-origin" not in headers and not origin.endswith(f"//{request_headers.get('host')}"):
                    log_fields["hint"] = f"a browser was refused: add {origin} to CORS_ORIGINS if the page there is yours"
            await send(message)

        await self.app(scope, receive_limited, send_with_headers)
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        log.info("request", extra=log_fields | {"milliseconds": milliseconds, "user_id": state.get("user_id")})


# The last one is the outermost. A crash is answered within the others, so that its answer has their headers.
app.add_middleware(ExceptionMiddleware, handlers={Exception: answer_crash})
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.cors_origins,
    allow_origin_regex=None if settings.cors_origins else r"https?://(localhost|127\.0\.0\.1)(:\d+)?",
    allow_credentials=True,
    allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
    allow_headers=("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID"),
    expose_headers=("ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-ID", "X-Total-Count"),
)
app.add_middleware(RequestContextMiddleware)

# ---------------------------------------------------------------- tokens

SECRET_KEY = jwk.construct(settings.jwt_secret, settings.jwt_algorithm)
# The algorithms of an outside issuer, by the type and the curve of their keys (RFC 7518, RFC 8037).
ALGORITHMS: dict[tuple[str | None, str | None], str] = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
# Seconds for which the issuer's keys are trusted, and between two fetches for a key that is not among them.
KEYS_LIFETIME, REFETCH = 300, 10


class Ed25519Key(Key):
    """What python-jose lacks for EdDSA (RFC 8037)."""

    def __init__(self, key: dict[str, str], _algorithm: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64url_decode(key["x"].encode()))

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is good; cryptography raises otherwise, which python-jose expects."""
        self._key.verify(signature, message)
        return True


jwk.register_key("EdDSA", Ed25519Key)


class IssuerKeys:
    """The public keys that JWT_JWKS_URL publishes (RFC 7517)."""

    def __init__(self) -> None:
        self.keys: list[dict[str, str]] = []
        self.fetched_at = float(-REFETCH)
        self.fetching = asyncio.Lock()

    def fetch(self) -> None:
        """While the issuer is away, or sends no JWKS, the known keys go on working."""
        # Some issuers refuse urllib by its name.
        request = urllib.request.Request(str(settings.jwt_jwks_url), headers={"User-Agent": "task-api"})
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                self.keys = [key for key in json.load(response)["keys"] if key.get("use", "sig") == "sig"]
        except Exception as error:
            log.warning("issuer keys unavailable: %s", type(error).__name__)
        self.fetched_at = time.monotonic()

    async def find(self, key_id: str | None, algorithm: str) -> str:
        """A JWKS of the keys that may have signed such a token; ApiError when there are none at all."""
        if settings.jwt_jwks_url is None:
            raise ApiError(401)
        async with self.fetching:
            if time.monotonic() > self.fetched_at + (KEYS_LIFETIME if self.known(key_id, algorithm) else REFETCH):
                await to_thread.run_sync(self.fetch)
        if not self.keys:
            raise ApiError(503, "The keys of the token issuer are unavailable, try again soon", "ISSUER_UNAVAILABLE")
        return json.dumps({"keys": self.known(key_id, algorithm)})

    def known(self, key_id: str | None, algorithm: str) -> list[dict[str, str]]:
        """Each kind of algorithm has its own kind of key. A token need not name its key."""
        kind = [key for key in self.keys if ALGORITHMS.get((key.get("kty"), key.get("crv"))) == algorithm == key.get("alg", algorithm)]
        return [key for key in kind if key_id in (None, key.get("kid"))]


issuer_keys = IssuerKeys()


@lru_cache(4096)
def read_token(token: str, algorithm: str, key: Key | str) -> schemas.Caller:
    """Whom a well-signed token names; of its claims python-jose checks too little, so Caller does."""
    checks = {"verify_exp": False, "verify_sub": False, "verify_at_hash": False}
    checks["require_aud" if settings.jwt_audience else "verify_aud"] = bool(settings.jwt_audience)
    claims = jwt.decode(token, key, [algorithm], checks, settings.jwt_audience, settings.jwt_issuer)
    return schemas.Caller.model_validate(claims)


# /docs offers both: to sign in with e-mail and password, or to paste a token.
sign_in_form = OAuth2PasswordBearer(
    f"{ACCOUNT_PREFIXES[0]}/token", scheme_name="account", description="Your e-mail is the user name.", auto_error=False
)
pasted_token = HTTPBearer(scheme_name="token", description="For a token that you have already.", auto_error=False)


async def current_caller(
    request: Request, token: Annotated[str | None, Depends(sign_in_form)], _pasted: Annotated[object, Depends(pasted_token)]
) -> schemas.Caller:
    """Whom the bearer token names; under the path of another user there is nothing."""
    token = token or ""
    try:
        header = jwt.get_unverified_header(token)
        # python-jose passes over characters that are not of Base64, and over extensions that it does not know (RFC 7515, 4.1.11).
        if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII) or "crit" in header:
            raise JOSEError("malformed")
        ours = header["alg"] == settings.jwt_algorithm
        key = SECRET_KEY if ours else await issuer_keys.find(header.get("kid"), header["alg"])
        caller = read_token(token, header["alg"], key)
    except ApiError:
        raise
    # On hostile tokens python-jose raises whatever its parts do: RecursionError, TypeError, OverflowError, UnicodeError.
    except Exception:
        raise ApiError(401) from None
    if caller.expires_at <= time.time():
        raise ApiError(401, "The token has expired")
    request.state.user_id = caller.user_id
    if request.path_params.get("user_id", caller.user_id) != caller.user_id:
        raise ApiError(404)
    return caller


CurrentCaller = Annotated[schemas.Caller, Depends(current_caller)]


# ---------------------------------------------------------------- accounts

hasher = PasswordHash.recommended()
WRONG_PASSWORD = (401, "Wrong e-mail or password", "INVALID_CREDENTIALS")
MAX_FAILURES, FAILURE_SECONDS = 10, 60
# When sign-ins failed lately, in order: the moment, the e-mail and the address.
failures: deque[tuple[float, str, str]] = deque(maxlen=10_000)


@cache
def decoy_hash() -> str:
    """What the password of an unknown e-mail is compared with, so that it costs the same."""
    return hasher.hash(secrets.token_hex())


def token_for(user: User) -> schemas.TokenRead:
    """A new token, and whose it is."""
    lifetime = settings.jwt_expire_minutes * 60
    claims = {"sub": user.id, "exp": int(time.time()) + lifetime, "iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    claims = {name: value for name, value in claims.items() if value} | {schemas.ACCOUNT_CLAIM: True}
    token = jwt.encode(claims, SECRET_KEY, settings.jwt_algorithm)
    whose = schemas.UserRead.model_validate(user, from_attributes=True)
    return schemas.TokenRead(access_token=token, token_type="bearer", expires_in=lifetime, user=whose)


def authenticate(account: schemas.SignIn, address: str) -> schemas.TokenRead:
    """A new token; ApiError is the same for an unknown e-mail and for a wrong password."""
    since = time.monotonic() - FAILURE_SECONDS
    recent = [who for moment, *who in tuple(failures) if moment > since]
    if recent.count([account.email, address]) >= MAX_FAILURES:
        raise ApiError(429)
    with Session(engine) as session:
        user = session.exec(select(User).where(User.email == account.email)).one_or_none()
    if not hasher.verify(account.password, (user and user.password_hash) or decoy_hash()) or user is None:
        failures.append((time.monotonic(), account.email, address))
        raise ApiError(*WRONG_PASSWORD)
    return token_for(user)


async def new_user(body: schemas.SignUp) -> User:
    """The password is hashed in its turn, and in no handler's thread."""
    password_hash = await to_thread.run_sync(hasher.hash, body.password, limiter=HASHING)
    return User(id=str(uuid.uuid4()), email=body.email, name=body.name, password_hash=password_hash)


@accounts.post("/register", include_in_schema=False, status_code=201)
@accounts.post("/signup", status_code=201, responses=errors(400, 409, 413, 503))
def sign_up(user: Annotated[User, Depends(new_user)]) -> schemas.TokenRead:
    """Make an account and sign in."""
    new_account = insert(User).values(user.model_dump()).on_conflict_do_nothing(index_elements=["email"])
    with Session(engine) as session:
        if not session.exec(new_account).rowcount:
            raise ApiError(409)
    return token_for(user)


@accounts.post("/login", include_in_schema=False)
@accounts.post("/signin", responses=errors(400, WRONG_PASSWORD, 413, 429, 503))
async def sign_in(body: schemas.SignIn, request: Request) -> schemas.TokenRead:
    """Get a token for e-mail and password."""
    # Behind a proxy the address is the client's where uvicorn trusts the proxy, see FORWARDED_ALLOW_IPS.
    address = request.client.host if request.client else ""
    return await to_thread.run_sync(authenticate, body, address, limiter=HASHING)


@accounts.post("/token", responses=errors((400, *WRONG_PASSWORD[1:]), 413, 429, 503, oauth=True))
async def get_token(form: Annotated[schemas.SignIn, Form()], request: Request) -> schemas.TokenRead:
    """Get a token as OAuth2 does, for the Authorize button."""
    return await sign_in(form, request)


def check_account(session: Session, caller: CurrentCaller) -> None:
    """The token of a deleted account is worth nothing any more."""
    if caller.has_account and session.get(User, caller.user_id) is None:
        raise ApiError(401)


def create_user(session: Session, caller: CurrentCaller) -> None:
    """A user of an outside issuer gets a row with their first task or first look at /me."""
    check_account(session, caller)
    session.exec(insert(User).values(id=caller.user_id).on_conflict_do_nothing())


@accounts.get("/me", response_model=schemas.UserRead, responses=errors(401, 503))
def get_me(caller: CurrentCaller) -> User:
    """Show who is signed in."""
    with Session(engine) as session:
        user = session.get(User, caller.user_id)
        if user is None:
            create_user(session, caller)
        return user or session.get_one(User, caller.user_id)


@accounts.delete("/me", status_code=204, responses=errors(401, 503))
def delete_me(caller: CurrentCaller) -> None:
    """Delete the account and all its tasks."""
    with Session(engine) as session:
        if not session.exec(delete(User).where(col(User.id) == caller.user_id)).rowcount and caller.has_account:
            raise ApiError(401)


# ---------------------------------------------------------------- tasks

IdempotencyKey = Annotated[str | None, Header(pattern="^[ -~]{1,255}$", description="The same key again answers with the first task")]
IfNoneMatch = Annotated[str | None, Header(description="Answer 304 while the task has this ETag")]
IfMatch = Annotated[
    str | None,
    Header(description="Change the task only while it has this ETag"),
    # Weak entity tags match nothing here (RFC 9110, 13.1.1); None stands for any version.
    AfterValidator(lambda value: None if value.strip() == "*" else re.sub('W/"[^"]*"', "", value)),
]

# Statements are made once, with parameters, for that costs more than to run them. The user id is in each of them.
FIELDS = tuple(schemas.TaskRead.model_fields)
COLUMNS: list[Any] = [col(Task.completed).label(name) if name == "is_completed" else getattr(Task, name) for name in FIELDS] + [Task.etag]
OWNED = [col(Task.user_id) == bindparam("caller_id"), col(Task.id) == bindparam("task_id")]
# If-Match lists tags in quotes. It is the text here and the tag the pattern, so that junk is no wildcard; null means any version.
UNCHANGED = bindparam("if_match").is_(None) | bindparam("if_match").like('%"' + col(Task.etag) + '"%')
GET_TASK = select(*COLUMNS).where(*OWNED)
NEW_TASK = insert(Task).execution_options(dml_strategy="raw")
# An update that changes nothing, for DO NOTHING returns no row.
CREATE_TASK = NEW_TASK.on_conflict_do_update(index_elements=["user_id", "id"], set_={"etag": Task.etag}).returning(*COLUMNS)
CREATE_NEXT_TASK = NEW_TASK.on_conflict_do_nothing().returning(*COLUMNS)
# The columns to change are those that the parameters name; no object in a session has to follow.
UPDATE_TASK = update(Task).where(*OWNED, UNCHANGED).returning(*COLUMNS).execution_options(synchronize_session=False)
# Completing or reopening a recurring task also adds or removes its next occurrence, which one statement can't: this skips it.
STATE = func.coalesce(bindparam("state", type_=Boolean), ~col(Task.completed))
RECURS = col(Task.is_recurring) | bindparam("will_recur", type_=Boolean)
UPDATE_STATE = UPDATE_TASK.where((col(Task.completed) == STATE) | ~RECURS).values(completed=STATE)
DELETE_TASK = delete(Task).where(*OWNED, UNCHANGED).execution_options(synchronize_session=False)


def owned_by(caller: CurrentCaller, task_id: uuid.UUID, if_match: str | None = None) -> dict[str, Any]:
    """The parameters of OWNED, and of UNCHANGED."""
    return {"caller_id": caller.user_id, "task_id": task_id, "if_match": if_match}


def find_task(session: Session, caller: CurrentCaller, task_id: uuid.UUID, if_match: str | None = None) -> Task:
    """The task, or an ApiError that says why a statement found none: gone, or changed since."""
    task = session.get(Task, (caller.user_id, task_id))
    if task is None:
        check_account(session, caller)
        raise ApiError(404)
    if if_match is not None and f'"{task.etag}"' not in if_match:
        raise ApiError(412)
    return task


def as_dict(row: Row[Any]) -> dict[str, Any]:
    """A row was checked when it was stored, so that it goes out as it is."""
    return dict(zip(FIELDS, row, strict=False))


def task_response(row: Row[Any], status: int = 200, headers: Mapping[str, str] = {}, **more: Any) -> Response:
    """One task and its ETag."""
    return Response(to_json(as_dict(row) | more), status, {"ETag": f'"{row.etag}"', **headers}, "application/json")


# For the OpenAPI document.
EXAMPLE = {"requestBody": {"content": {"application/json": {"example": schemas.EXAMPLE}}}}
BAD_LIMIT = (400, "limit: Input should be greater than or equal to 1", "")
REPLAYED: dict[int | str, Any] = {200: {"model": schemas.TaskRead, "description": "An earlier call with this key made the task"}}


@tasks.post("", status_code=201, response_model=schemas.TaskRead, responses=errors(400, 401, 413, 503) | REPLAYED, openapi_extra=EXAMPLE)
def create_task(body: schemas.TaskCreate, caller: CurrentCaller, idempotency_key: IdempotencyKey = None) -> Response:
    """Create a task."""
    # With a key the id is always the same: the primary key keeps a second task out, and the first one comes back.
    task_id = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, caller.user_id), idempotency_key) if idempotency_key else uuid.uuid4()
    now, etag = utc_now(), new_etag()
    values = body.model_dump() | {"user_id": caller.user_id, "id": task_id, "etag": etag, "created_at": now, "updated_at": now}
    with Session(engine) as session:
        try:
            row = session.exec(CREATE_TASK, params=values).one()
        except IntegrityError:
            create_user(session, caller)
            row = session.exec(CREATE_TASK, params=values).one()
    if row.etag != etag:
        return task_response(row, headers={"Idempotent-Replayed": "true"})
    return task_response(row, 201, {"Location": f"{TASK_PREFIXES[0]}{tasks.prefix}/{row.id}"})


def has_tags() -> ColumnElement[bool]:
    """Containment of JSONB, which its GIN index serves, and the same on SQLite: no wanted tag that the task lacks."""
    if ON_POSTGRESQL:
        return col(Task.tags).contains(bindparam("tags"))
    wanted = func.json_each(bindparam("tags", type_=JSON)).table_valued("value", name="wanted")
    present = func.json_each(Task.tags).table_valued("value", name="present")
    return ~exists(select(wanted.c.value).where(wanted.c.value.not_in(select(present.c.value))))


# The condition of each parameter of a list. They are made once: what varies from request to request is a bindparam.
FILTERS: dict[str, ColumnElement[bool]] = {
    "q": or_(*(col(column).icontains(bindparam("q"), escape="\\") for column in (Task.title, Task.description))),
    "completed": col(Task.completed) == bindparam("completed"),
    "priority": col(Task.priority).in_(bindparam("priority")),
    "tags": has_tags(),
    "due_date_from": col(Task.due_date) >= bindparam("due_date_from"),
    "due_date_to": col(Task.due_date) <= bindparam("due_date_to"),
}
SORT_KEYS: dict[str, Any] = {
    "priority": case({Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1}, value=Task.priority),
    "title": func.lower(Task.title),
}


@lru_cache(256)
def page_of_tasks(filters: tuple[str, ...], sort_by: str, sort_order: str) -> tuple[Any, Any]:
    """The statements for a page, whose rows carry the total, and for the total alone, which a page without rows lacks."""
    where = [col(Task.user_id) == bindparam("caller_id"), *(FILTERS[name] for name in filters)]
    total = select(func.count()).select_from(Task).where(*where)
    direction = asc if sort_order == "asc" else desc
    key = direction(SORT_KEYS.get(sort_by, getattr(Task, sort_by)))
    page = select(*[*COLUMNS, total.correlate(None).scalar_subquery().label("total")]).where(*where)
    # Equal keys are ordered by id, so that pages never overlap.
    page = page.order_by(key.nulls_last() if sort_by == "due_date" else key, direction(col(Task.id)))
    return page.limit(bindparam("limit")).offset(bindparam("offset")), total


@tasks.get("", response_model=list[schemas.TaskRead], responses=errors(BAD_LIMIT, 401, 503))
def list_tasks(caller: CurrentCaller, wanted: Annotated[schemas.TaskFilter, Query()]) -> Response:
    """Find tasks: search, filter, sort and page through them; an empty parameter counts as left out."""
    filters = wanted.filters
    page, count = page_of_tasks(tuple(filters), wanted.sort_by, wanted.sort_order)
    with Session(engine) as session:
        values = filters | {"caller_id": caller.user_id, "limit": wanted.limit, "offset": wanted.offset}
        rows = session.exec(page, params=values).all()
        total = rows[0].total if rows else session.exec(count, params=values).one() if wanted.offset else 0
        if not total:
            check_account(session, caller)
    return Response(to_json([as_dict(row) for row in rows]), headers={"X-Total-Count": str(total)}, media_type="application/json")


@tasks.get("/{task_id}", response_model=schemas.TaskRead, responses=errors(401, 404, 503) | {304: {"description": "Not changed since"}})
def get_task(task_id: uuid.UUID, caller: CurrentCaller, if_none_match: IfNoneMatch = None) -> Response:
    """Get one task."""
    with Session(engine) as session:
        row = session.exec(GET_TASK, params=owned_by(caller, task_id)).one_or_none()
        if row is None:
            check_account(session, caller)
            raise ApiError(404)
    etag = f'"{row.etag}"'
    if if_none_match and (if_none_match.strip() == "*" or etag in if_none_match):
        return Response(status_code=304, headers={"ETag": etag})
    return task_response(row)


def change_task(
    caller: CurrentCaller, task_id: uuid.UUID, changes: dict[str, Any], if_match: str | None
) -> tuple[Row[Any], Row[Any] | None]:
    """The changed task, and the next occurrence that this change made. None for `completed` flips it."""
    statement, values = UPDATE_TASK, owned_by(caller, task_id, if_match) | changes
    if "completed" in changes:
        statement = UPDATE_STATE
        values |= {"state": values.pop("completed"), "will_recur": changes.get("is_recurring", False)}
    with Session(engine) as session:
        if row := session.exec(statement, params=values).one_or_none():
            return row, None
        task = find_task(session, caller, task_id, if_match)
    # None, which flips it, differs from both states.
    turns = changes.get("completed", task.completed) != task.completed
    if turns and (changed := complete_or_reopen(caller, task, changes | {"completed": not task.completed})):
        return changed
    # Somebody else has changed the task meanwhile, so try again.
    return change_task(caller, task_id, changes, if_match)


def complete_or_reopen(caller: CurrentCaller, task: Task, changes: dict[str, Any]) -> tuple[Row[Any], Row[Any] | None] | None:
    """Completing makes the next occurrence, reopening takes back one that nobody has touched; None when the task has changed."""
    made = None
    task.sqlmodel_update(changes)
    upcoming = task.next_occurrence(utc_now()) if task.completed else None
    with Session(transactional) as session:
        if upcoming:
            # First, for it locks the user before the task, as the deletion of an account does.
            try:
                made = session.exec(CREATE_NEXT_TASK, params=upcoming.model_dump()).one_or_none()
            except IntegrityError:
                session.rollback()
                find_task(session, caller, task.id)
                raise
        elif not task.completed:
            session.exec(DELETE_TASK.where(col(Task.updated_at) == Task.created_at), params=owned_by(caller, task.next_id))
        # Optimistic locking: only the version that was read is changed.
        row = session.exec(UPDATE_TASK, params=owned_by(caller, task.id, f'"{task.etag}"') | changes).one_or_none()
        if row:
            session.commit()
    return (row, made) if row else None


@tasks.put("/{task_id}", response_model=schemas.TaskRead, responses=errors(400, 401, 404, 412, 413, 503), openapi_extra=EXAMPLE)
def put_task(task_id: uuid.UUID, body: schemas.TaskCreate, caller: CurrentCaller, if_match: IfMatch = None) -> Response:
    """Change a task by a form that has its title; what is left out keeps its value."""
    row, _ = change_task(caller, task_id, body.model_dump(exclude_unset=True), if_match)
    return task_response(row)


@tasks.patch("/{task_id}", response_model=schemas.TaskRead, responses=errors(400, 401, 404, 412, 413, 503), openapi_extra=EXAMPLE)
def update_task(task_id: uuid.UUID, body: schemas.TaskUpdate, caller: CurrentCaller, if_match: IfMatch = None) -> Response:
    """Change only what is sent; null clears what may be null."""
    row, _ = change_task(caller, task_id, body.model_dump(exclude_unset=True), if_match)
    return task_response(row)


@tasks.delete("/{task_id}", status_code=204, responses=errors(401, 404, 412, 503))
def delete_task(task_id: uuid.UUID, caller: CurrentCaller, if_match: IfMatch = None) -> None:
    """Delete a task."""
    with Session(engine) as session:
        if not session.exec(DELETE_TASK, params=owned_by(caller, task_id, if_match)).rowcount:
            find_task(session, caller, task_id, if_match)
            raise ApiError(404)


@tasks.patch("/{task_id}/complete", include_in_schema=False)
@tasks.patch("/{task_id}/toggle", include_in_schema=False)
@tasks.post("/{task_id}/toggle", response_model=schemas.TaskToggled, responses=errors(400, 401, 404, 412, 413, 503))
def toggle_task(task_id: uuid.UUID, caller: CurrentCaller, if_match: IfMatch = None, body: schemas.TaskToggle | None = None) -> Response:
    """Complete or reopen a task; completing a recurring one makes its next occurrence."""
    row, upcoming = change_task(caller, task_id, {"completed": body.completed if body else None}, if_match)
    return task_response(row, next_task=as_dict(upcoming) if upcoming else None)


# What is called most is looked for first.
for router, prefixes in ((tasks, TASK_PREFIXES), (accounts, ACCOUNT_PREFIXES)):
    for prefix in prefixes:
        app.include_router(router, prefix=prefix, include_in_schema=prefix == prefixes[0])

# ---------------------------------------------------------------- health


@app.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    """The first page that anyone opens."""
    return RedirectResponse("/docs")


@app.head("/health", include_in_schema=False)
@app.get("/health", tags=["health"])
async def health() -> dict[str, str]:
    """Tell that the process serves; it never waits for the database."""
    return {"status": "ok"}


@app.get("/health/ready", tags=["health"], responses=errors(503))
async def ready() -> dict[str, str]:
    """Tell whether the database answers within a second."""

    def look_at_tasks() -> None:
        with Session(engine) as session:
            session.exec(select(Task.id).limit(1)).first()

    with move_on_after(1):
        await to_thread.run_sync(look_at_tasks, limiter=PROBES, abandon_on_cancel=True)
        return {"status": "ok"}
    raise ApiError(503)


if __name__ == "__main__":
    uvicorn.run(app, log_config=None)
