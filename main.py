"""The Task API, from top to bottom: settings, engine, errors, app, caller, tasks, accounts, health.

Behind them stands the machine room: the keys of an issuer, error handlers, middleware, the
database, the log.
"""

import asyncio
import gc
import json
import logging
import os
import re
import secrets
import selectors
import sqlite3
import sys
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.error import HTTPError
from zoneinfo import ZoneInfo

import psycopg2
import uvicorn
from anyio import CapacityLimiter, fail_after, to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Body, Depends, FastAPI, Form, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPBearer, OAuth2PasswordBearer
from fastapi_offline import FastAPIOffline
from jose import JOSEError, JWTError, jwk, jwt
from jose.backends.base import Key
from jose.utils import base64url_decode
from psycopg2.extensions import parse_dsn, set_wait_callback
from pwdlib import PasswordHash
from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    HttpUrl,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import from_json, to_json
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy import (
    JSON,
    URL,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Row,
    Table,
    bindparam,
    case,
    event,
    inspect,
    literal,
    make_url,
    not_,
    or_,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    ProgrammingError,
)
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import NullType
from sqlmodel import Session, SQLModel, col, create_engine, delete, func, select, update
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import schemas
from models import (
    DATABASE_RULES,
    Priority,
    Task,
    User,
    ever_matches,
    local_time,
    new_etag,
    utc_now,
    with_zone,
)

log = logging.getLogger("task_api")

# ---------------------------------------------------------------- settings

SECRET_FILE = Path(".jwt_secret")


def write_secret() -> None:
    """Writes a new secret; an empty file would keep the next start from making one."""
    try:
        SECRET_FILE.write_text(secrets.token_hex(32))
    except OSError:
        SECRET_FILE.unlink()
        raise


def kept_secret() -> str:
    """The secret that this folder keeps; the first worker makes it, and the others wait for it."""
    try:
        SECRET_FILE.touch(mode=0o600, exist_ok=False)
        write_secret()
    except FileExistsError:
        deadline = time.monotonic() + 2
        while not SECRET_FILE.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.01)
    return SECRET_FILE.read_text(errors="ignore").strip()


DATABASE_URL_HINT = (
    "must look like postgresql://user:password@host/name?sslmode=require "
    "or sqlite:///file.db in a folder that exists"
)
SECRET_HINT = 'Make one with: python -c "import secrets; print(secrets.token_hex(32))"'


class Settings(BaseSettings):
    """Read from the environment and `.env`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        validate_default=False,
    )

    database_url: Annotated[URL, NoDecode] = make_url("sqlite:///tasks.db")
    jwt_secret: str = Field(
        default="",
        validation_alias=AliasChoices("JWT_SECRET", "BETTER_AUTH_SECRET"),
        validate_default=True,
    )
    jwt_algorithm: Literal["HS256", "HS384", "HS512"] = "HS256"
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: HttpUrl | None = None
    jwt_expire_minutes: int = Field(default=1440, ge=1, le=525_600)
    cors_origins: Annotated[list[str], NoDecode] = []
    port: int = Field(default=8000, ge=1, le=65_535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="before")
    @classmethod
    def strip_blanks(cls, values: dict[str, str]) -> dict[str, str]:
        """Cuts the blanks around each value; an empty one counts as unset."""
        return {name: value.strip() for name, value in values.items() if value.strip()}

    @field_validator("database_url", mode="plain")
    @classmethod
    def read_database_url(cls, value: str) -> URL:
        """The address of an SQLite file in a folder that exists, or of PostgreSQL."""
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            raise ValueError(DATABASE_URL_HINT) from None
        if url.get_backend_name() in ("postgres", "postgresql"):
            check_postgresql_url(url)
            return url.set(drivername="postgresql+psycopg2")
        file = Path(url.database or "")
        is_file = file.name not in ("", ":memory:") and file.parent.is_dir()
        if url.drivername != "sqlite" or not is_file or url.query:
            raise ValueError(DATABASE_URL_HINT)
        return url

    @field_validator("jwt_secret")
    @classmethod
    def find_secret(cls, value: str, info: ValidationInfo) -> str:
        """The secret, of 32 characters or more; on SQLite a missing one is made."""
        url = info.data.get("database_url")
        if url is None:
            # read_database_url has refused the address.
            return value
        if not value and url.get_backend_name() == "sqlite":
            try:
                value = kept_secret()
            except OSError as error:
                reason = f"this folder can't keep one ({error.strerror}). {SECRET_HINT}"
                raise ValueError(f"must be set: {reason}") from None
        if len(value) < 32:
            raise ValueError(f"must be set, to 32 characters or more. {SECRET_HINT}")
        try:
            jwk.construct(value, "HS256")
        except JOSEError:
            raise ValueError("must be no public key and no certificate") from None
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def read_log_level(cls, value: str) -> str:
        """The level in capitals."""
        return value.upper()

    @field_validator("cors_origins", mode="before")
    @classmethod
    def split_origins(cls, value: str) -> list[str]:
        """The origins, in lower case; raises ValueError for what is none."""
        origins = [origin.strip().rstrip("/").lower() for origin in value.split(",")]
        origins = [origin for origin in origins if origin]
        if not all(re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s/*?#@]+", origin) for origin in origins):
            raise ValueError(
                "must list origins such as https://app.example.com, with commas between; "
                "neither * nor null can go with credentials"
            )
        return origins


def check_postgresql_url(url: URL) -> None:
    """Raises ValueError for an address that PostgreSQL's own library would never take."""
    if "@" in (url.host or ""):
        raise ValueError("holds an @ in its password: write it as %40")
    for option in url.query:
        try:
            parse_dsn(f"{option}=x")
        except psycopg2.Error:
            raise ValueError(
                f"holds the option {option}, which PostgreSQL does not know: leave it out"
            ) from None


def load_settings() -> Settings:
    """The settings; SystemExit with a line for each bad one: its name and cure, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0]).upper()
            lines.append(f"Bad setting {name}: {problem['msg'].removeprefix('Value error, ')}")
        raise SystemExit("\n".join(lines)) from None
    except UnicodeDecodeError:
        raise SystemExit("Bad setting .env: must be saved as UTF-8") from None


settings = load_settings()

# ---------------------------------------------------------------- engine

# FastAPI's thread pool runs this many handlers at once, each with a connection of its own:
# none waits for a connection while it holds a thread.
THREADS = 8
ON_POSTGRESQL = settings.database_url.get_backend_name() == "postgresql"

# Each statement commits by itself and costs one round trip: for routes of one statement.
# Parameters stay out of errors, and so out of the log.
autocommit = create_engine(
    settings.database_url,
    isolation_level="AUTOCOMMIT",
    pool_size=THREADS,
    pool_use_lifo=True,
    hide_parameters=True,
    json_deserializer=from_json,
)
# `Session(engine)` is a transaction: all happens at `session.commit()`, or nothing does.
engine = autocommit.execution_options(
    isolation_level="READ COMMITTED" if ON_POSTGRESQL else "SERIALIZABLE",
)
insert = postgresql.insert if ON_POSTGRESQL else sqlite.insert

# ---------------------------------------------------------------- errors

# Of each code the status, the words for people, and the headers.
ERRORS: dict[schemas.ErrorCode, tuple[int, str, dict[str, str]]] = {
    "VALIDATION_ERROR": (400, "The request is not valid", {}),
    "UNAUTHORIZED": (401, "A valid bearer token is needed", {"WWW-Authenticate": "Bearer"}),
    "INVALID_CREDENTIALS": (401, "Wrong e-mail or password", {"WWW-Authenticate": "Bearer"}),
    "NOT_FOUND": (404, "Task not found", {}),
    "METHOD_NOT_ALLOWED": (405, "Method Not Allowed", {}),
    "EMAIL_TAKEN": (409, "This e-mail already has an account", {}),
    "PRECONDITION_FAILED": (412, "The task has changed since", {}),
    "PAYLOAD_TOO_LARGE": (413, "The body is larger than 64 KiB, or a form than 8 KiB", {}),
    "TOO_MANY_REQUESTS": (
        429,
        "Too many sign-ins, try again in a minute",
        {"Retry-After": "60"},
    ),
    "INTERNAL_ERROR": (500, "Something went wrong on our side", {}),
    "DATABASE_UNAVAILABLE": (
        503,
        "The database is unavailable, try again soon",
        {"Retry-After": "1"},
    ),
    "ISSUER_UNAVAILABLE": (
        503,
        "The keys of the token issuer are unavailable, try again soon",
        {"Retry-After": "1"},
    ),
}


class ApiError(HTTPException):
    """An error of ERRORS; raise it anywhere. The reason is for the log alone."""

    def __init__(
        self,
        code: schemas.ErrorCode,
        message: str = "",
        details: list[dict[str, str]] | None = None,
        reason: str | None = None,
    ) -> None:
        status, standard_message, headers = ERRORS[code]
        super().__init__(status, message or standard_message, headers)
        self.code = code
        self.details = details
        self.reason = reason


def validation_error(*details: dict[str, str]) -> ApiError:
    """A VALIDATION_ERROR of these details, each with a `field` and a `message`."""
    messages = [f"{detail['field']}: {detail['message']}" for detail in details]
    return ApiError("VALIDATION_ERROR", "; ".join(messages), list(details))


# What OAuth2 calls an error (RFC 6749, 5.2); any other has its code in lower case.
OAUTH_NAMES = {"INVALID_CREDENTIALS": "invalid_grant", "VALIDATION_ERROR": "invalid_request"}


def error_docs(
    *codes: schemas.ErrorCode,
    model: type = schemas.Error,
) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for the OpenAPI document."""
    documented: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status, message, _ = ERRORS[code]
        documented[status] = {"model": model, "description": message}
    return documented


