"""The tables `users` and `tasks`, the rules for their values, and a task's next occurrence."""

import re
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from importlib.resources import files
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from pydantic import (
    AfterValidator,
    BeforeValidator,
    NaiveDatetime,
    StrictBool,
    StringConstraints,
    WrapValidator,
)
from sqlalchemy import JSON, CheckConstraint, Enum, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlmodel import Field, SQLModel

FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2200, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
# The package's own list, so that every machine knows the same zones.
TIMEZONES = frozenset((files("tzdata") / "zones").read_text().split())

# ---------------------------------------------------------------- recurrence rules


def list_of(pattern: str) -> str:
    """The pattern of one or more values, separated by commas."""
    return f"({pattern})(,({pattern}))*"


WEEKDAY = "MO|TU|WE|TH|FR|SA|SU"
NUMBERED_WEEKDAY = f"[+-]?(0?[1-9]|[1-4][0-9]|5[0-3])({WEEKDAY})"
YEAR_DAYS = list_of("[+-]?(0{0,2}[1-9]|0?[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])")
# The parts that RFC 5545 (3.3.10) defines for each FREQ, and the pattern of their values.
# Each FREQ takes what the one before it takes.
WEEKLY = {
    "FREQ": "[A-Z]+",
    "INTERVAL": "0*[1-9][0-9]*",
    "COUNT": "0*[1-9][0-9]*",
    "UNTIL": "[0-9]{8}(T[0-9]{6}Z)?",
    "WKST": WEEKDAY,
    "BYMONTH": list_of("0?[1-9]|1[0-2]"),
    "BYDAY": list_of(WEEKDAY),
}
DAILY = WEEKLY | {"BYMONTHDAY": list_of("[+-]?(0?[1-9]|[12][0-9]|3[01])")}
MONTHLY = DAILY | {
    "BYDAY": f"{list_of(WEEKDAY)}|{list_of(NUMBERED_WEEKDAY)}",
    "BYSETPOS": YEAR_DAYS,
}
YEARLY = MONTHLY | {"BYYEARDAY": YEAR_DAYS}
RULE_PARTS = {
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
    "YEARLY": YEARLY,
}
# The calendar repeats after 400 years. dateutil looks for a date until the year 9999:
# moved there, it soon gives up.
YEARS_AHEAD = 19 * 400
# From here dateutil has 40 years to search, of each kind that the calendar knows:
# what matches none of them never matches.
RULE_CHECK_START = datetime(2360, 1, 1)


def read_rule(value: str) -> dict[str, str]:
    """The parts of an RRULE value; raises ValueError that says what is wrong with it."""
    rule: dict[str, str] = {}
    for part in value.upper().removeprefix("RRULE:").split(";"):
        name, _, content = part.partition("=")
        if name in rule:
            raise ValueError("must hold each part once")
        rule[name] = content
    frequency = rule.get("FREQ", "")
    if frequency not in RULE_PARTS or not value.isascii():
        raise ValueError(
            "must be a rule such as FREQ=WEEKLY;BYDAY=MO, "
            "with a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY"
        )
    patterns = RULE_PARTS[frequency]
    for name, content in rule.items():
        if name not in patterns:
            raise ValueError(f"takes, with FREQ={frequency}, only {', '.join(patterns)}")
        if not re.fullmatch(patterns[name], content):
            raise ValueError(f"has a value out of range in {name} (RFC 5545, 3.3.10)")
    if "COUNT" in rule and "UNTIL" in rule:
        raise ValueError("must not hold both COUNT and UNTIL")
    if "UNTIL" in rule:
        datetime.fromisoformat(rule["UNTIL"])
    return rule


def first_date_after(rule: dict[str, str], start: datetime) -> datetime | None:
    """The next date of a series from this local time on, whatever its COUNT and UNTIL."""
    endless = [f"{name}={part}" for name, part in rule.items() if name not in ("COUNT", "UNTIL")]
    moved = start.replace(year=start.year + YEARS_AHEAD)
    found = rrulestr(";".join(endless), dtstart=moved).after(moved)
    if found is None:
        return None
    return found.replace(year=found.year - YEARS_AHEAD, microsecond=start.microsecond)


