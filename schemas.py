"""What goes in and what comes out."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, StrictBool, StringConstraints, model_validator

from models import AnyCasePriority, Moment, Storable, Tag, TaskBase, Title, ensure

# ---------------------------------------------------------------- tasks

COMPLETED = AliasChoices("completed", "is_completed")
# Forms send an empty text or null for an empty field.
EMPTY_IS_NULL = {"due_date", "reminder_at", "recurrence_rule", "timezone"}
NULL_IS_LEFT_OUT = {"completed", "is_completed", "priority", "tags", "timezone"}
EXAMPLE = {"title": "Water the plants", "priority": "High", "due_date": "2027-01-04T08:00:00Z", "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO"}


def document_input(schema: dict[str, Any]) -> None:
    """Name what a form may send for nothing, and no defaults, for generated clients would insist on those fields."""
    for name, field in schema["properties"].items():
        field.pop("default", None)
        empty = [{"const": ""}] * (name in EMPTY_IS_NULL) + [{"type": "null"}] * (name in NULL_IS_LEFT_OUT)
        if empty:
            kinds = field.pop("anyOf", None)
            schema["properties"][name] = field | {"anyOf": kinds + empty} if kinds else {"anyOf": [field, *empty]}


class TaskCreate(TaskBase):
    """A task; what is left out has its default, and what a client may not say, such as `user_id`, is ignored."""

    model_config = {"json_schema_extra": document_input}

    completed: StrictBool = Field(default=False, validation_alias=COMPLETED)

    @model_validator(mode="before")
    @classmethod
    def read_form(cls, data: Any) -> Any:
        """By EMPTY_IS_NULL and NULL_IS_LEFT_OUT. Without a word about `is_recurring`, a task recurs when it has a rule."""
        if not isinstance(data, dict):
            return data
        data = {name: None if value == "" and name in EMPTY_IS_NULL else value for name, value in data.items()}
        if "recurrence_rule" in data:
            data.setdefault("is_recurring", data["recurrence_rule"] is not None)
        return {name: value for name, value in data.items() if value is not None or name not in NULL_IS_LEFT_OUT}


class TaskUpdate(TaskCreate):
    """A change of the fields that are sent."""

    title: Title = Field(default="")


class TaskToggle(BaseModel):
    """The state to set; without it the state is flipped."""

    completed: StrictBool | None = Field(default=None, validation_alias=COMPLETED)


class TaskRead(TaskBase):
    """A task as it is stored; `is_completed` is another name for `completed`."""

    model_config = {"json_schema_serialization_defaults_required": True}

    is_completed: bool = False
    id: UUID
    user_id: str
    created_at: datetime
    updated_at: datetime


class TaskToggled(TaskRead):
    """A task, and the next occurrence that completing it made."""

    next_task: TaskRead | None


# ---------------------------------------------------------------- list

# Comma-separated or repeated, or both.
Separated = BeforeValidator(lambda values: [part for value in values for part in value.split(",") if part.strip()])
# A date without a time stands for the whole day.
EndOfDay = BeforeValidator(lambda value: f"{value}T23:59:59.999999" if re.fullmatch("[0-9-]{10}", value) else value)


class TaskFilter(BaseModel):
    """Which tasks, in which order, and which page of them; an empty parameter counts as left out."""

    q: Annotated[str, Storable] = Field(
        "", max_length=200, validation_alias=AliasChoices("q", "search"), description="Text in title or description; also `search`"
    )
    status: Literal["all", "pending", "completed", "true", "false"] | None = Field(None, description="The state; it wins over `completed`")
    completed: bool | None = Field(None, description="The state, as a yes or no")
    priority: Annotated[list[AnyCasePriority], Separated] = Field([], description="One or more, separated by commas or repeated")
    tags: Annotated[list[Tag], Separated] = Field([], description="A task must have all of them; separated by commas or repeated")
    due_date_from: Moment | None = Field(None, description="Due from this moment on")
    due_date_to: Annotated[Moment, EndOfDay] | None = Field(None, description="Due until then; a date is the whole day")
    sort_by: Literal["created_at", "updated_at", "due_date", "priority", "title"] = Field("created_at", description="What to sort by")
    sort_order: Literal["desc", "asc"] = Field("desc", description="Of priorities `High` is the greatest; tasks without due date come last")
    limit: int = Field(50, ge=1, le=100, description="How many tasks at most")
    offset: int = Field(0, ge=0, le=2**31, description="How many tasks to pass over")

    @model_validator(mode="before")
    @classmethod
    def drop_empty_parameters(cls, data: dict[str, Any]) -> dict[str, Any]:
        """As a form sends them."""
        return {name: value for name, value in data.items() if value not in ("", [""])}

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are set, with their values."""
        values = self.model_dump(exclude={"status", "sort_by", "sort_order", "limit", "offset"})
        values["q"] = re.sub(r"([\\%_])", r"\\\1", self.q)
        if self.status:
            values["completed"] = None if self.status == "all" else self.status in ("completed", "true")
        return {name: value for name, value in values.items() if value not in (None, "", [])}


# ---------------------------------------------------------------- accounts

# More than this only the mail server of an address knows. In lower case it may be longer than it was.
LikeAnAddress = ensure(
    lambda email: len(email) < 255 and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email), "must be an e-mail address such as ada@example.com"
)
Email = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254), Storable]
NewEmail = Annotated[Email, LikeAnAddress, Field(json_schema_extra={"format": "email"})]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Storable]


class SignIn(BaseModel):
    """The e-mail and password of an account; OAuth2 calls the e-mail `username`."""

    email: Email = Field(validation_alias=AliasChoices("email", "username"), examples=["grace@example.com"])
    password: Annotated[str, Storable] = Field(examples=["correct horse"])


class SignUp(BaseModel):
    """A new account."""

    email: NewEmail = Field(examples=["grace@example.com"])
    password: Annotated[str, Storable] = Field(min_length=8, max_length=128, examples=["correct horse"])
    name: Name | None = Field(default=None, examples=["Grace"])


# Marks the tokens that are issued here.
ACCOUNT_CLAIM = "task_api_account"


class Caller(BaseModel):
    """Whom the claims of a token name, until when in Unix time, and whether that is an account made here."""

    user_id: Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value), Storable] = Field(
        min_length=1, max_length=255, validation_alias=AliasChoices("sub", "user_id")
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


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ErrorDetail(BaseModel):
    """The error for programs."""

    code: str
    message: str
    details: list[FieldError] | None


class Error(BaseModel):
    """The one shape of every error; `detail` is for people."""

    detail: str
    code: str
    error: ErrorDetail


class OAuthError(BaseModel):
    """An error of the token route (RFC 6749, 5.2), with the fields of the others beside."""

    error: str
    error_description: str
    detail: str
    code: str