# ---------------------------------------------------------------- app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Tunes the process, makes the tables now or as soon as it can, and ends with the pool."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    database = settings.database_url.set(query={})
    log.info("tasks are kept in %s; try it out at /docs", database)
    origins = ", ".join(settings.cors_origins) or "any port of localhost"
    log.info("pages of these origins may call: %s", origins)
    table_creation = asyncio.create_task(create_tables_when_possible())
    await asyncio.wait([table_creation], timeout=DB_TIMEOUT)
    # The garbage collector need not look again at what the start has made, nor so often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    # A handler that computes lets the event loop go on after a millisecond, not after five.
    sys.setswitchinterval(0.001)
    yield
    table_creation.cancel()
    autocommit.dispose()


# Its /docs work without the internet.
app = FastAPIOffline(
    title="Task API",
    version="1.0.0",
    description="Tasks of many users, with search and recurrence. **To try it:** sign up below, "
    "press *Authorize*, sign in as *account* with the same e-mail and password, "
    "then create a task.",
    lifespan=lifespan,
    # Otherwise FastAPI would document a 422, which is never sent.
    responses={"default": {"model": schemas.Error, "description": "Any other error"}},
    generate_unique_id_function=lambda route: route.name,
    openapi_tags=[{"name": "accounts"}, {"name": "tasks"}, {"name": "health"}],
    swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
)

# What frontends put before `/tasks`, and where they look for the accounts.
# The first of each is in /docs, and asked first: `/api/{user_id}` matches `/api/v1` too.
TASK_PREFIXES = (
    "/api/v1",
    "/api/{user_id}",
    "/api",
    "",
    "/users/{user_id}",
    "/api/users/{user_id}",
    "/api/v1/users/{user_id}",
)
ACCOUNT_PREFIXES = ("/api/v1/auth", "/api/auth", "/auth")

# ---------------------------------------------------------------- who is calling

SECRET_KEY = jwk.construct(settings.jwt_secret, settings.jwt_algorithm)
# At /docs one pastes a token, or signs in by e-mail and password. Both read the same header.
bearer_scheme = HTTPBearer(scheme_name="token", auto_error=False)
oauth2_scheme = OAuth2PasswordBearer(
    # Relative to this service, which may stand below a path of its host.
    "api/v1/auth/token",
    scheme_name="account",
    description="Your e-mail is the user name.",
    auto_error=False,
)


async def current_caller(
    request: Request,
    _: Annotated[object, Depends(bearer_scheme)],
    token: Annotated[str | None, Depends(oauth2_scheme)],
) -> schemas.Caller:
    """Whom the bearer token names.

    UNAUTHORIZED when it is missing, bad or expired; NOT_FOUND under the path of another user.
    """
    if token is None:
        raise ApiError("UNAUTHORIZED", reason="no token")
    caller = await read_token(token)
    if caller.expires_at <= time.time():
        raise ApiError("UNAUTHORIZED", "The token has expired")
    request.state.user_id = caller.user_id
    if request.path_params.get("user_id", caller.user_id) != caller.user_id:
        raise ApiError("NOT_FOUND")
    return caller


CurrentCaller = Annotated[schemas.Caller, Depends(current_caller)]


async def read_token(token: str) -> schemas.Caller:
    """What a well-signed token says, expired or not; raises UNAUTHORIZED."""
    try:
        algorithm, key_id = read_token_header(token)
        key: Key | str = SECRET_KEY
        if algorithm != settings.jwt_algorithm:
            key = await issuer_keys.find(key_id, algorithm)
        return verify_token(token, algorithm, key)
    except ApiError:
        raise
    # On hostile tokens python-jose raises whatever its parts do: RecursionError, TypeError,
    # OverflowError, UnicodeError.
    except Exception as error:
        raise ApiError("UNAUTHORIZED", reason=refusal_reason(error)) from None


@lru_cache(4096)
def read_token_header(token: str) -> tuple[str, str | None]:
    """The algorithm of a token and the id of its key; raises an error when it is malformed."""
    header = jwt.get_unverified_header(token)
    # python-jose passes over characters that are not of Base64, and over extensions that
    # it does not know (RFC 7515, 4.1.11).
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII) or "crit" in header:
        raise JWTError("malformed")
    return header["alg"], header.get("kid")


def refusal_reason(error: Exception) -> str:
    """Why a token was refused, in a few words that repeat nothing of it."""
    if isinstance(error, ValidationError):
        claims = {str(problem["loc"][0]) for problem in error.errors()}
        return f"claims: {', '.join(sorted(claims))}"
    if isinstance(error, JWTError):
        return str(error)
    return "malformed"


@lru_cache(4096)
def verify_token(token: str, algorithm: str, key: Key | str) -> schemas.Caller:
    """What a token says; raises JOSEError or ValueError when it is bad or badly signed."""
    # Caller checks the claims more strictly, and current_caller the time: this result is kept.
    options = {"verify_exp": False, "verify_sub": False, "verify_at_hash": False, "leeway": 30}
    if settings.jwt_audience:
        options["require_aud"] = True
    else:
        options["verify_aud"] = False
    claims = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        options=options,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
    )
    return schemas.Caller.model_validate(claims)


# ---------------------------------------------------------------- tasks

# Every route of this router needs a token, also one that forgets to ask who is calling.
tasks = APIRouter(
    prefix="/tasks",
    tags=["tasks"],
    dependencies=[Depends(current_caller)],
    responses=error_docs("UNAUTHORIZED", "DATABASE_UNAVAILABLE"),
)

# Instead of `Task` where rows are wanted, not objects.
task_table: Table = Task.__table__  # type: ignore[attr-defined]
# The fields of a task as it goes out, and their columns with the ETag behind them.
FIELDS = [name for name in schemas.TaskRead.model_fields if name in task_table.c]
COLUMNS: list[ColumnElement[Any]] = [task_table.c[name] for name in (*FIELDS, "etag")]
if ON_POSTGRESQL:
    # They only pass through: SQLAlchemy need not convert what the driver has read.
    COLUMNS = [type_coerce(column, NullType()).label(column.name) for column in COLUMNS]
# The caller's own tasks, and one of them by its id.
# No parameter may have the name of a field: SQLAlchemy would refuse the UPDATE.
OWN = task_table.c.user_id == bindparam("own_user_id")
OWN_TASK = (OWN, task_table.c.id == bindparam("own_task_id"))


def find_task(
    session: Session,
    caller: schemas.Caller,
    task_id: uuid.UUID,
    etags: list[str] | None = None,
) -> Task:
    """The caller's own task; raises NOT_FOUND, PRECONDITION_FAILED when it has none of the ETags.

    UNAUTHORIZED when the account is deleted.
    """
    task = session.get(Task, (caller.user_id, task_id))
    if task is None:
        check_account(session, caller)
        raise ApiError("NOT_FOUND")
    if etags is not None and task.etag not in etags:
        raise ApiError("PRECONDITION_FAILED")
    return task


