"""The tables `users` and `tasks`, and what a row knows how to do, such as its next occurrence."""

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
from pydantic import AfterValidator, BeforeValidator, NaiveDatetime, StrictBool, StringConstraints, WrapValidator
from sqlalchemy import JSON, CheckConstraint, Enum, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2200, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
# The package's own list, so that every machine knows the same zones.
TIMEZONES = frozenset((files("tzdata") / "zones").read_text().split())

# ---------------------------------------------------------------- recurrence


def list_of(pattern: str) -> str:
    """One or more, separated by commas."""
    return f"({pattern})(,({pattern}))*"


WEEKDAY = "MO|TU|WE|TH|FR|SA|SU"
NUMBERED_WEEKDAY = f"[+-]?(0?[1-9]|[1-4][0-9]|5[0-3])({WEEKDAY})"
YEAR_DAYS = list_of("[+-]?(0{0,2}[1-9]|0?[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])")
# The parts that RFC 5545 (3.3.10) defines for each FREQ, and what they may hold; each takes what the one before it takes.
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
MONTHLY = DAILY | {"BYDAY": f"{list_of(WEEKDAY)}|{list_of(NUMBERED_WEEKDAY)}", "BYSETPOS": YEAR_DAYS}
YEARLY = MONTHLY | {"BYYEARDAY": YEAR_DAYS}
RULE_PARTS = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
# The calendar repeats after 400 years. dateutil looks for a date until the year 9999: moved there, it soon gives up.
YEARS_AHEAD = 19 * 400
# From here dateutil has 40 years to search, of each kind that the calendar knows: what matches none of them never matches.
RULE_CHECK_START = datetime(2360, 1, 1)


def read_rule(value: str) -> dict[str, str]:
    """The parts of an RRULE value; ValueError says what is wrong with it."""
    pairs = [part.partition("=")[::2] for part in value.upper().removeprefix("RRULE:").split(";")]
    rule = dict(pairs)
    known = RULE_PARTS.get(rule.get("FREQ", ""))
    if known is None or not value.isascii():
        raise ValueError("must be a rule such as FREQ=WEEKLY;BYDAY=MO, with a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY")
    if len(rule) < len(pairs) or not rule.keys() <= known.keys():
        raise ValueError(f"with FREQ={rule['FREQ']} takes, each once: {', '.join(known)}")
    if bad := [name for name, part in rule.items() if not re.fullmatch(known[name], part)]:
        raise ValueError(f"has a value out of range in {', '.join(bad)} (RFC 5545, 3.3.10)")
    if "COUNT" in rule and "UNTIL" in rule:
        raise ValueError("must not hold both COUNT and UNTIL")
    if "UNTIL" in rule:
        datetime.fromisoformat(rule["UNTIL"])
    return rule


def first_date_after(rule: dict[str, str], start: datetime) -> datetime | None:
    """The next date of the series that begins on `start`, both in local time; COUNT and UNTIL are the caller's."""
    endless = ";".join(f"{name}={part}" for name, part in rule.items() if name not in ("COUNT", "UNTIL"))
    moved = start.replace(year=start.year + YEARS_AHEAD)
    found = rrulestr(endless, dtstart=moved).after(moved)
    return found and found.replace(year=found.year - YEARS_AHEAD, microsecond=start.microsecond)


def in_utc_from(zone: ZoneInfo, local: datetime) -> datetime:
    """RFC 5545, 3.3.5: a time in a gap counts with the offset before it, a doubled one is the first. So does fold=0."""
    return local.replace(tzinfo=zone).astimezone(UTC)


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
    """Without an offset it is UTC; within these years no later calculation overflows."""
    # Pydantic would read numbers and strings of digits as Unix time.
    if not isinstance(value, datetime) and not (isinstance(value, str) and re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        raise ValueError("must be an ISO 8601 date and time, such as 2027-01-31T09:00:00Z")
    moment = parse(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise ValueError("must lie in the years 1970 to 2200 in UTC")
    return moment.astimezone(UTC)


# PostgreSQL stores no NUL, and no database a lone surrogate.
Storable = ensure(lambda value: not re.search("[\0\ud800-\udfff]", value), "must not contain a NUL character or a lone surrogate")
# Commas separate the tags of a filter.
WithoutComma = ensure(lambda tag: "," not in tag, "must not contain a comma")
KnownTimeZone = ensure(lambda name: name in TIMEZONES, "must be an IANA time zone, such as Europe/Berlin")
# A rule that can't be read is never stored either. Whichever days it skips, it must match one: hence INTERVAL=1.
EverMatching = ensure(lambda rule: first_date_after(read_rule(rule) | {"INTERVAL": "1"}, RULE_CHECK_START), "matches no date at all")
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Storable]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), WithoutComma, Storable]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(lambda tags: list(dict.fromkeys(tags)))]
Moment = Annotated[datetime, WrapValidator(read_moment)]
AnyCasePriority = Annotated[Priority, BeforeValidator(lambda value: value.capitalize() if isinstance(value, str) else value)]

# ---------------------------------------------------------------- tables