def in_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """A local time as a moment in UTC.

    RFC 5545, 3.3.5: a time in a gap counts with the offset before the gap, and of a time that
    comes twice the first is meant. This is what Python does with fold=0.
    """
    return local.replace(tzinfo=zone).astimezone(UTC)


def is_over(rule: dict[str, str], local: datetime, zone: ZoneInfo) -> bool:
    """Whether the series has ended before this date: by COUNT, by UNTIL or by our last year."""
    moment = in_utc(local, zone)
    if rule.get("COUNT", "").lstrip("0") == "1" or moment > LAST_MOMENT:
        return True
    if "UNTIL" not in rule:
        return False
    until = datetime.fromisoformat(rule["UNTIL"])
    # UNTIL is a moment in UTC, or a whole local day.
    if until.tzinfo:
        return moment > until
    return local.date() > until.date()


# ---------------------------------------------------------------- values


class Priority(StrEnum):
    """How much a task matters."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


def ensure(holds: Callable[[Any], Any], message: str) -> AfterValidator:
    """A validator that refuses a value for which the condition does not hold."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def read_moment(value: Any, parse: Callable[[Any], datetime]) -> datetime:
    """A date and time in UTC; raises ValueError for what is none, or lies out of our years."""
    is_text = isinstance(value, str) and re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
    # Pydantic would read numbers and strings of digits as Unix time.
    if not is_text and not isinstance(value, datetime):
        raise ValueError("must be an ISO 8601 date and time, such as 2027-01-31T09:00:00Z")
    moment = parse(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # Within these years no later calculation overflows.
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise ValueError("must lie in the years 1970 to 2200 in UTC")
    return moment.astimezone(UTC)


def read_priority(value: Any) -> Any:
    """A priority in the letter case that the enum has."""
    if isinstance(value, str):
        return value.capitalize()
    return value


def without_duplicates(tags: list[str]) -> list[str]:
    """The tags, each once, in their order."""
    return list(dict.fromkeys(tags))


def ever_matches(rule: str) -> bool:
    """Whether a rule has a date at all, whichever days its INTERVAL skips."""
    every_day = read_rule(rule) | {"INTERVAL": "1"}
    return first_date_after(every_day, RULE_CHECK_START) is not None


# PostgreSQL stores no NUL, and no database a lone surrogate.
Storable = ensure(
    lambda value: not re.search("[\0\ud800-\udfff]", value),
    "must not contain a NUL character or a lone surrogate",
)
# Commas separate the tags of a filter.
WithoutComma = ensure(lambda tag: "," not in tag, "must not contain a comma")
KnownTimeZone = ensure(
    lambda name: name in TIMEZONES,
    "must be an IANA time zone, such as Europe/Berlin",
)
EverMatching = ensure(ever_matches, "matches no date at all")

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Storable,
]
Description = Annotated[str, StringConstraints(max_length=2000), Storable]
Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=50),
    WithoutComma,
    Storable,
]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(without_duplicates)]
Moment = Annotated[datetime, WrapValidator(read_moment)]
AnyCasePriority = Annotated[Priority, BeforeValidator(read_priority)]
RecurrenceRule = Annotated[str, StringConstraints(max_length=200), EverMatching]
TimeZone = Annotated[str, StringConstraints(min_length=1), KnownTimeZone]

# ---------------------------------------------------------------- tables


def utc_now() -> datetime:
    """This moment, aware and in UTC."""
    return datetime.now(UTC)


def new_etag() -> str:
    """A random tag: no two versions of a task share one, not even of a task made anew."""
    return secrets.token_hex(8)


# An enum and JSONB on PostgreSQL; text and JSON on SQLite.
PriorityType: Any = Enum(
    Priority,
    name="task_priority",
    values_callable=lambda priorities: [str(priority) for priority in priorities],
)
StringListType: Any = JSONB().with_variant(JSON(), "sqlite")


class User(SQLModel, table=True):
    """An account, or the row that a user of an outside issuer gets with their first task."""

    __tablename__ = "users"

    id: str = Field(primary_key=True, max_length=255)
    email: str | None = Field(default=None, max_length=254, unique=True)
    name: str | None = Field(default=None, max_length=200)
    # Left out wherever a user is turned into JSON.
    password_hash: str | None = Field(default=None, max_length=255, exclude=True)
    created_at: datetime = Field(default_factory=utc_now)


