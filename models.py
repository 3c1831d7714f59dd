"""The tables `users` and `tasks`, the rules for their values, and a task's next occurrence."""

import re
import secrets
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

from dateutil.rrule import rrulestr
from pydantic import (
    AfterValidator,
    BeforeValidator,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    WrapValidator,
)
from sqlalchemy import JSON, CheckConstraint, Enum, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

# The pinned package decides what time it is somewhere, whatever zone files a machine has.
reset_tzpath(())
TIMEZONES = available_timezones()
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2200, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)

# ---------------------------------------------------------------- recurrence rules


def list_of(pattern: str) -> str:
    """The regular expression of one or more values, separated by commas."""
    return f"({pattern})(,({pattern}))*"


WEEKDAY = "MO|TU|WE|TH|FR|SA|SU"
NUMBERED_WEEKDAY = f"-?([1-9]|[1-4][0-9]|5[0-3])({WEEKDAY})"
YEAR_DAYS = list_of("-?([1-9]|[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])")
# The parts that RFC 5545 (3.3.10) defines for each FREQ, and the pattern of their values.
# Each FREQ takes what the one before it takes.
WEEKLY = {
    "FREQ": "[A-Z]+",
    "INTERVAL": "[1-9][0-9]*",
    "COUNT": "[1-9][0-9]*",
    "UNTIL": "[0-9]{8}(T[0-9]{6}Z?)?",
    "WKST": WEEKDAY,
    "BYMONTH": list_of("[1-9]|1[0-2]"),
    "BYDAY": list_of(WEEKDAY),
}
DAILY = WEEKLY | {"BYMONTHDAY": list_of("-?([1-9]|[12][0-9]|3[01])")}
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
# One search at a time: eight at once keep the interpreter from everybody else.
SEARCH = threading.Lock()


def read_rule(value: str) -> dict[str, str]:
    """The parts of an RRULE value; raises ValueError that says what is wrong with it."""
    if len(value.splitlines()) > 1:
        raise ValueError("must be one rule in one line, without DTSTART, EXDATE, RDATE or EXRULE")
    rule: dict[str, str] = {}
    for part in value.upper().removeprefix("RRULE:").removesuffix(";").split(";"):
        name, _, content = part.partition("=")
        if name in rule:
            raise ValueError("must hold each part once")
        if name != "UNTIL":
            # A number without the plus and the zeros that it may begin with.
            content = re.sub("(?<![0-9])[+]?0*(?=[0-9])", "", content)
        rule[name] = content
    frequency = rule.get("FREQ", "")
    if frequency not in RULE_PARTS or not value.isascii():
        raise ValueError(
            "must be a rule such as FREQ=WEEKLY;BYDAY=MO, "
            "with a FREQ of DAILY, WEEKLY, MONTHLY or YEARLY"
        )
    for name, content in rule.items():
        check_rule_part(name, content, RULE_PARTS[frequency])
    if "COUNT" in rule and "UNTIL" in rule:
        raise ValueError("must not hold both COUNT and UNTIL")
    return rule


def check_rule_part(name: str, content: str, patterns: dict[str, str]) -> None:
    """Raises ValueError when these patterns do not allow the part."""
    if name not in patterns:
        raise ValueError(f"takes, with this FREQ, only {', '.join(patterns)}")
    if not re.fullmatch(patterns[name], content):
        raise ValueError(f"has a value out of range in {name} (RFC 5545, 3.3.10)")
    values = content.split(",")
    if len(set(values)) < len(values):
        raise ValueError(f"must hold each value of {name} once")
    if name == "UNTIL":
        try:
            datetime.fromisoformat(content)
        except ValueError:
            raise ValueError("has no date of the calendar in UNTIL") from None


def first_date_after(rule: dict[str, str], start: datetime) -> datetime | None:
    """The next date of a series after this local time, whatever its COUNT and UNTIL."""
    endless = [f"{name}={part}" for name, part in rule.items() if name not in ("COUNT", "UNTIL")]
    moved = start.replace(year=start.year + YEARS_AHEAD)
    with SEARCH:
        found = rrulestr(";".join(endless), dtstart=moved).after(moved)
    if found is None:
        return None
    return found.replace(year=found.year - YEARS_AHEAD, microsecond=start.microsecond)


