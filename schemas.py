"""What goes in and what comes out."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, Field, StrictBool, StringConstraints, model_validator

from models import AnyCasePriority, Moment, Storable, Tag, TaskBase, Title

# ---------------------------------------------------------------- tasks

COMPLETED = AliasChoices("completed", "is_completed")
# What a form sends for nothing counts as nothing.
EMPTY_IS_NULL = {"due_date", "reminder_at", "recurrence_rule", "timezone"}
NULL_IS_LEFT_OUT = {"completed", "is_completed", "priority", "tags", "timezone"}
EXAMPLE: Any = {
    "title": "Water the plants",
    "priority": "High",
    "tags": ["home"],
    "due_date": "2027-01-04T08:00:00Z",
    "recurrence_rule": "FREQ=WEEKLY;BYDAY=MO",
    "timezone": "Europe/Berlin",
}
STORED_EXAMPLE: Any = EXAMPLE | {
    "description": "Those on the balcony, too",
    "completed": False,
    "is_completed": False,
    "reminder_at": "2027-01-03T18:00:00Z",
    "is_recurring": True,
    "id": "1d72bcd1-6b42-48c6-809d-40d01ede2810",
    "user_id": "04b57f7f-534f-4473-af76-a4776ffda373",
    "created_at": "2026-12-24T18:00:00Z",
    "updated_at": "2026-12-24T18:00:00Z",
}

NEXT_EXAMPLE = STORED_EXAMPLE | {
    "id": "b9fdc44e-6ffe-5b18-91d3-b5a834e2b8ff",
    "due_date": "2027-01-11T08:00:00Z",
    "reminder_at": "2027-01-10T18:00:00Z",
}


def allow(field: dict[str, Any], kind: dict[str, Any]) -> None:
    """Add an alternative to the JSON schema of a field; /docs offers a list where all are in one enum."""
    if "enum" in field and "const" in kind:
        field["enum"].append(kind["const"])
        return
    alternatives = field.pop("anyOf", None) or [{key: field.pop(key) for key in set(field) - {"title", "description", "default"}}]
    field["anyOf"] = alternatives if kind in alternatives else [*alternatives, kind]


def document_input(schema: dict[str, Any]) -> None:
    """Drop the defaults, which generated clients would insist on, and name what a form may send for nothing."""
    for name, field in schema["properties"].items():
        field.pop("default", None)
        if name in EMPTY_IS_NULL:
            allow(field, {"const": ""})
        if name in NULL_IS_LEFT_OUT:
            allow(field, {"type": "null"})


class TaskCreate(TaskBase):
    """A task; what is left out has its default, and what a client may not say, such as `user_id`, is ignored."""

    model_config = {"json_schema_extra": document_input}

    completed: StrictBool = Field(default=False, validation_alias=COMPLETED)

    @model_validator(mode="before")
    @classmethod
    def drop_empty_values(cls, data: Any) -> Any:
        """By EMPTY_IS_NULL and NULL_IS_LEFT_OUT."""
        if not isinstance(data, dict):
            return data
        data = {name: None if value == "" and name in EMPTY_IS_NULL else value for name, value in data.items()}
        return {name: value for name, value in data.items() if value is not None or name not in NULL_IS_LEFT_OUT}

    @model_validator(mode="after")
    def recur_with_a_rule(self) -> Self:
        """Without a word about `is_recurring`, a task recurs when it has a rule."""
        if "recurrence_rule" in self.model_fields_set and "is_recurring" not in self.model_fields_set:
            self.is_recurring = self.recurrence_rule is not None
        return self


class TaskUpdate(TaskCreate):
    """A change of the fields that are sent."""

    title: Title = Field(default="")


class TaskToggle(BaseModel):
    """The state to set; without it the state is flipped."""

    completed: StrictBool | None = Field(default=None, validation_alias=COMPLETED)


class TaskRead(TaskBase):
    """A task as it is stored; `is_completed` is another name for `completed`."""

    model_config = {"json_schema_serialization_defaults_required": True, "json_schema_extra": {"example": STORED_EXAMPLE}}

    is_completed: bool
    id: UUID
    user_id: str
    created_at: datetime
    updated_at: datetime


class TaskToggled(TaskRead):
    """A task, and the next occurrence that completing it made."""

    model_config = {"json_schema_extra": {"example": STORED_EXAMPLE | {"completed": True, "is_completed": True, "next_task": NEXT_EXAMPLE}}}

    next_task: TaskRead | None


# ---------------------------------------------------------------- list


def split(value: Any) -> Any:
    """Comma-separated or repeated, or both."""
    return [part for item in value for part in item.split(",") if part.strip()]


def end_of_day(value: Any) -> Any:
    """A date without a time stands for the whole day."""
    return f"{value}T23:59:59.999999" if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) else value


def document_parameter(schema: dict[str, Any]) -> None:
    """A parameter may be empty, but a query knows no null."""
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    schema |= kinds[0] if kinds else {}
    allow(schema, {"const": ""})


def parameter(description: str, default: Any = None, **options: Any) -> Any:
    """A query parameter that may be empty."""
    return Field(default=default, description=description, json_schema_extra=document_parameter, **options)


class TaskFilter(BaseModel):
    """Which tasks, in which order, and which page of them."""

    q: Annotated[str, StringConstraints(max_length=200), Storable] = Field(
        default="",
        validation_alias=AliasChoices("q", "search"),
        description="Text in title or description, in any letter case; `search` is another name",
    )
    status: Literal["all", "pending", "completed", "true", "false"] | None = parameter("The state; it wins over `completed`")
    completed: bool | None = parameter("The state, as a yes or no")
    priority: Annotated[list[AnyCasePriority], BeforeValidator(split)] = parameter("One or more, separated by commas or repeated", [])
    tags: Annotated[list[Tag], BeforeValidator(split)] = parameter("Tags that a task must all have, separated by commas or repeated", [])
    due_date_from: Moment | None = parameter("Due at this moment or later")
    due_date_to: Annotated[Moment, BeforeValidator(end_of_day)] | None = parameter("Due at this moment or earlier; a date is the whole day")
    sort_by: Literal["created_at", "updated_at", "due_date", "priority", "title"] = parameter(
        "What to sort by; tasks without a due date come last", "created_at"
    )
    sort_order: Literal["desc", "asc"] = parameter("Descending or ascending; of priorities, `High` is the greatest", "desc")
    limit: int = parameter("How many tasks at most", 50, ge=1, le=100)
    offset: int = parameter("How many tasks to pass over", 0, ge=0, le=2**31)

    @model_validator(mode="before")
    @classmethod
    def drop_empty_parameters(cls, data: dict[str, Any]) -> dict[str, Any]:
        """An empty parameter counts as left out."""
        return {name: value for name, value in data.items() if value not in ("", [""])}

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that are set, with their values; `status` wins over `completed`."""
        states = {"pending": False, "false": False, "completed": True, "true": True, "all": None}
        values = self.model_dump(exclude={"status", "sort_by", "sort_order", "limit", "offset"})
        values["q"] = re.sub(r"([\\%_])", r"\\\1", self.q)
        values["completed"] = states[self.status] if self.status else self.completed
        return {name: value for name, value in values.items() if value not in (None, "", [])}