class TaskBase(SQLModel):
    """What a client says of a task, and reads back."""

    title: Title
    description: Description | None = None
    completed: StrictBool = False
    priority: AnyCasePriority = Field(default=Priority.MEDIUM, sa_type=PriorityType)
    tags: Tags = Field(default_factory=list, sa_type=StringListType)
    due_date: Moment | None = None
    reminder_at: Moment | None = None
    is_recurring: StrictBool = False
    recurrence_rule: RecurrenceRule | None = None
    timezone: TimeZone = "UTC"


# The rules that only the database can check: by what its error says, the field and its fault.
DATABASE_RULES = {
    "reminder_not_after_due_date": ("reminder_at", "must not be later than due_date"),
    "recurring_has_rule": ("recurrence_rule", "must be given for a recurring task"),
}


class Task(TaskBase, table=True):
    """A task of one user. The primary key begins with the user: their tasks lie together."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("title <> ''", "title_not_empty"),
        CheckConstraint("reminder_at <= due_date", "reminder_not_after_due_date"),
        CheckConstraint("NOT is_recurring OR recurrence_rule IS NOT NULL", "recurring_has_rule"),
        Index("tasks_by_creation", "user_id", "created_at"),
        Index("tasks_by_completion", "user_id", "completed"),
        Index(
            "tasks_by_due_date",
            "user_id",
            "due_date",
            postgresql_where=text("due_date IS NOT NULL"),
        ),
        Index("tasks_by_tag", "tags", postgresql_using="gin").ddl_if("postgresql"),
    )
    model_config = {"ignored_types": (hybrid_property,)}

    user_id: str = Field(
        primary_key=True,
        max_length=255,
        foreign_key="users.id",
        ondelete="CASCADE",
    )
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    # Both move with every UPDATE, whoever writes it.
    etag: str = Field(
        default_factory=new_etag,
        max_length=16,
        sa_column_kwargs={"onupdate": new_etag},
    )
    updated_at: datetime = Field(
        default_factory=utc_now,
        sa_column_kwargs={"onupdate": utc_now},
    )
    created_at: datetime = Field(default_factory=utc_now)
    # The local time that the rule gave, where a change of the clock moved the due date:
    # the series goes on from there.
    series_time: NaiveDatetime | None = None

    @hybrid_property
    def is_completed(self) -> bool:
        """Another name for `completed`, of a row and in a statement."""
        return self.completed

    @property
    def next_id(self) -> uuid.UUID:
        """Always the same, so that the primary key keeps a second next occurrence out."""
        return uuid.uuid5(self.id, "next")

    def next_occurrence(self, completed_at: datetime) -> "Task | None":
        """The open task that follows this one in its series, or None when the series is over."""
        if not self.is_recurring or self.recurrence_rule is None:
            return None
        rule = read_rule(self.recurrence_rule)
        zone = ZoneInfo(self.timezone)
        current = self.due_date or completed_at.replace(microsecond=0)
        local = first_date_after(rule, self.local_time(current, zone))
        if local is None or is_over(rule, local, zone):
            return None
        due_date = in_utc(local, zone)
        changes = {
            "id": self.next_id,
            "etag": new_etag(),
            "completed": False,
            "due_date": due_date,
            "reminder_at": None,
            "recurrence_rule": count_down(self.recurrence_rule),
            "series_time": None,
            "created_at": completed_at,
            "updated_at": completed_at,
        }
        next_task = Task(**(self.model_dump() | changes))
        if self.due_date and self.reminder_at:
            next_task.reminder_at = due_date - (self.due_date - self.reminder_at)
        if due_date.astimezone(zone).replace(tzinfo=None) != local:
            next_task.series_time = local
        return next_task

    def local_time(self, current: datetime, zone: ZoneInfo) -> datetime:
        """The local time of a due date, as its rule gave it."""
        if self.series_time and in_utc(self.series_time, zone) == current:
            return self.series_time
        return current.astimezone(zone).replace(tzinfo=None, fold=0)


def count_down(rule: str) -> str:
    """The rule with a COUNT that is one less, if it has one."""
    return re.sub("(?i)(?<=COUNT=)[0-9]+", lambda count: str(int(count[0]) - 1), rule)
