"""What goes in and what comes out."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    computed_field,
    model_validator,
)

from models import AnyCasePriority, Moment, PlainText, Tag, TaskBase, Title

COMPLETED = AliasChoices("completed", "is_completed")

# ---------------------------------------------------------------- tasks


class TaskInput(TaskBase):
    """What a client may say of a task; what it may not, such as `user_id`, is ignored."""

    completed: StrictBool = Field(default=False, validation_alias=COMPLETED)

    @model_validator(mode="after")
    def _recur_with_a_rule(self) -> Self:
        if "recurrence_rule" in self.model_fields_set and "is_recurring" not in self.model_fields_set:
            self.is_recurring = self.recurrence_rule is not None
        return self


class TaskCreate(TaskInput):
    """A whole task; what is left out has its default."""

    model_config = {
        "json_schema_extra": {
            "example": {
                "title": "Water the plants",
                "priority": "High",
                "tags": ["home"],
                "due_date": "2027-01-04T09:00:00+01:00",
                "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO",
                "timezone": "Europe/Berlin",
            }
        }
    }


def without_defaults(schema: dict[str, Any]) -> None:
    """In a change, what is left out keeps its value."""
    for field in schema["properties"].values():
        field.pop("default", None)


class TaskUpdate(TaskInput):
    """A change of the fields that are sent."""

    model_config = {"json_schema_extra": without_defaults}

    title: Title = Field(default="")


class TaskToggle(BaseModel):
    """The state to set; without it the state is flipped."""

    completed: StrictBool | None = Field(default=None, validation_alias=COMPLETED)


class TaskRead(TaskBase):
    """A task as it is stored."""

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


# ---------------------------------------------------------------- list


def split(value: Any) -> Any:
    """Comma-separated or repeated, or both."""
    return [part for item in value for part in item.split(",") if part.strip()]


def end_of_day(value: Any) -> Any:
    """A date without a time stands for the whole day."""
    return f"{value}T23:59:59.999999" if isinstance(value, str) and len(value) == len("2027-01-31") else value


class TaskFilter(BaseModel):
    """Which tasks, in which order, and which page of them."""

    q: Annotated[PlainText, StringConstraints(max_length=200)] = Field(default="", validation_alias=AliasChoices("q", "search"))
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
    def wants_completed(self) -> bool | None:
        """The state to list, or None for both; `status` wins over `completed`."""
        states = {"pending": False, "false": False, "completed": True, "true": True, "all": None}
        return self.completed if self.status is None else states[self.status]


# ---------------------------------------------------------------- accounts


def trimmed_lower(value: Any) -> Any:
    """E-mail addresses are stored and compared trimmed and in lower case."""
    return value.strip().lower() if isinstance(value, str) else value


Email = Annotated[PlainText, StringConstraints(max_length=254), BeforeValidator(trimmed_lower)]
Password = Annotated[PlainText, StringConstraints(max_length=128)]


class SignIn(BaseModel):
    """The e-mail and password of an account."""

    email: Email
    password: Password


class SignUp(SignIn):
    """A new account."""

    model_config = ConfigDict(json_schema_extra={"example": {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}})

    email: Annotated[Email, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    password: Annotated[Password, StringConstraints(min_length=8)]
    name: Annotated[PlainText, StringConstraints(strip_whitespace=True, max_length=200)] | None = None


class TokenForm(BaseModel):
    """The OAuth2 password form (RFC 6749, 4.3.2), where the user name is the e-mail."""

    grant_type: Literal["password"] = "password"
    username: Email
    password: Password


class UserRead(BaseModel):
    """An account, without its password."""

    id: str
    email: str | None
    name: str | None
    created_at: datetime


class TokenRead(BaseModel):
    """A bearer token and whose it is; `expires_in` is in seconds."""

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