def as_dict(row: Row[Any]) -> dict[str, Any]:
    """The fields of a row. It was checked when it was stored, so it goes out as it is."""
    # Behind its fields a row has the ETag and, in a list, the total.
    fields = dict(zip(FIELDS, row, strict=False))
    fields["is_completed"] = fields["completed"]
    return fields


def task_response(row: Row[Any], **more: Any) -> Response:
    """An answer of one task with its ETag, and of more fields by their names."""
    return Response(
        to_json(as_dict(row) | more),
        headers={"ETag": f'"{row.etag}"'},
        media_type="application/json",
    )


# To build a statement costs more than to run it, so the frequent ones are made once, with
# parameters. On conflict an update that changes nothing: DO NOTHING would return no row.
CREATE_TASK = (
    insert(task_table)
    .on_conflict_do_update(index_elements=["user_id", "id"], set_={"etag": task_table.c.etag})
    .returning(*COLUMNS)
)

IdempotencyKey = Annotated[
    schemas.OptionalParameter[str],
    Header(
        pattern="^[ -~]{1,255}$",
        description="The same key again answers with the first task",
    ),
]
REPLAYED = {"model": schemas.TaskRead, "description": "An earlier call with this key made the task"}

# What /docs is prefilled with.
NEW_TASK_EXAMPLE = {
    "title": "Water the plants",
    "priority": "High",
    "due_date": "2027-01-04T08:00:00Z",
    "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO",
}
CHANGE_EXAMPLE = {"title": "Buy oat milk", "priority": "High"}


