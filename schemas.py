"""What goes in and what comes out."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    computed_field,
    model_validator,
)
from typing_extensions import TypedDict

from models import AnyCasePriority, Moment, Tag, TaskBase, Title, storable

COMPLETED = AliasChoices("completed", "is_completed")
SEARCH = AliasChoices("q", "search")

# ---------------------------------------------------------------- tasks


EXAMPLES = {
    "TaskCreate": {
        "title": "Water the plants",
        "priority": "High",
        "tags": ["home"],
        "due_date": "2027-01-04T09:00:00+01:00",
        "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO",
        "timezone": "Europe/Berlin",
    },
    "TaskUpdate": {"title": "Water all the plants", "priority": "Low"},
}


def documented(schema: dict[str, Any]) -> None:
    """Add the example, and drop the defaults: generated clients would ask for those fields, and a change has none."""
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["example"] = EXAMPLES[schema["title"]]


class TaskInput(TaskBase):
    """What a client may say of a task; what it may not, such as `user_id`, is ignored."""

    model_config = {"json_schema_extra": documented}

    completed: StrictBool = Field(default=False, validation_alias=COMPLETED)

    @model_validator(mode="after")
    def _recur_with_a_rule(self) -> Self:
        if "recurrence_rule" in self.model_fields_set and "is_recurring" not in self.model_fields_set:
            self.is_recurring = self.recurrence_rule is not None
        return self


class TaskCreate(TaskInput):
    """A whole task; what is left out has its default."""


class TaskUpdate(TaskInput):
    """A change of the fields that are sent."""

    title: Title = Field(default="")


class TaskToggle(BaseModel):
    """The state to set; without it the state is flipped."""

    model_config = {"json_schema_extra": {"example": {}}}

    completed: StrictBool | None = Field(default=None, validation_alias=COMPLETED)


class TaskRead(TaskBase):
    """A task as it is stored."""

    model_config = {"json_schema_serialization_defaults_required": True}

    id: UUID
    user_id: str
    created_at: datetime
    updated_at: datetime

    @computed_field
    def is_completed(self) -> bool:
        """Another name for `completed`."""
        return self.completed


class TaskToggled(TaskRead):
    """A task, and the next occurrence that completing it made."""

    next_task: TaskRead | None


# The same as dicts: rows go out as they are, for a model made of each would triple the cost of a list.
ROW_FIELDS = {name: field.annotation for name, field in TaskRead.model_fields.items()} | {"id": str, "is_completed": bool}
TaskRow = TypedDict("TaskRow", ROW_FIELDS)  # type: ignore[misc]
ToggledRow = TypedDict("ToggledRow", ROW_FIELDS | {"next_task": TaskRow | None})  # type: ignore[misc]

# ---------------------------------------------------------------- list


def split(value: Any) -> Any:
    """Comma-separated or repeated, or both."""
    return [part for item in value for part in item.split(",") if part.strip()]


def end_of_day(value: Any) -> Any:
    """A date without a time stands for the whole day."""
    return f"{value}T23:59:59.999999" if isinstance(value, str) and len(value) == len("2027-01-31") else value


class TaskFilter(BaseModel):
    """Which tasks, in which order, and which page of them."""

    q: Annotated[str, StringConstraints(max_length=200), AfterValidator(storable)] = Field(default="", validation_alias=SEARCH)
    status: Literal["all", "pending", "completed", "true", "false"] | None = None
    completed: bool | None = None
    priority: Annotated[list[AnyCasePriority], BeforeValidator(split)] = []
    tags: Annotated[list[Tag], BeforeValidator(split)] = []
    due_date_from: Moment | None = None
    due_date_to: Annotated[Moment, BeforeValidator(end_of_day)] | None = None
    sort_by: Literal["created_at", "updated_at", "due_date", "priority", "title"] = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"
    limit: int = Field(default=50, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=2**31)

    @property
    def given(self) -> dict[str, Any]:
        """The filters that are set, with the values that their conditions take; `status` wins over `completed`."""
        states = {"pending": False, "false": False, "completed": True, "true": True, "all": None}
        values = {
            "q": "%" + re.sub(r"([\\%_])", r"\\\1", self.q) + "%" if self.q else None,
            "completed": states[self.status] if self.status else self.completed,
            "priority": self.priority or None,
            "tags": self.tags or None,
            "due_date_from": self.due_date_from,
            "due_date_to": self.due_date_to,
        }
        return {name: value for name, value in values.items() if value is not None}


# ---------------------------------------------------------------- accounts


def trimmed_lower(value: Any) -> Any:
    """E-mail addresses are stored and compared trimmed and in lower case."""
    return value.strip().lower() if isinstance(value, str) else value


def like_an_address(value: str) -> str:
    """More than this only its mail server knows."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise ValueError("must be an e-mail address, such as ada@example.com")
    return value


Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(storable), BeforeValidator(trimmed_lower)]
Password = Annotated[str, StringConstraints(max_length=128), AfterValidator(storable)]
NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=128), AfterValidator(storable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(storable)]


class SignIn(BaseModel):
    """The e-mail and password of an account."""

    email: Email = Field(examples=["ada@example.com"])
    password: Password = Field(examples=["correct horse"])


class SignUp(BaseModel):
    """A new account."""

    email: Annotated[Email, AfterValidator(like_an_address)] = Field(examples=["ada@example.com"])
    password: NewPassword = Field(examples=["correct horse"])
    name: Name | None = Field(default=None, examples=["Ada"])


class TokenForm(BaseModel):
    """The OAuth2 password form (RFC 6749, 4.3.2), where the user name is the e-mail."""

    grant_type: Literal["password"] = "password"
    username: Email = Field(examples=["ada@example.com"])
    password: Password = Field(examples=["correct horse"])


class UserRead(BaseModel):
    """An account, without its password."""

    id: str
    email: str | None
    name: str | None
    created_at: datetime


class TokenRead(BaseModel):
    """A bearer token and whose it is; `expires_in` is in seconds."""

    model_config = {"json_schema_serialization_defaults_required": True}

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    user: UserRead


# ---------------------------------------------------------------- health and errors


class Health(BaseModel):
    """The process serves."""

    status: Literal["ok"] = "ok"


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ErrorDetail(BaseModel):
    """The error for programs."""

    code: str
    message: str
    details: list[FieldError] | None = None


class Error(BaseModel):
    """The one shape of every error; `detail` is for people."""

    detail: str
    code: str
    error: ErrorDetail