@lru_cache
def ever_matches(rule: str) -> bool:
    """Whether a rule has a date at all, if its INTERVAL is left out."""
    without_gaps = read_rule(rule) | {"INTERVAL": "1"}
    return first_date_after(without_gaps, RULE_CHECK_START) is not None


def in_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """A local time as a moment in UTC.

    RFC 5545, 3.3.5: a time in a gap counts with the offset before the gap, and of a time that
    comes twice the first is meant. This is what Python does with fold=0.
    """
    return local.replace(tzinfo=zone).astimezone(UTC)


def is_over(rule: dict[str, str], local: datetime, zone: ZoneInfo) -> bool:
    """Whether no task may follow at this date: by COUNT, by UNTIL or by our last year."""
    if rule.get("COUNT") == "1" or in_utc(local, zone) > LAST_MOMENT:
        return True
    if "UNTIL" not in rule:
        return False
    until = datetime.fromisoformat(rule["UNTIL"])
    # UNTIL is a whole day or a time, of the zone or in UTC. Fractions of a second do not count.
    if "T" not in rule["UNTIL"]:
        return local.date() > until.date()
    if until.tzinfo is None:
        return local.replace(microsecond=0) > until
    return in_utc(local, zone).replace(microsecond=0) > until


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


def read_moment(
    value: Any,
    parse: Callable[[Any], datetime],
    info: ValidationInfo,
) -> datetime:
    """A date and time in UTC; raises ValueError for anything else, and out of our years.

    Without an offset it is a local time of the field `timezone`, which stands before it.
    """
    is_text = isinstance(value, str) and re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
    # Pydantic would read numbers and strings of digits as Unix time.
    if not is_text and not isinstance(value, datetime):
        raise ValueError("must be an ISO 8601 date and time, such as 2027-01-31T09:00:00Z")
    moment = parse(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(info.data.get("timezone", "UTC")))
    # Within these years no later calculation overflows.
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise ValueError("must lie in the years 1970 to 2200 in UTC")
    return moment.astimezone(UTC)


def read_priority(value: Any) -> str:
    """A priority in the letter case that the enum has; raises ValueError for what is no text."""
    if not isinstance(value, str):
        raise ValueError("must be High, Medium or Low")
    return value.capitalize()


def check_rule(rule: str) -> str:
    """The rule as it is; raises ValueError when it can't be read."""
    read_rule(rule)
    return rule


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
# Without duplicates, in their order.
Tags = Annotated[
    list[Tag],
    Field(max_length=20),
    AfterValidator(dict.fromkeys),
    AfterValidator(list),
]
Moment = Annotated[datetime, WrapValidator(read_moment)]
AnyCasePriority = Annotated[Priority, BeforeValidator(read_priority)]
RecurrenceRule = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    AfterValidator(check_rule),
]
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

    id: str = Field(primary_key=True)
    email: str | None = Field(default=None, unique=True)
    name: str | None = None
    # Left out wherever a user is turned into JSON.
    password_hash: str | None = Field(default=None, exclude=True)
    created_at: datetime = Field(default_factory=utc_now)


class TaskBase(SQLModel):
    """What a client says of a task, and reads back."""

    title: Title
    description: Description | None = None
    completed: StrictBool = False
    priority: AnyCasePriority = Field(default=Priority.MEDIUM, sa_type=PriorityType)
    tags: Tags = Field(default_factory=list, sa_type=StringListType)
    # Before the dates, which are read by its clock.
    timezone: TimeZone = "UTC"
    due_date: Moment | None = None
    reminder_at: Moment | None = None
    is_recurring: StrictBool = False
    recurrence_rule: RecurrenceRule | None = None


