"""What goes in and what comes out."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from models import AnyCasePriority, Moment, Storable, Tag, TaskBase, TimeZone, Title, ensure

# ---------------------------------------------------------------- tasks

# As the value of `completed`: the opposite of what is stored.
FLIP = "flip"
# Of these fields an empty text, as forms send it, is null.
EMPTY_IS_NULL = {"due_date", "reminder_at", "recurrence_rule", "timezone"}
# Of these fields null is as if left out.
NULL_IS_LEFT_OUT = {"completed", "is_completed", "priority", "tags", "timezone"}


def without_defaults(schema: dict[str, Any]) -> None:
    """Leaves the defaults out of the document: generated clients would insist on those fields."""
    for field in schema["properties"].values():
        field.pop("default", None)


class TaskCreate(TaskBase):
    """A new task; `is_completed` is another name for `completed`.

    What a client may not say, such as `user_id`, is ignored.
    """

    model_config = {"json_schema_extra": without_defaults}

    is_completed: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def read_form(cls, data: Any) -> Any:
        """Reads the empty fields of a form; a rule sets `is_recurring` unless that is sent."""
        if not isinstance(data, dict):
            return data
        form = {}
        for name, value in data.items():
            if name in EMPTY_IS_NULL and value == "":
                value = None
            if value is not None or name not in NULL_IS_LEFT_OUT:
                form[name] = value
        if "recurrence_rule" in form:
            form.setdefault("is_recurring", form["recurrence_rule"] is not None)
        return form

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, with the state under one name."""
        return merge_completed(self.model_dump(exclude_unset=True))


def merge_completed(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with `is_completed` under its other name.

    If the two names disagree, the client has flipped one of them and sent back the other as it
    read it: the stored state is to be flipped.
    """
    if "is_completed" in fields:
        other = fields.pop("is_completed")
        if fields.setdefault("completed", other) != other:
            fields["completed"] = FLIP
    return fields


class TaskUpdate(TaskCreate):
    """A change of the fields that are sent."""

    title: Title = ""


class TaskToggle(BaseModel):
    """The state to set, by either name; without it the state is flipped."""

    completed: StrictBool | None = None
    is_completed: StrictBool | None = None

    def changes(self) -> dict[str, Any]:
        """The state that was sent, or FLIP."""
        return {"completed": FLIP} | merge_completed(self.model_dump(exclude_none=True))


class TaskRead(TaskBase):
    """A task as it is answered; `is_completed` is another name for `completed`."""

    model_config = {"json_schema_serialization_defaults_required": True}

    is_completed: bool
    id: UUID
    user_id: str
    created_at: datetime
    updated_at: datetime


class TaskToggled(TaskRead):
    """A task, and the next occurrence that completing it made."""

    next_task: TaskRead | None


# ---------------------------------------------------------------- list


def without_null(schema: dict[str, Any]) -> None:
    """Leaves null out of the document: generated clients would send it as the text null."""
    types = schema.pop("anyOf")
    schema.update(types[0])


T = TypeVar("T")
# A parameter that may be left out.
OptionalParameter = Annotated[T | None, Field(json_schema_extra=without_null)]


def split_commas(values: list[str]) -> list[str]:
    """The values of a parameter that is repeated, or holds several; ValueError for more than 20."""
    parts = [part for part in ",".join(values).split(",") if part.strip()]
    if len(parts) > 20:
        raise ValueError("must hold at most 20 values")
    return parts


def end_of_day(value: str, info: ValidationInfo) -> str | datetime:
    """The last moment of a date without a time, or what has one as it is."""
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return value
    last = datetime.fromisoformat(f"{value}T23:59:59.999999")
    # fold=1: of a time that comes twice, when the clock goes back over it, the second.
    zone = ZoneInfo(info.data.get("timezone", "UTC"))
    return last.replace(tzinfo=zone, fold=1)


Separated = BeforeValidator(split_commas)


class TaskFilter(BaseModel):
    """Which tasks, in which order, and which page of them."""

    # The text below a field describes it in the document.
    model_config = {"use_attribute_docstrings": True}

    q: Annotated[str, Storable] = Field(
        default="",
        max_length=200,
        validation_alias=AliasChoices("q", "search"),
    )
    """Text in title or description; also `search`"""

    status: OptionalParameter[Literal["all", "pending", "completed", "true", "false"]] = None
    """The state; it wins over `completed`"""

    completed: OptionalParameter[bool] = None
    """The state, as a yes or no"""

    priority: Annotated[list[AnyCasePriority], Separated] = []
    """One or more, separated by commas or repeated"""

    tags: Annotated[list[Tag], Separated] = []
    """A task must have all of them; separated by commas or repeated"""

    timezone: TimeZone = "UTC"
    """Whose day and clock the two dates mean, such as Europe/Berlin"""

    due_date_from: OptionalParameter[Moment] = None
    """Due from this moment on"""

    due_date_to: OptionalParameter[Annotated[Moment, BeforeValidator(end_of_day)]] = None
    """Due until then; a date is the whole day"""

    sort_by: Literal["created_at", "updated_at", "due_date", "priority", "title"] = "created_at"
    """What to sort by"""

    sort_order: Literal["desc", "asc"] = "desc"
    """Of priorities `High` is the greatest; tasks without due date come last"""

    limit: int = Field(default=50, ge=1, le=100)
    """How many tasks at most"""

    offset: int = Field(default=0, ge=0, le=2**31)
    """How many tasks to pass over"""

    @model_validator(mode="before")
    @classmethod
    def read_parameters(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Drops what is empty, as a form sends it; `tags[]` means `tags`."""
        filled = {name: value for name, value in data.items() if value not in ("", [""])}
        for name in ("priority", "tags"):
            more = filled.pop(f"{name}[]", [])
            # FastAPI does not know this name, and makes a list only of several values.
            if isinstance(more, str):
                more = [more]
            filled[name] = filled.get(name, []) + more
        return filled

    @property
    def wants_completed(self) -> bool | None:
        """Whether completed or open tasks are wanted; None for both."""
        if self.status == "all":
            return None
        if self.status:
            return self.status in ("completed", "true")
        return self.completed


# ---------------------------------------------------------------- accounts


def like_an_address(email: str) -> bool:
    """Whether it may be an e-mail address: more only its mail server knows."""
    # max_length counted before it was in lower case, where it may be longer.
    if len(email) > 254:
        return False
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) is not None


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254),
    Storable,
]
NewEmail = Annotated[
    Email,
    ensure(like_an_address, "must be an e-mail address such as ada@example.com"),
    Field(json_schema_extra={"format": "email"}),
]
Password = Annotated[str, Storable]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Storable]