def utc_now() -> datetime:
    """This moment, aware and in UTC."""
    return datetime.now(UTC)


def new_etag() -> str:
    """Random, so that no two versions of a task share one, not even after it was deleted and made again."""
    return secrets.token_hex(8)


# An enum and JSONB on PostgreSQL; text and JSON on SQLite.
PRIORITY: Any = Enum(Priority, name="task_priority", values_callable=lambda names: [str(name) for name in names])
STRING_LIST: Any = JSONB().with_variant(JSON(), "sqlite")


class User(SQLModel, table=True):
    """An account, or the row that a user of an outside issuer gets with their first task."""

    __tablename__ = "users"

    id: str = Field(primary_key=True, max_length=255)
    email: str | None = Field(default=None, max_length=254, unique=True)
    name: str | None = Field(default=None, max_length=200)
    password_hash: str | None = Field(default=None, max_length=255)
    created_at: datetime = Field(default_factory=utc_now)


class TaskBase(SQLModel):
    """What a client says of a task, and reads back."""

    title: Title
    description: Annotated[str, StringConstraints(max_length=2000), Storable] | None = None
    completed: StrictBool = False
    priority: AnyCasePriority = Field(default=Priority.MEDIUM, sa_type=PRIORITY)
    tags: Tags = Field(default_factory=list, sa_type=STRING_LIST)
    due_date: Moment | None = None
    reminder_at: Moment | None = None
    is_recurring: StrictBool = False
    recurrence_rule: Annotated[str, StringConstraints(max_length=200), EverMatching] | None = None
    timezone: Annotated[str, StringConstraints(min_length=1), KnownTimeZone] = "UTC"


# The rules that only the database can check: what its error says, then the field and what is wrong with it.
DATABASE_RULES = {
    "reminder_not_after_due_date": ("reminder_at", "must not be later than due_date"),
    "recurring_has_rule": ("recurrence_rule", "must be given for a recurring task"),
}


class Task(TaskBase, table=True):
    """A task of one user. The primary key begins with the user, so that each user's tasks lie together."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("title <> ''", "title_not_empty"),
        CheckConstraint("reminder_at <= due_date", "reminder_not_after_due_date"),
        CheckConstraint("NOT is_recurring OR recurrence_rule IS NOT NULL", "recurring_has_rule"),
        Index("tasks_by_creation", "user_id", "created_at"),
        Index("tasks_by_completion", "user_id", "completed"),
        Index("tasks_by_due_date", "user_id", "due_date", postgresql_where=text("due_date IS NOT NULL")),
        Index("tasks_by_tag", "tags", postgresql_using="gin").ddl_if("postgresql"),
    )

    user_id: str = Field(primary_key=True, max_length=255, foreign_key="users.id", ondelete="CASCADE")
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    # Both move with every UPDATE, whoever writes it.
    etag: str = Field(default_factory=new_etag, max_length=16, sa_column_kwargs={"onupdate": new_etag})
    updated_at: datetime = Field(default_factory=utc_now, sa_column_kwargs={"onupdate": utc_now})
    created_at: datetime = Field(default_factory=utc_now)
    # The local time that the rule gave, where a change of the clock moved the due date: the series goes on from there.
    series_time: NaiveDatetime | None = None

    @property
    def next_id(self) -> uuid.UUID:
        """Always the same, so that the primary key keeps a second next occurrence out."""
        return uuid.uuid5(self.id, "next")

    def next_occurrence(self, completed_at: datetime) -> "Task | None":
        """The open task that follows this one in its series, or None at the end of the series."""
        if not (self.is_recurring and self.recurrence_rule):
            return None
        rule, zone = read_rule(self.recurrence_rule), ZoneInfo(self.timezone)
        current = self.due_date or completed_at.replace(microsecond=0)
        start = current.astimezone(zone).replace(tzinfo=None, fold=0)
        if self.series_time and in_utc_from(zone, self.series_time) == current:
            start = self.series_time
        local = first_date_after(rule, start)
        if local is None or int(rule.get("COUNT", 0)) == 1:
            return None
        due_date = in_utc_from(zone, local)
        until = datetime.fromisoformat(rule["UNTIL"]) if "UNTIL" in rule else LAST_MOMENT
        # UNTIL is a moment in UTC, or a local day.
        if due_date > LAST_MOMENT or (due_date > until if until.tzinfo else local.date() > until.date()):
            return None
        replaced = {"id", "etag", "completed", "due_date", "series_time", "reminder_at", "recurrence_rule", "created_at", "updated_at"}
        return Task(
            **self.model_dump(exclude=replaced),
            id=self.next_id,
            due_date=due_date,
            series_time=local if due_date.astimezone(zone).replace(tzinfo=None) != local else None,
            reminder_at=due_date - (self.due_date - self.reminder_at) if self.due_date and self.reminder_at else None,
            recurrence_rule=re.sub("(?i)(?<=COUNT=)[0-9]+", lambda count: str(int(count[0]) - 1), self.recurrence_rule),
            created_at=completed_at,
            updated_at=completed_at,
        )