@tasks.post(
    "",
    status_code=201,
    response_model=schemas.TaskRead,
    responses=error_docs("VALIDATION_ERROR", "PAYLOAD_TOO_LARGE") | {200: REPLAYED},
)
def create_task(
    body: Annotated[schemas.TaskCreate, Body(examples=[NEW_TASK_EXAMPLE])],
    caller: CurrentCaller,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Create a task."""
    check_that_rule_matches(body.recurrence_rule)
    values = new_task(body, caller, idempotency_key)
    try:
        with Session(autocommit) as session:
            row = session.exec(CREATE_TASK, params=values).one()
    except IntegrityError:
        # A user of an outside issuer may have no row yet: once more, with one.
        with Session(engine) as session:
            create_user(session, caller)
            row = session.exec(CREATE_TASK, params=values).one()
            session.commit()
    response = task_response(row)
    if row.etag != values["etag"]:
        # The row was there already.
        response.headers["Idempotent-Replayed"] = "true"
        return response
    response.status_code = 201
    root_path = request.scope["root_path"]
    response.headers["Location"] = f"{root_path}{TASK_PREFIXES[0]}{tasks.prefix}/{row.id}"
    return response


def check_that_rule_matches(rule: str | None) -> None:
    """Raises VALIDATION_ERROR for a rule that has no date; too slow for the event loop."""
    if rule is not None and not ever_matches(rule):
        raise validation_error({"field": "recurrence_rule", "message": "matches no date at all"})


def new_task(
    body: schemas.TaskCreate,
    caller: schemas.Caller,
    idempotency_key: str | None,
) -> dict[str, Any]:
    """The values of a new task, by the names of the columns."""
    now = utc_now()
    due_local = None
    if body.due_date is not None:
        zone = ZoneInfo(body.timezone)
        due_local = with_zone(local_time(body.due_date, zone), zone)
    return body.model_dump(exclude={"is_completed"}) | {
        "user_id": caller.user_id,
        "id": new_task_id(caller, idempotency_key),
        "etag": new_etag(),
        # A new task is open; if the two names disagree, the client has flipped one of them.
        "completed": body.completed or body.is_completed,
        "due_local": due_local,
        "created_at": now,
        "updated_at": now,
    }


def new_task_id(caller: schemas.Caller, idempotency_key: str | None) -> uuid.UUID:
    """The id of a new task. With a key always the same: the primary key keeps a second one out."""
    if idempotency_key is None:
        return uuid.uuid4()
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, caller.user_id)
    return uuid.uuid5(namespace, idempotency_key)


def ignore_case(words: ColumnElement[Any]) -> ColumnElement[Any]:
    """The words without letter case; a letter may have two small forms, or two capitals."""
    return func.upper(func.lower(words))


# The conditions of the filters, made once like the statements: what varies is a parameter.
POSITION = func.strpos if ON_POSTGRESQL else func.instr
TEXT = ignore_case(bindparam("q"))
HAS_TEXT = or_(
    POSITION(ignore_case(task_table.c.title), TEXT) > 0,
    POSITION(ignore_case(task_table.c.description), TEXT) > 0,
)
IS_COMPLETED = task_table.c.completed == bindparam("wants_completed")
HAS_PRIORITY = task_table.c.priority.in_(bindparam("priority"))
if ON_POSTGRESQL:
    # Containment of JSONB, which its GIN index serves.
    HAS_TAGS = task_table.c.tags.contains(bindparam("tags"))
else:
    # The same on SQLite, by has_tags below.
    HAS_TAGS = func.has_tags(task_table.c.tags, bindparam("tags", type_=JSON))
DUE_FROM = task_table.c.due_date >= bindparam("due_date_from")
DUE_TO = task_table.c.due_date <= bindparam("due_date_to")


@tasks.get(
    "",
    response_model=list[schemas.TaskRead],
    responses=error_docs("VALIDATION_ERROR"),
)
def list_tasks(
    caller: CurrentCaller,
    filters: Annotated[schemas.TaskFilter, Query()],
) -> Response:
    """Find tasks: search, filter, sort and page through them."""
    page, count = select_page(conditions(filters), filters.sort_by, filters.sort_order)
    values = filters.model_dump() | {
        "own_user_id": caller.user_id,
        "wants_completed": filters.wants_completed,
    }
    total = 0
    with Session(autocommit) as session:
        rows = session.exec(page, params=values).all()
        if rows:
            total = rows[0][-1]
        elif filters.offset:
            # A page past the end has no row to carry the total.
            total = session.exec(count, params=values).one()
        if not total:
            check_account(session, caller)
    return Response(
        to_json([as_dict(row) for row in rows]),
        headers={"X-Total-Count": str(total)},
        media_type="application/json",
    )


def conditions(filters: schemas.TaskFilter) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the filters that are set."""
    where: list[ColumnElement[bool]] = [OWN]
    if filters.q:
        where.append(HAS_TEXT)
    if filters.wants_completed is not None:
        where.append(IS_COMPLETED)
    if filters.priority:
        where.append(HAS_PRIORITY)
    if filters.tags:
        where.append(HAS_TAGS)
    if filters.due_date_from:
        where.append(DUE_FROM)
    if filters.due_date_to:
        where.append(DUE_TO)
    return tuple(where)


# The sort keys that are more than a column.
SORT_KEYS: dict[str, ColumnElement[Any]] = {
    "priority": case(
        {Priority.HIGH: 3, Priority.MEDIUM: 2, Priority.LOW: 1},
        value=task_table.c.priority,
    ),
    "title": func.lower(task_table.c.title),
}


# The statement for the same conditions need not be built twice.
@lru_cache(maxsize=256)
def select_page(
    where: tuple[ColumnElement[bool], ...],
    sort_by: str,
    sort_order: str,
) -> tuple[Any, Any]:
    """The statement of a page, whose rows carry the total, and that of the total alone."""
    count = select(func.count()).select_from(task_table).where(*where)
    key = SORT_KEYS.get(sort_by, task_table.c[sort_by])
    order = key.desc()
    if sort_order == "asc":
        order = key.asc()
    if sort_by == "due_date":
        order = order.nulls_last()
    columns = [*COLUMNS, count.scalar_subquery()]
    page = (
        select(*columns)
        .where(*where)
        # Equal keys are ordered by id, so that pages never overlap.
        .order_by(order, task_table.c.id)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
    return page, count


GET_TASK = select(*COLUMNS).where(*OWN_TASK)


def read_etags(lines: list[str]) -> list[str] | None:
    """The tags of If-Match or If-None-Match; None for `*`, which is any version.

    A weak tag counts as the strong one, of which a compressing proxy made it.
    """
    if [line.strip() for line in lines] == ["*"]:
        return None
    # Nobody sends more than 100, and each costs the database a comparison.
    return re.findall('"([^"]*)"', ",".join(lines))[:100]


ETags = Annotated[schemas.OptionalParameter[list[str]], BeforeValidator(read_etags)]
IfNoneMatch = Annotated[
    ETags,
    Header(alias="If-None-Match", description="Answer 304 while the task has this ETag"),
]
NO_ETAGS: list[str] = []


@tasks.get(
    "/{task_id:uuid}",
    response_model=schemas.TaskRead,
    responses=error_docs("NOT_FOUND") | {304: {"description": "Not changed since"}},
)
def get_task(
    task_id: uuid.UUID,
    caller: CurrentCaller,
    etags: IfNoneMatch = NO_ETAGS,
) -> Response:
    """Get one task."""
    values = {"own_user_id": caller.user_id, "own_task_id": task_id}
    with Session(autocommit) as session:
        row = session.exec(GET_TASK, params=values).one_or_none()
        if row is None:
            check_account(session, caller)
            raise ApiError("NOT_FOUND")
    if etags is None or row.etag in etags:
        return Response(status_code=304, headers={"ETag": f'"{row.etag}"'})
    return task_response(row)


# None is any version.
IfMatch = Annotated[
    ETags,
    Header(alias="If-Match", description="Change the task only while it has this ETag"),
]
CHANGE_ERRORS = error_docs(
    "VALIDATION_ERROR", "NOT_FOUND", "PRECONDITION_FAILED", "PAYLOAD_TOO_LARGE"
)


@tasks.put(
    "/{task_id:uuid}",
    response_model=schemas.TaskRead,
    responses=CHANGE_ERRORS,
)
def put_task(
    task_id: uuid.UUID,
    body: Annotated[schemas.TaskCreate, Body(examples=[CHANGE_EXAMPLE])],
    caller: CurrentCaller,
    etags: IfMatch = None,
) -> Response:
    """Change a task by a form that has its title; what is left out keeps its value."""
    check_that_rule_matches(body.recurrence_rule)
    changed = change_task(caller, task_id, body.changes(), etags)
    return task_response(changed.row)


@tasks.patch(
    "/{task_id:uuid}",
    response_model=schemas.TaskRead,
    responses=CHANGE_ERRORS,
)
def patch_task(
    task_id: uuid.UUID,
    body: Annotated[schemas.TaskUpdate, Body(examples=[CHANGE_EXAMPLE])],
    caller: CurrentCaller,
    etags: IfMatch = None,
) -> Response:
    """Change only what is sent; null clears what may be null."""
    check_that_rule_matches(body.recurrence_rule)
    changed = change_task(caller, task_id, body.changes(), etags)
    return task_response(changed.row)


@tasks.patch("/{task_id:uuid}/complete", include_in_schema=False)
@tasks.patch("/{task_id:uuid}/toggle", include_in_schema=False)
@tasks.post(
    "/{task_id:uuid}/toggle",
    response_model=schemas.TaskToggled,
    responses=CHANGE_ERRORS,
)
def toggle_task(
    task_id: uuid.UUID,
    caller: CurrentCaller,
    etags: IfMatch = None,
    body: Annotated[schemas.TaskToggle | None, Body(examples=[{}])] = None,
) -> Response:
    """Complete or reopen a task; completing a recurring one makes its next occurrence."""
    body = body or schemas.TaskToggle()
    changed = change_task(caller, task_id, body.changes(), etags)
    next_task = None
    if changed.next_row is not None:
        next_task = as_dict(changed.next_row)
    return task_response(changed.row, next_task=next_task)


# The columns to change are those that the parameters name.
UPDATE_TASK = update(task_table).where(*OWN_TASK).returning(*COLUMNS)
# Completing or reopening a recurring task also makes or deletes its next occurrence, which one
# statement can't do: these two leave such a task alone.
RECURS = or_(task_table.c.is_recurring, bindparam("set_recurring", type_=Boolean))
SET_COMPLETED = UPDATE_TASK.where(
    or_(not_(RECURS), task_table.c.completed == bindparam("set_completed")),
).values(completed=bindparam("set_completed"))
FLIP_COMPLETED = UPDATE_TASK.where(not_(RECURS)).values(completed=not_(task_table.c.completed))


class Changed(NamedTuple):
    """A task after a change, and the next occurrence that the change made."""

    row: Row[Any]
    next_row: Row[Any] | None


def change_task(
    caller: schemas.Caller,
    task_id: uuid.UUID,
    changes: dict[str, Any],
    etags: list[str] | None,
) -> Changed:
    """Changes a task, in one statement unless a recurring one is completed or reopened.

    NOT_FOUND when there is none, PRECONDITION_FAILED when it has none of the ETags.
    """
    statement = UPDATE_TASK
    values = {"own_user_id": caller.user_id, "own_task_id": task_id} | changes
    if "completed" in changes:
        statement = FLIP_COMPLETED
        completed = values.pop("completed")
        values["set_recurring"] = changes.get("is_recurring", False)
        if completed != schemas.FLIP:
            statement = SET_COMPLETED
            values["set_completed"] = completed
    if etags is not None:
        statement = statement.where(task_table.c.etag.in_(etags))
    while True:
        with Session(autocommit) as session:
            row = session.exec(statement, params=values).one_or_none()
            if row is not None:
                return Changed(row, next_row=None)
            task = find_task(session, caller, task_id, etags)
        changed = complete_or_reopen(task, changes)
        if changed is not None:
            return changed


def complete_or_reopen(task: Task, changes: dict[str, Any]) -> Changed | None:
    """Completes or reopens a recurring task; None when it must be looked at once more.

    Its state may be the wanted one already, or somebody has changed it meanwhile.
    """
    # FLIP equals neither state.
    if changes.get("completed", task.completed) == task.completed:
        return None
    if task.completed:
        return reopen(task, changes | {"completed": False})
    return complete(task, changes | {"completed": True})


CREATE_NEXT_TASK = insert(task_table).on_conflict_do_nothing().returning(*COLUMNS)


def complete(task: Task, changes: dict[str, Any]) -> Changed | None:
    """Completes a task and makes its next occurrence, both or neither; None: it has changed."""
    task.sqlmodel_update(changes)
    next_task = task.next_occurrence(utc_now())
    next_row = None
    with Session(engine) as session:
        row = update_unchanged(session, task, changes)
        if row is None:
            return None
        if next_task is not None:
            next_row = session.exec(CREATE_NEXT_TASK, params=next_task.model_dump()).one_or_none()
        session.commit()
    return Changed(row, next_row)


def reopen(task: Task, changes: dict[str, Any]) -> Changed | None:
    """Reopens a task and deletes its next occurrence if that is untouched; None: it has changed."""
    untouched = (
        col(Task.user_id) == task.user_id,
        col(Task.id) == task.next_id,
        col(Task.updated_at) == Task.created_at,
    )
    with Session(engine) as session:
        row = update_unchanged(session, task, changes)
        if row is None:
            return None
        session.exec(delete(Task).where(*untouched))
        session.commit()
    return Changed(row, next_row=None)


def update_unchanged(session: Session, task: Task, changes: dict[str, Any]) -> Row[Any] | None:
    """Updates the version that was read (optimistic locking); None when there is a newer one.

    It takes the user's lock first.
    """
    lock_user(session, task.user_id)
    statement = UPDATE_TASK.where(task_table.c.etag == task.etag)
    values = {"own_user_id": task.user_id, "own_task_id": task.id} | changes
    return session.exec(statement, params=values).one_or_none()


def lock_user(session: Session, user_id: str) -> None:
    """Lets one transaction of a user at a time complete, reopen or delete the account.

    Otherwise two of them may wait for each other's rows (deadlock). SQLite has one at a time.
    """
    if ON_POSTGRESQL:
        user_number = func.hashtextextended(user_id, 0)
        session.exec(select(func.pg_advisory_xact_lock(user_number)))


@tasks.delete(
    "/{task_id:uuid}",
    status_code=204,
    responses=error_docs("NOT_FOUND", "PRECONDITION_FAILED"),
)
def delete_task(task_id: uuid.UUID, caller: CurrentCaller, etags: IfMatch = None) -> None:
    """Delete a task."""
    statement = delete(task_table).where(*OWN_TASK)
    if etags is not None:
        statement = statement.where(task_table.c.etag.in_(etags))
    values = {"own_user_id": caller.user_id, "own_task_id": task_id}
    with Session(autocommit) as session:
        deleted = session.exec(statement, params=values).rowcount
        if not deleted:
            find_task(session, caller, task_id, etags)
            # It was not there, and is now.
            raise ApiError("NOT_FOUND")


# ---------------------------------------------------------------- accounts


async def forbid_caching(request: Request) -> None:
    """Has the answer stored by no cache: it holds tokens or e-mails."""
    request.state.cache_control = "no-store"


accounts = APIRouter(
    tags=["accounts"],
    dependencies=[Depends(forbid_caching)],
    responses=error_docs("DATABASE_UNAVAILABLE"),
)

hasher = PasswordHash.recommended()
# Two passwords are hashed at once: each takes 64 MiB and a core for a fifth of a second.
HASHING = CapacityLimiter(2)
# Some twenty seconds of hashing.
MAX_WAITING = 200
# The rate limit: failed sign-ins for one e-mail from one address, within so many seconds.
MAX_FAILURES = 10
FAILURE_SECONDS = 60
# When sign-ins failed lately, in order, with the e-mail and the address.
failed_sign_ins: deque[tuple[float, str, str]] = deque(maxlen=10_000)


@asynccontextmanager
async def turn_to_hash(request: Request) -> AsyncIterator[None]:
    """Waits until a password may be hashed; TOO_MANY_REQUESTS when too many wait."""
    if HASHING.statistics().tasks_waiting >= MAX_WAITING:
        raise ApiError("TOO_MANY_REQUESTS", reason="too many wait")
    async with HASHING:
        # Nobody would read the answer.
        if await request.is_disconnected():
            raise ApiError("TOO_MANY_REQUESTS", reason="the caller has gone")
        yield


# Every route of this router hashes a password in its turn.
passwords = APIRouter(
    responses=error_docs("VALIDATION_ERROR", "PAYLOAD_TOO_LARGE", "TOO_MANY_REQUESTS"),
)


@passwords.post("/register", include_in_schema=False, status_code=201)
@passwords.post(
    "/signup",
    status_code=201,
    responses=error_docs("EMAIL_TAKEN"),
)
async def sign_up(body: schemas.SignUp, request: Request) -> schemas.TokenRead:
    """Make an account and sign in."""
    async with turn_to_hash(request):
        return await run_in_threadpool(create_account, body)


def create_account(body: schemas.SignUp) -> schemas.TokenRead:
    """A token of a new account; raises EMAIL_TAKEN."""
    user = User(
        id=str(uuid.uuid4()),
        email=body.email,
        name=body.name,
        password_hash=hasher.hash(body.password),
    )
    with Session(autocommit) as session:
        session.add(user)
        try:
            # It commits by itself.
            session.flush()
        except IntegrityError as error:
            if "email" not in first_line(error):
                raise
            raise ApiError("EMAIL_TAKEN") from None
    return new_token(user)


@passwords.post("/login", include_in_schema=False)
@passwords.post(
    "/signin",
    responses=error_docs("INVALID_CREDENTIALS"),
)
async def sign_in(body: schemas.SignIn, request: Request) -> schemas.TokenRead:
    """Get a token for e-mail and password."""
    address = ""
    # Behind a proxy it is the client's where uvicorn trusts the proxy: FORWARDED_ALLOW_IPS.
    if request.client is not None:
        address = request.client.host
    async with turn_to_hash(request):
        return await run_in_threadpool(authenticate, body, address)


def authenticate(body: schemas.SignIn, address: str) -> schemas.TokenRead:
    """A token of an account; INVALID_CREDENTIALS is the same, at the same cost, for any reason."""
    check_sign_in_limit(body.email, address)
    with Session(autocommit) as session:
        user = session.exec(select(User).where(User.email == body.email)).one_or_none()
    password_hash = dummy_hash()
    if user is not None and user.password_hash is not None:
        password_hash = user.password_hash
    is_right = hasher.verify(body.password, password_hash)
    if user is None or not is_right:
        failed_sign_ins.append((time.monotonic(), body.email, address))
        raise ApiError("INVALID_CREDENTIALS")
    return new_token(user)


def check_sign_in_limit(email: str, address: str) -> None:
    """A rate limit: raises TOO_MANY_REQUESTS after too many failed sign-ins."""
    since = time.monotonic() - FAILURE_SECONDS
    recent = [who for failed_at, *who in tuple(failed_sign_ins) if failed_at > since]
    if recent.count([email, address]) >= MAX_FAILURES:
        raise ApiError("TOO_MANY_REQUESTS")


@cache
def dummy_hash() -> str:
    """What the password for an unknown e-mail is compared with, so that it costs the same."""
    return hasher.hash(secrets.token_hex())


# Here a wrong password is a 400 too (RFC 6749, 5.2).
OAUTH_ERRORS = error_docs(
    "VALIDATION_ERROR",
    "PAYLOAD_TOO_LARGE",
    "TOO_MANY_REQUESTS",
    "DATABASE_UNAVAILABLE",
    model=schemas.OAuthError,
)
OAUTH_ERRORS["default"] = {"model": schemas.OAuthError, "description": "Any other error"}


@passwords.post("/token", responses=OAUTH_ERRORS)
async def get_token(
    form: Annotated[schemas.SignIn, Form()],
    request: Request,
) -> schemas.TokenRead:
    """Get a token as OAuth2 does, for the Authorize button."""
    return await sign_in(form, request)


accounts.include_router(passwords)


def new_token(user: User) -> schemas.TokenRead:
    """A token that says who the user is, and the user."""
    lifetime = settings.jwt_expire_minutes * 60
    claims = {
        "sub": user.id,
        "exp": int(time.time()) + lifetime,
        schemas.ACCOUNT_CLAIM: True,
    }
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return schemas.TokenRead(
        access_token=jwt.encode(claims, SECRET_KEY, settings.jwt_algorithm),
        token_type="bearer",
        expires_in=lifetime,
        user=schemas.UserRead.model_validate(user, from_attributes=True),
    )


@accounts.get("/me", response_model=schemas.UserRead, responses=error_docs("UNAUTHORIZED"))
def get_me(caller: CurrentCaller) -> User:
    """Show who is signed in."""
    with Session(autocommit) as session:
        user = session.get(User, caller.user_id)
        if user is None:
            user = create_user(session, caller)
        return user


@accounts.delete("/me", status_code=204, responses=error_docs("UNAUTHORIZED"))
def delete_me(caller: CurrentCaller) -> None:
    """Delete the account and all its tasks."""
    with Session(engine) as session:
        lock_user(session, caller.user_id)
        deleted = session.exec(delete(User).where(col(User.id) == caller.user_id)).rowcount
        session.commit()
    if not deleted and caller.has_account:
        raise ApiError("UNAUTHORIZED", "This account was deleted")


def create_user(session: Session, caller: schemas.Caller) -> User:
    """Gives a user of an outside issuer a row, before what belongs to them is stored.

    In a transaction nobody can delete it before the end.
    """
    check_account(session, caller)
    new_user = insert(User).values(id=caller.user_id)
    statement = new_user.on_conflict_do_update(index_elements=["id"], set_={"id": User.id})
    return session.scalars(statement.returning(User)).one()


def check_account(session: Session, caller: schemas.Caller) -> None:
    """Raises UNAUTHORIZED when the account is deleted: its token is worth nothing any more."""
    if caller.has_account and session.get(User, caller.user_id) is None:
        raise ApiError("UNAUTHORIZED", "This account was deleted")


# The order of looking: what is called most, then routers and routes of your own, FastAPI's pages.
pages = app.router.routes[:]
app.router.routes.clear()
for prefix in TASK_PREFIXES:
    app.include_router(tasks, prefix=prefix, include_in_schema=prefix == TASK_PREFIXES[0])
for prefix in ACCOUNT_PREFIXES:
    app.include_router(accounts, prefix=prefix, include_in_schema=prefix == ACCOUNT_PREFIXES[0])
app.router.routes.extend(pages)

# ---------------------------------------------------------------- health


@app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def root(request: Request) -> RedirectResponse:
    """Leads to /docs."""
    return RedirectResponse(f"{request.scope['root_path']}/docs")


@app.head("/health", include_in_schema=False)
@app.get("/health", tags=["health"])
async def health() -> dict[str, str]:
    """Tell that the process serves; it never waits for the database."""
    return {"status": "ok"}


@app.head("/health/ready", include_in_schema=False)
@app.get(
    "/health/ready",
    tags=["health"],
    responses=error_docs("DATABASE_UNAVAILABLE"),
)
def ready() -> dict[str, str]:
    """Tell whether the database answers and has its tables."""
    if not app.state.has_tables:
        raise ApiError("DATABASE_UNAVAILABLE")
    with Session(autocommit) as session:
        session.exec(select(User.id).limit(1)).first()
    return {"status": "ok"}


# ================================================================ machine room
# ---------------------------------------------------------------- keys of an issuer

# The algorithms of an outside issuer, by the type and the curve of a key (RFC 7518, RFC 8037).
ALGORITHMS = {
    ("RSA", None): ("RS256", "RS384", "RS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    # The second one is its new name (RFC 9864).
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
# Seconds. When a fetch fails, the known keys stay in use.
KEYS_REFRESH_AFTER = 300  # From then on they are fetched in the background.
KEYS_EXPIRE_AFTER = 600  # From then on a request waits for the fetch.
REFETCH = 10  # Between two fetches for an unknown key.
FETCH_TIMEOUT = 5


class Ed25519Key(Key):
    """Verifies EdDSA signatures (RFC 8037), which python-jose can't."""

    def __init__(self, key: dict[str, str], _algorithm: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64url_decode(key["x"].encode()))

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True for a good signature; for another one cryptography raises InvalidSignature."""
        self._key.verify(signature, message)
        return True


jwk.register_key("EdDSA", Ed25519Key)
jwk.register_key("Ed25519", Ed25519Key)


class IssuerKeys:
    """The public keys that JWT_JWKS_URL publishes (RFC 7517)."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        # So long ago that the first call fetches.
        self.tried_at = float(-KEYS_EXPIRE_AFTER)
        self.fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None, algorithm: str) -> str:
        """A JWKS of the keys that may have signed such a token.

        UNAUTHORIZED when there is none, ISSUER_UNAVAILABLE when the issuer has no keys at all.
        """
        if settings.jwt_jwks_url is None:
            raise ApiError("UNAUTHORIZED", reason="algorithm")
        keys = self.matching(key_id, algorithm)
        age = time.monotonic() - self.tried_at
        if age >= KEYS_EXPIRE_AFTER or (not keys and age > REFETCH):
            await asyncio.shield(self.start_fetch())
            keys = self.matching(key_id, algorithm)
        elif age > KEYS_REFRESH_AFTER:
            self.start_fetch()
        if not self.keys:
            raise ApiError("ISSUER_UNAVAILABLE")
        if not keys:
            raise ApiError("UNAUTHORIZED", reason="unknown key")
        return json.dumps({"keys": keys})

    def matching(self, key_id: str | None, algorithm: str) -> list[dict[str, Any]]:
        """The known keys of this id and for this algorithm; a token need not name its key."""
        found = []
        for key in self.keys:
            algorithms = ALGORITHMS.get((key.get("kty", ""), key.get("crv")), ())
            named = key.get("alg") or algorithm
            # Either of its two names serves EdDSA.
            is_meant = named == algorithm or key.get("kty") == "OKP"
            if algorithm in algorithms and is_meant and key_id in (None, key.get("kid")):
                found.append(key)
        return found

    def start_fetch(self) -> asyncio.Task[None]:
        """Starts a fetch unless one is under way, and returns it."""
        if self.fetching is None or self.fetching.done():
            self.fetching = asyncio.create_task(self.fetch())
        return self.fetching

    async def fetch(self) -> None:
        """Fetches the keys; while that fails, the known ones go on working."""
        try:
            with fail_after(FETCH_TIMEOUT):
                keys = await to_thread.run_sync(download_keys, abandon_on_cancel=True)
            self.keys = [key for key in keys if key.get("use", "sig") == "sig"]
        except Exception as error:
            reason = f"{type(error).__name__} {error}"
            log.warning("issuer keys unavailable: %s: %s", settings.jwt_jwks_url, reason)
        self.tried_at = time.monotonic()


def download_keys() -> list[dict[str, Any]]:
    """The keys that the issuer publishes now."""
    # Some issuers refuse urllib by its name.
    headers = {"User-Agent": "task-api"}
    request = urllib.request.Request(str(settings.jwt_jwks_url), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT) as response:
            keys: list[dict[str, Any]] = json.load(response)["keys"]
    except HTTPError as error:
        # It holds the connection.
        error.close()
        raise
    return keys


issuer_keys = IssuerKeys()

# ---------------------------------------------------------------- error handlers


@app.exception_handler(HTTPException)
async def handle_http_exception(request: Request, error: HTTPException) -> Response:
    """Answers an ApiError, or an error of Starlette: no such path or method, a bad body."""
    if error.status_code == 400 and not isinstance(error, ApiError):
        error = validation_error({"field": "body", "message": str(error.detail)})
    code = getattr(error, "code", HTTPStatus(error.status_code).name)
    status = error.status_code
    # A route of your own may raise with something else than a text.
    detail = str(error.detail)
    body: dict[str, Any] = {"detail": detail, "code": code}
    request.state.error = {"code": code, "detail": detail}
    reason = getattr(error, "reason", None)
    if reason is not None:
        request.state.error["reason"] = reason
    if request.scope["path"].endswith("/auth/token"):
        # The shape that the Authorize button of /docs can show.
        body["error"] = OAUTH_NAMES.get(code, code.lower())
        body["error_description"] = detail
        if status == 401:
            status = 400
    else:
        details = getattr(error, "details", None)
        body["error"] = {"code": code, "message": detail, "details": details}
    return JSONResponse(body, status, error.headers)


@app.exception_handler(RequestValidationError)
async def handle_invalid_request(request: Request, error: RequestValidationError) -> Response:
    """A 400 that names each bad field; FastAPI's own handler answers 422 and repeats the input."""
    details = []
    for problem in error.errors():
        place, *path = problem["loc"]
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "json_invalid":
            path = []
            message = "is not valid JSON"
        elif not path:
            message = "must be a JSON object, sent with Content-Type: application/json"
        field = ".".join(map(str, path)) or place
        details.append({"field": field, "message": message})
    return await handle_http_exception(request, validation_error(*details))


@app.exception_handler(DBAPIError)
async def handle_database_error(request: Request, error: DBAPIError) -> Response:
    """A 400 for a constraint of DATABASE_RULES; raises what is a fault of ours; else a 503."""
    reason = first_line(error)
    if isinstance(error, IntegrityError):
        for name, (field, message) in DATABASE_RULES.items():
            if name in reason.lower():
                detail = {"field": field, "message": message}
                return await handle_http_exception(request, validation_error(detail))
    if is_our_fault(error) and not app.state.waits_for_database:
        raise error
    log.warning("database unavailable: %s", reason)
    return await handle_http_exception(request, ApiError("DATABASE_UNAVAILABLE"))


def is_our_fault(error: Exception) -> bool:
    """Whether a statement or the schema is wrong; any other error passes by itself."""
    if isinstance(error, IntegrityError | ProgrammingError | DataError | SchemaError):
        return True
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR


def first_line(error: Exception) -> str:
    """The first line of an error: in the next ones a database repeats the row."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


async def handle_crash(request: Request, error: Exception) -> Response:
    """A 500; the traceback goes to the log, without the values of a database error."""
    if isinstance(error, DBAPIError):
        error.args = (first_line(error),)
        error.__cause__ = None
        error.__context__ = None
    fields = {"request_id": request.state.request_id}
    log.error("%s: %s", type(error).__name__, first_line(error), exc_info=error, extra=fields)
    return await handle_http_exception(request, ApiError("INTERNAL_ERROR"))


# ---------------------------------------------------------------- middleware

MAX_BODY = 64 * 1024
# A form takes longer to read.
MAX_FORM = 8 * 1024
# Of the query and the headers together, and of parameters and headers each.
MAX_HEAD = 32 * 1024
MAX_HEAD_PARTS = 100
# Characters of a path or an origin that the log holds.
MAX_LOGGED = 200


def limit_head(app: ASGIApp) -> ASGIApp:
    """A middleware that raises VALIDATION_ERROR for a query or headers longer than needed."""

    async def app_with_limit(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_head_too_long(scope):
            message = "query and headers must not be larger than 32 KiB, nor more than 100 each"
            raise validation_error({"field": "head", "message": message})
        await app(scope, receive, send)

    return app_with_limit


def is_head_too_long(scope: Scope) -> bool:
    """Whether the query and the headers are longer, or more, than anybody needs."""
    headers = scope["headers"]
    query = scope["query_string"]
    size = len(query) + sum(len(name) + len(value) for name, value in headers)
    parts = max(len(headers), query.count(b"&") + 1)
    return size > MAX_HEAD or parts > MAX_HEAD_PARTS


class RequestContextMiddleware:
    """Gives every request an id, standing headers, a limit to its body, an access log line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and logs it behind its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        state["request_id"] = find_request_id(request_headers)
        log_fields = {"method": scope["method"], "path": scope["path"][:MAX_LOGGED]}
        scope["path"] = scope["path"].rstrip("/")
        # Only the first page keeps the slash at its end.
        if scope["path"] == scope["root_path"]:
            scope["path"] += "/"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(standing_headers(scope, request_headers))
                log_fields["status"] = message["status"]
                if is_refused_origin(request_headers, headers):
                    hint = cors_hint(request_headers["origin"][:MAX_LOGGED])
                    state.setdefault("error", {})["hint"] = hint
            await send(message)

        await self.app(scope, limit_body(receive, request_headers), send_with_headers)
        log_fields["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
        # A handler of errors has left there what it answered.
        log_request(log_fields | state.get("error", {}), state)


def log_request(fields: dict[str, Any], state: dict[str, Any]) -> None:
    """Writes a line of the access log, whose words are these fields."""
    line = " ".join(map(str, fields.values()))
    ids = {"request_id": state["request_id"], "user_id": state.get("user_id")}
    log.info(line, extra=fields | ids)


def find_request_id(headers: Headers) -> str:
    """The id that the request brought, when it is harmless, or a new one."""
    brought = headers.get("x-request-id", "")
    if re.fullmatch("[A-Za-z0-9._-]{1,64}", brought):
        return brought
    return uuid.uuid4().hex


def limit_body(receive: Receive, headers: Headers) -> Receive:
    """Receives a body of MAX_BODY bytes or a form of MAX_FORM; PAYLOAD_TOO_LARGE for more."""
    size = 0
    limit = MAX_BODY
    if "form" in headers.get("content-type", ""):
        limit = MAX_FORM

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise ApiError("PAYLOAD_TOO_LARGE")
        return message

    return receive_limited


def standing_headers(scope: Scope, request_headers: Headers) -> dict[str, str]:
    """The headers that every answer has."""
    headers = {
        "X-Request-ID": scope["state"]["request_id"],
        "X-Content-Type-Options": "nosniff",
        # A cache must ask again, so that the ETag of a task is of use.
        "Cache-Control": scope["state"].get("cache_control", "private, no-cache"),
    }
    host = request_headers.get("host", "").partition(":")[0]
    # It would hold for every other page of the developer's own machine too.
    if scope["scheme"] == "https" and host not in ("localhost", "127.0.0.1"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def is_refused_origin(request_headers: Headers, headers: MutableHeaders) -> bool:
    """Whether a browser will refuse this answer to the page that asked."""
    origin = request_headers.get("origin")
    if origin is None or "access-control-allow-origin" in headers:
        return False
    # A page of this host itself, such as /docs, needs no permission.
    return not origin.endswith(f"//{request_headers.get('host')}")


def cors_hint(origin: str) -> str:
    """What to do about a page that a browser refused."""
    # A page from a file, which some web views call file://, has no name that a setting could take.
    if origin == "null" or origin.endswith("://"):
        return "a browser was refused: serve the page, for example by: python -m http.server"
    return f"a browser was refused: add {origin} to CORS_ORIGINS if the page there is yours"


# Without a setting any port of this machine may call.
local_origins = None
if not settings.cors_origins:
    local_origins = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"

# The last one is the outermost. A crash is answered within the others: it needs their headers.
app.add_middleware(limit_head)
outer_handlers: Any = {HTTPException: handle_http_exception, Exception: handle_crash}
app.add_middleware(ExceptionMiddleware, handlers=outer_handlers)
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.cors_origins,
    allow_origin_regex=local_origins,
    allow_credentials=True,
    allow_methods=("*",),
    allow_headers=("*",),
    expose_headers=(
        "ETag",
        "Idempotent-Replayed",
        "Location",
        "Retry-After",
        "X-Request-ID",
        "X-Total-Count",
    ),
)
app.add_middleware(RequestContextMiddleware)

# ---------------------------------------------------------------- database

# Seconds to wait for an answer of the database, and then to tell everybody that it is away.
DB_TIMEOUT = 5
DB_RETRY = 1
SQLITE_FILE = Path(settings.database_url.database or "")
# Windows has no poll, and epoll takes three more calls for a single connection.
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
circuit_open_until = 0.0
# Seconds, seconds, tries: otherwise a network forgets idle connections, and nobody notices.
KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3}


# While the tables are not made, a missing table is no fault of ours.
app.state.has_tables = False
app.state.waits_for_database = True


class SchemaError(Exception):
    """What is wrong with the database, in words for its owner."""


async def create_tables_when_possible() -> None:
    """Makes the tables as soon as that works; a database that is away does not stop the start."""
    app.state.has_tables = False
    told = ""
    while not app.state.has_tables:
        try:
            await to_thread.run_sync(create_tables)
            app.state.has_tables = True
            app.state.waits_for_database = False
        except Exception as error:
            app.state.waits_for_database = not is_our_fault(error)
            line = f"database unavailable: {first_line(error)}"
            level = logging.WARNING
            if not app.state.waits_for_database:
                line = f"the tables can't be made: {first_line(error)}"
                level = logging.ERROR
            if line != told:
                log.log(level, "%s", line)
            told = line
            await asyncio.sleep(DB_RETRY)


def create_tables() -> None:
    """Makes what is missing: tables, columns, their distribution. One worker at a time does it."""
    if not ON_POSTGRESQL:
        # check_sqlite_file would take a missing file for a deleted one.
        SQLITE_FILE.touch()
    with engine.begin() as connection:
        if ON_POSTGRESQL:
            # Any number, the same in every worker.
            connection.execute(text("SELECT pg_advisory_xact_lock(7461736)"))
            check_encoding(connection)
        SQLModel.metadata.create_all(connection)
        for table in SQLModel.metadata.sorted_tables:
            add_missing_columns(connection, table)
        if ON_POSTGRESQL:
            distribute_tables(connection)
            enable_row_level_security(connection)


def check_encoding(connection: Connection) -> None:
    """Raises SchemaError for a database that can't store every letter."""
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise SchemaError(f"the database is in {encoding}; make a new one WITH ENCODING 'UTF8'")


def add_missing_columns(connection: Connection, table: Table) -> None:
    """Adds the columns that a model has gained since, with their indexes; alters nothing else.

    Raises SchemaError for a column that can't be added, and for a table that is not ours.
    """
    quoted = connection.dialect.identifier_preparer
    stored = {found["name"]: found for found in inspect(connection).get_columns(table.name)}
    for name, found in stored.items():
        is_required = not found["nullable"] and found["default"] is None
        if is_required and name not in table.columns:
            raise SchemaError(
                f"the table {table.name} needs a value for {name}, which its model lacks: "
                "it is of another application; or, of a field that you have removed, run: "
                f"ALTER TABLE {quoted.format_table(table)} DROP COLUMN {quoted.quote(name)}"
            )
    missing = [column for column in table.columns if column.name not in stored]
    for column in missing:
        add_column(connection, column)
    for index in table.indexes:
        if any(column.name in index.columns for column in missing):
            index.create(connection)


def add_column(connection: Connection, column: Column[Any]) -> None:
    """Adds a column with its keys, and with the default of its field for the rows that are there.

    Raises SchemaError for one that can't be added.
    """
    quoted = connection.dialect.identifier_preparer
    table = quoted.format_table(column.table)
    definition = CreateColumn(column).compile(dialect=connection.dialect)
    statement = f"ALTER TABLE {table} ADD COLUMN {definition}"
    if column.default is not None:
        statement += f" DEFAULT {default_of(connection, column)}"
    elif not column.nullable and column.server_default is None:
        raise SchemaError(f"a new field needs a default; or run: {statement} DEFAULT …")
    for key in column.foreign_keys:
        if key.constraint is not None and len(key.constraint.elements) > 1:
            raise SchemaError(
                f"{column.name} is in a foreign key of several columns, which only a new table "
                f"can have; without the key run: {statement}"
            )
        referred = quoted.format_column(key.column)
        statement += f" REFERENCES {quoted.format_table(key.column.table)} ({referred})"
        if key.ondelete:
            statement += f" ON DELETE {key.ondelete}"
    connection.exec_driver_sql(statement)
    if column.unique and not column.index:
        name = quoted.quote(f"{column.table.name}_{column.name}_key")
        unique = f"CREATE UNIQUE INDEX {name} ON {table} ({quoted.format_column(column)})"
        connection.exec_driver_sql(unique)
    log.warning("added what the model has gained: %s", statement)


def default_of(connection: Connection, column: Column[Any]) -> str:
    """The default of a field, as SQL."""
    value = column.default.arg  # type: ignore[union-attr]
    if callable(value):
        value = value(None)
    default = literal(value, column.type)
    if isinstance(value, list | dict):
        # SQLAlchemy writes no JSON as a literal.
        default = literal(json.dumps(value))
    return str(default.compile(connection, compile_kwargs={"literal_binds": True}))


def distribute_tables(connection: Connection) -> None:
    """On Citus each user's tasks lie on one node, and the users on every node."""
    if not connection.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")):
        return
    distributed = "SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = 'tasks'::regclass"
    if not connection.scalar(text(distributed)):
        # Uniqueness over all nodes is what it can't promise.
        connection.execute(text("DROP INDEX IF EXISTS tasks_by_id"))
        connection.execute(text("SELECT create_reference_table('users')"))
        connection.execute(text("SELECT create_distributed_table('tasks', 'user_id')"))


def enable_row_level_security(connection: Connection) -> None:
    """Row level security, so that the public key of Supabase and its like reads nothing."""
    # Only their owner may close them.
    open_tables = text(
        "SELECT oid::regclass FROM pg_class "
        "WHERE relname = ANY(:names) AND pg_table_is_visible(oid) AND NOT relrowsecurity "
        "AND pg_has_role(relowner, 'USAGE') "
        "AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon')"
    )
    for name in connection.scalars(open_tables, {"names": list(SQLModel.metadata.tables)}):
        connection.execute(text(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"))


def limit_statement(
    _connection: object,
    _cursor: object,
    statement: str,
    parameters: object,
    *_: object,
) -> tuple[str, object]:
    """Has the server end a slow statement, so that what is answered 503 is not done later."""
    if statement.lstrip().startswith(("CREATE", "ALTER", "DROP")):
        # Citus takes these alone. They stand in a transaction that has its limit already.
        return statement, parameters
    limit = f"SET LOCAL statement_timeout = {DB_TIMEOUT * 1000:.0f}"
    # Moments go out in UTC, whatever the time zone of the server.
    return f"{limit}; SET LOCAL timezone = 'UTC'; {statement}", parameters


def wait_with_timeout(connection: Any) -> None:
    """Waits for the server in psycopg2's place, which would wait for a frozen one for ever."""
    global circuit_open_until
    # Both libraries count reading as 1 and writing as 2; POLL_OK is 0.
    while direction := connection.poll():
        with Selector() as selector:
            selector.register(connection, direction)
            # A second later than the server, which ends a slow statement by itself.
            if not selector.select(DB_TIMEOUT + 1):
                circuit_open_until = time.monotonic() + DB_RETRY
                raise psycopg2.OperationalError("the database is silent")


def connect_or_fail_fast(
    dialect: Dialect,
    _record: object,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """A circuit breaker: while connecting has just failed, nobody else waits for it."""
    global circuit_open_until
    if time.monotonic() < circuit_open_until:
        raise psycopg2.OperationalError("the database did not answer others just now")
    try:
        return dialect.connect(*arguments, **options | KEEPALIVES)
    # Some servers on Windows answer in an encoding of their own.
    except (psycopg2.Error, UnicodeError) as error:
        circuit_open_until = time.monotonic() + DB_RETRY
        raise psycopg2.OperationalError(str(error)) from None


def replace_closed_connection(connection: Any, *_: Any) -> None:
    """Raises InvalidatePoolError for a connection that the server has closed; asks nobody."""
    try:
        # The first poll reads why it was closed, the second finds it closed.
        connection.poll()
        connection.poll()
    except psycopg2.Error:
        raise InvalidatePoolError from None


def prepare_sqlite(connection: Any, _record: object) -> None:
    """Sets how long to wait for locks, readers beside a writer, foreign keys, and functions."""
    connection.execute(f"PRAGMA busy_timeout = {DB_TIMEOUT * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Its own lower() knows ASCII only.
    connection.create_function("lower", 1, casefold, deterministic=True)
    connection.create_function("has_tags", 2, has_tags, deterministic=True)


def casefold(value: str | None) -> str | None:
    """The text without letter case, for SQLite."""
    if value is None:
        return None
    return value.casefold()


def has_tags(tags: str, wanted: str) -> bool:
    """Whether all wanted tags are among these, for SQLite; both lists are JSON."""
    # A handler of your own may have stored a null.
    return set(json.loads(wanted)) <= set(json.loads(tags) or ())


def check_sqlite_file(_connection: Any, record: Any, *_: Any) -> None:
    """Has a file opened anew that was replaced; raises OperationalError when it is gone.

    What is written into a file that was deleted is lost without an error.
    """
    if not SQLITE_FILE.exists():
        raise sqlite3.OperationalError(
            "the SQLite file is gone; restart the service to begin with an empty one"
        )
    file = SQLITE_FILE.stat().st_ino
    # The first look is before it connects.
    if record.info.setdefault("file", file) != file:
        raise InvalidatePoolError


def begin_immediate(connection: Connection) -> None:
    """Locks the file first: sqlite3 would begin at the first write, when what was read is old."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


if ON_POSTGRESQL:
    set_wait_callback(wait_with_timeout)
    # A silent name server must not cost more than two seconds (resolv.conf(5)).
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:1")
    event.listen(autocommit, "do_connect", connect_or_fail_fast)
    event.listen(autocommit, "checkout", replace_closed_connection)
    event.listen(autocommit, "before_cursor_execute", limit_statement, retval=True)
else:
    event.listen(autocommit, "connect", prepare_sqlite)
    event.listen(autocommit, "do_connect", check_sqlite_file)
    event.listen(autocommit, "checkout", check_sqlite_file)
    event.listen(engine, "begin", begin_immediate)

# ---------------------------------------------------------------- log

# Every logger writes to standard output: for people on a terminal, elsewhere lines of JSON.
handler = logging.StreamHandler(sys.stdout)
if sys.stdout.isatty():
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
else:
    handler.setFormatter(
        JsonFormatter(
            ["levelname", "message"],
            timestamp="time",
            rename_fields={"levelname": "level", "exc_info": "traceback"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],
        )
    )
logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
# uvicorn's lines go the same way; its access log gives way to ours.
logging.getLogger("uvicorn").handlers.clear()
logging.getLogger("uvicorn").propagate = True
logging.getLogger("uvicorn.access").handlers.clear()
logging.getLogger("uvicorn.access").propagate = False

if __name__ == "__main__":
    # Proxies and clients keep idle connections for up to a minute; SIGTERM waits for 8 seconds.
    uvicorn.run(
        "main:app",
        host="0.0.0.0",
        port=settings.port,
        log_config=None,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=8,
    )