class SignIn(BaseModel):
    """The e-mail and password of an account; OAuth2 calls the e-mail `username`."""

    email: Email = Field(
        validation_alias=AliasChoices("email", "username"),
        examples=["grace@example.com"],
    )
    password: Password = Field(examples=["correct horse"])


class SignUp(BaseModel):
    """What a new account is made of."""

    email: NewEmail = Field(examples=["grace@example.com"])
    password: Password = Field(min_length=8, max_length=128, examples=["correct horse"])
    name: Name | None = Field(default=None, examples=["Grace"])


# Marks the tokens that are issued here.
ACCOUNT_CLAIM = "task_api_account"


def read_subject(value: Any) -> Any:
    """A whole number as its digits, anything else as it is."""
    if type(value) is int:
        return str(value)
    return value


class Caller(BaseModel):
    """Whom a token names, until when in Unix time, and whether by an account made here."""

    user_id: Annotated[str, BeforeValidator(read_subject), Storable] = Field(
        min_length=1,
        max_length=255,
        validation_alias=AliasChoices("sub", "user_id"),
    )
    expires_at: float = Field(validation_alias="exp", strict=True, allow_inf_nan=False)
    has_account: bool = Field(default=False, validation_alias=ACCOUNT_CLAIM)


class UserRead(BaseModel):
    """An account, without its password."""

    id: str
    email: str | None
    name: str | None
    created_at: datetime


class TokenRead(BaseModel):
    """A bearer token and whose it is; `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int
    user: UserRead


# ---------------------------------------------------------------- errors

ErrorCode = Literal[
    "VALIDATION_ERROR",
    "UNAUTHORIZED",
    "INVALID_CREDENTIALS",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "EMAIL_TAKEN",
    "PRECONDITION_FAILED",
    "PAYLOAD_TOO_LARGE",
    "TOO_MANY_REQUESTS",
    "INTERNAL_ERROR",
    "DATABASE_UNAVAILABLE",
    "ISSUER_UNAVAILABLE",
]


# For programs; a route of your own may have others.
AnyErrorCode = Annotated[
    str,
    WithJsonSchema({"type": "string", "enum": list(get_args(ErrorCode))}),
]


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ErrorDetail(BaseModel):
    """The error for programs."""

    code: AnyErrorCode
    message: str
    details: list[FieldError] | None


class Error(BaseModel):
    """The one shape of every error; `detail` is for people."""

    detail: str
    code: AnyErrorCode
    error: ErrorDetail


class OAuthError(BaseModel):
    """An error of the token route (RFC 6749, 5.2), with the fields of the others beside."""

    error: str
    error_description: str
    detail: str
    code: AnyErrorCode