# The rules that only the database can check: by what its error says, the field and its fault.
DATABASE_RULES = {
    "reminder_not_after_due_date": ("reminder_at", "must not be later than due_date"),
    "recurring_has_rule": ("recurrence_rule", "must be given for a recurring task"),
    "foreign key constraint": ("body", "refers to what is not there, or is still referred to"),
}


class Task(TaskBase, table=True):
    """A task of one user. The primary key begins with the user: their tasks lie together."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("title <> ''", "title_not_empty"),
        CheckConstraint("reminder_at <= due_date", "reminder_not_after_due_date"),
        CheckConstraint("NOT is_recurring OR recurrence_rule IS NOT NULL", "recurring_has_rule"),
        # For foreign keys of child tables; on Citus they must hold the user_id too.
        Index("tasks_by_id", "id", unique=True),
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

    user_id: str = Field(
        primary_key=True,
        foreign_key="users.id",
        ondelete="CASCADE",
    )
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    # Both move with every UPDATE that SQLAlchemy writes.
    etag: str = Field(
        default_factory=new_etag,
        sa_column_kwargs={"onupdate": new_etag},
    )
    updated_at: datetime = Field(
        default_factory=utc_now,
        sa_column_kwargs={"onupdate": utc_now},
    )
    created_at: datetime = Field(default_factory=utc_now)
    # The due date by the clock of its zone (RFC 9557): the series keeps to that, also when a
    # change of the clock moved this date, or when the rules of the zone change.
    due_local: str | None = None

    @property
    def is_completed(self) -> bool:
        """Another name for `completed`."""
        return self.completed

    @property
    def next_id(self) -> uuid.UUID:
        """Always the same, so that the primary key keeps a second next occurrence out.

        A task that was deleted and made again with the same id has another one.
        """
        return uuid.uuid5(self.id, str(self.created_at))

    def next_occurrence(self, completed_at: datetime) -> "Task | None":
        """The open task that follows this one in its series, or None when the series is over."""
        if not self.is_recurring or self.recurrence_rule is None:
            return None
        rule = read_rule(self.recurrence_rule)
        zone = ZoneInfo(self.timezone)
        local = first_date_after(rule, self.local_start(completed_at, zone))
        if local is None or is_over(rule, local, zone):
            return None
        due_date = in_utc(local, zone)
        changes = {
            "id": self.next_id,
            "due_date": due_date,
            "recurrence_rule": count_down(self.recurrence_rule),
            "due_local": with_zone(local, zone),
            "created_at": completed_at,
            "updated_at": completed_at,
        }
        taken_over = self.model_dump(exclude={"etag", "completed", "reminder_at"})
        next_task = Task(**(taken_over | changes))
        if self.due_date and self.reminder_at:
            next_task.reminder_at = due_date - (self.due_date - self.reminder_at)
        return next_task

    def local_start(self, completed_at: datetime, zone: ZoneInfo) -> datetime:
        """The due date by the clock of its zone, as it was when it was set; without one, now."""
        if self.due_date is None:
            return local_time(completed_at.replace(microsecond=0), zone)
        if self.due_local is not None:
            noted, _, zone_name = self.due_local.removesuffix("]").partition("[")
            noted_date = datetime.fromisoformat(noted)
            # Otherwise a PATCH has changed the date or the zone since.
            if noted_date == self.due_date and zone_name == self.timezone:
                return noted_date.replace(tzinfo=None)
        return local_time(self.due_date, zone)


def local_time(moment: datetime, zone: ZoneInfo) -> datetime:
    """A moment by the clock of a zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def with_zone(local: datetime, zone: ZoneInfo) -> str:
    """A local time with its offset and zone, such as 2027-01-31T09:00:00+01:00[Europe/Berlin]."""
    return f"{local.replace(tzinfo=zone).isoformat()}[{zone.key}]"


def count_down(rule: str) -> str:
    """The rule with a COUNT that is one less, if it has one."""
    return re.sub("(?i)(?<=COUNT=)[+]?[0-9]+", lambda count: str(int(count[0]) - 1), rule)