# ---------------------------------------------------------------- accounts


def trimmed_lower(value: Any) -> Any:
    """E-mail addresses are stored and compared trimmed and in lower case."""
    return value.strip().lower() if isinstance(value, str) else value


def like_an_address(value: str) -> str:
    """More than this only its mail server knows."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise ValueError("must be an e-mail address, such as ada@example.com")
    return value


Email = Annotated[str, BeforeValidator(trimmed_lower), StringConstraints(max_length=254), Storable]
NewEmail = Annotated[Email, AfterValidator(like_an_address), Field(json_schema_extra={"format": "email"})]
Password = Annotated[str, StringConstraints(max_length=128), Storable]
NewPassword = Annotated[str, StringConstraints(min_length=8, max_length=128), Storable]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Storable]


class SignIn(BaseModel):
    """The e-mail and password of an account."""

    email: Email = Field(examples=["grace@example.com"])
    password: Password = Field(examples=["correct horse"])


class SignUp(BaseModel):
    """A new account."""

    email: NewEmail = Field(examples=["grace@example.com"])
    password: NewPassword = Field(examples=["correct horse"])
    name: Name | None = Field(default=None, examples=["Grace"])


class TokenForm(BaseModel):
    """The OAuth2 password form (RFC 6749, 4.3.2), where the user name is the e-mail."""

    grant_type: str = Field(default="password", examples=["password"])
    username: Email = Field(examples=["grace@example.com"])
    password: Password = Field(examples=["correct horse"])


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
