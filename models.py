"""The tables `users` and `tasks`, and what a row knows how to do, such as its next occurrence."""

import re
import uuid
from calendar import isleap, monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from random import getrandbits
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, StrictBool, StringConstraints
from sqlalchemy import JSON, CheckConstraint, DateTime, Enum, Index, Uuid, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, UTCDateTime

# ---------------------------------------------------------------- time

FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2200, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
LAST_DAY = LAST_MOMENT.toordinal()
# The package's own list, so that every machine knows the same zones.
TIMEZONES = frozenset((files("tzdata") / "zones").read_text().split())


def utc_now() -> datetime:
    """This moment, aware and in UTC."""
    return datetime.now(UTC)


# ---------------------------------------------------------------- recurrence

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# Each part's largest number, and the frequencies that RFC 5545 (3.3.10) defines it for.
NUMBERED_PARTS = {
    "BYMONTH": (12, FREQUENCIES),
    "BYMONTHDAY": (31, ("DAILY", "MONTHLY", "YEARLY")),
    "BYYEARDAY": (366, ("YEARLY",)),
    "BYWEEKNO": (53, ("YEARLY",)),
    "BYSETPOS": (366, FREQUENCIES),
}
PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *NUMBERED_PARTS)
# The years from here to the last one are of every kind: leap or not, after a leap year or not, from each weekday on.
EVERY_KIND_OF_YEAR = date(2171, 1, 1)

Filter = frozenset[Any]


@dataclass(frozen=True)
class RecurrenceRule:
    """An RRULE on whole days; a filter without an entry lets every day through."""

    frequency: str
    interval: int
    count: int | None
    until: date | datetime | None
    week_start: int
    positions: frozenset[int]
    filters: dict[str, Filter]

    def dates_after(self, start: date) -> Iterator[date]:
        """The series that begins on `start`, without `start`, until the last year a task may be due in."""
        rule = replace(self, filters=self._filters_from(start))
        if self.frequency == "DAILY":
            yield from filter(rule._passes, map(date.fromordinal, range(start.toordinal(), LAST_DAY + 1, self.interval)[1:]))
            return
        barren: set[tuple[int, int, bool, bool]] = set()
        for period in rule._periods(start):
            # Months and years of one kind hold the same days, so each kind is searched in vain but once.
            kind = kind_of_year_and_month(period[0]) if len(period) > 7 else None
            if kind is None or kind not in barren:
                days = rule._days(period)
                yield from (day for day in days if day > start)
                if kind and not days:
                    barren.add(kind)

    def ends_before(self, day: date, moment: datetime) -> bool:
        """Whether UNTIL, a local date or a moment in UTC, lies before this occurrence."""
        if isinstance(self.until, datetime):
            return self.until < moment
        return self.until is not None and self.until < day

    def counted_down(self, text: str) -> str:
        """The rule's text for the next occurrence: COUNT counts what is left of the series."""
        return re.sub("(?i)(?<=COUNT=)[0-9]+", str((self.count or 0) - 1), text)

    def _filters_from(self, start: date) -> dict[str, Filter]:
        """What the rule leaves open is as on the day it starts."""
        if self.frequency == "DAILY" or self.filters.keys() - {"BYMONTH"}:
            return self.filters
        if self.frequency == "WEEKLY":
            return self.filters | {"BYDAY": frozenset({start.weekday()})}
        month = {"BYMONTH": frozenset({start.month})} if self.frequency == "YEARLY" else {}
        return month | self.filters | {"BYMONTHDAY": frozenset({start.day})}

    def _periods(self, start: date) -> Iterator[range]:
        """Every INTERVAL-th week, month or year from the one of `start` on, as the ordinals of its days."""
        match self.frequency:
            case "YEARLY":
                for year in range(start.year, LAST_MOMENT.year + 1, self.interval):
                    yield range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
            case "MONTHLY":
                for month in range(start.year * 12 + start.month - 1, LAST_MOMENT.year * 12 + 12, self.interval):
                    first = date(month // 12, month % 12 + 1, 1)
                    yield range(first.toordinal(), first.toordinal() + monthrange(first.year, first.month)[1])
            case "WEEKLY":
                monday = start.toordinal() - (start.weekday() - self.week_start) % 7
                for day in range(monday, LAST_DAY + 1, 7 * self.interval):
                    yield range(day, day + 7)

    def _days(self, period: range) -> list[date]:
        """The days that pass every filter; of these, when BYSETPOS is given, the ones at its places."""
        days = [day for day in map(date.fromordinal, period) if self._passes(day)]
        if not self.positions:
            return days
        places = {place: day for n, day in enumerate(days, 1) for place in from_both_ends(n, len(days))}
        return sorted({places[place] for place in self.positions & places.keys()})

    def _passes(self, day: date) -> bool:
        for part, wanted in self.filters.items():
            if wanted.isdisjoint(self._numbers(part, day)):
                return False
        return True

    def _numbers(self, part: str, day: date) -> tuple[Any, ...]:
        """All the numbers that a part can call this day by."""
        if part == "BYMONTH":
            return (day.month,)
        if part == "BYMONTHDAY":
            return from_both_ends(day.day, monthrange(day.year, day.month)[1])
        if part == "BYYEARDAY":
            return from_both_ends(day_of_year(day), 365 + isleap(day.year))
        if part == "BYWEEKNO":
            return self._week_number(day)
        if part == "BYDAY":
            return (day.weekday(),)
        return self._numbered_weekday(day)

    def _numbered_weekday(self, day: date) -> tuple[tuple[int, int], tuple[int, int]]:
        """Which Monday, Tuesday ... of its month it is, or of its year in a YEARLY rule without months."""
        if self.frequency == "YEARLY" and "BYMONTH" not in self.filters:
            front, back = from_both_ends(day_of_year(day), 365 + isleap(day.year))
        else:
            front, back = from_both_ends(day.day, monthrange(day.year, day.month)[1])
        return ((front + 6) // 7, day.weekday()), (-((6 - back) // 7), day.weekday())

    def _week_number(self, day: date) -> tuple[int, int]:
        """A week belongs to the year that holds its fourth day; December 28 is always in the last one."""
        fourth = self._fourth_of_week(day)
        last = self._fourth_of_week(date(fourth.year, 12, 28))
        return from_both_ends((day_of_year(fourth) + 6) // 7, (day_of_year(last) + 6) // 7)

    def _fourth_of_week(self, day: date) -> date:
        return date.fromordinal(day.toordinal() - (day.weekday() - self.week_start) % 7 + 3)


def kind_of_year_and_month(ordinal: int) -> tuple[int, int, bool, bool]:
    """What decides on which weekdays and in which weeks the days from here to the end of the year lie."""
    day = date.fromordinal(ordinal)
    return day.month, day.weekday(), isleap(day.year), isleap(day.year - 1)


def day_of_year(day: date) -> int:
    """1 for January 1."""
    return day.timetuple().tm_yday


def from_both_ends(number: int, length: int) -> tuple[int, int]:
    """The same place counted from the front and, with -1 for the last, from the back."""
    return number, number - length - 1


def read_number(part: str, value: str, largest: int | None = None) -> int:
    """A whole number that is not zero; with `largest` it may be negative, except for a month."""
    sign = "[+-]?" if largest and part != "BYMONTH" else ""
    number = int(value) if re.fullmatch(rf"{sign}\d+", value) else 0
    if not number or (largest and abs(number) > largest):
        raise ValueError(f"{part} must hold " + (f"numbers from 1 to {largest}" if largest else "a number from 1"))
    return number


def read_weekday(value: str) -> tuple[int, int]:
    """`MO` is (0, 0), any Monday; `-1FR` is (-1, 4), the last Friday."""
    number, name = value[:-2], value[-2:]
    if name not in WEEKDAYS:
        raise ValueError("BYDAY must list weekdays, such as MO,FR or -1FR")
    return read_number("BYDAY", number, 53) if number else 0, WEEKDAYS.index(name)


def read_until(value: str) -> date | datetime:
    """A date, or a moment in UTC."""
    try:
        if not re.fullmatch(r"\d{8}(T\d{6}Z)?", value):
            raise ValueError
        if value.endswith("Z"):
            return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.strptime(value, "%Y%m%d").date()
    except ValueError:
        raise ValueError("UNTIL must be a date, 20271231, or a moment in UTC, 20271231T235959Z") from None


def read_filters(frequency: str, parts: dict[str, str]) -> dict[str, Filter]:
    """The BY parts of a rule, each allowed with its frequency and in its range."""
    filters: dict[str, Filter] = {}
    for part, (largest, frequencies) in NUMBERED_PARTS.items():
        if part in parts:
            if frequency not in frequencies:
                raise ValueError(f"{part} is not defined for FREQ={frequency}")
            filters[part] = frozenset(read_number(part, number, largest) for number in parts[part].split(","))
    if "BYDAY" in parts:
        weekdays = frozenset(map(read_weekday, parts["BYDAY"].split(",")))
        numbered = {number != 0 for number, _ in weekdays}
        if len(numbered) > 1:
            raise ValueError("BYDAY must not mix numbered weekdays with plain ones")
        if True in numbered and (frequency not in ("MONTHLY", "YEARLY") or "BYWEEKNO" in parts):
            raise ValueError("BYDAY with numbers is defined for FREQ=MONTHLY and YEARLY only, and not beside BYWEEKNO")
        if True in numbered:
            filters["numbered BYDAY"] = weekdays
        else:
            filters["BYDAY"] = frozenset(weekday for _, weekday in weekdays)
    return filters


@lru_cache(1024)
def read_rule(value: str) -> RecurrenceRule:
    """An RRULE value of RFC 5545; ValueError says what is wrong with it."""
    pairs = [part.partition("=")[::2] for part in value.upper().removeprefix("RRULE:").split(";")]
    parts = dict(pairs)
    if not value.isascii() or len(parts) < len(pairs) or not parts.keys() <= set(PARTS):
        raise ValueError("must look like FREQ=WEEKLY;BYDAY=MO, with each part once, of " + ", ".join(PARTS))
    if parts.get("FREQ") not in FREQUENCIES:
        raise ValueError("FREQ must be one of " + ", ".join(FREQUENCIES))
    if parts.get("WKST", "MO") not in WEEKDAYS:
        raise ValueError("WKST must be one of " + ", ".join(WEEKDAYS))
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL must not stand together")
    filters = read_filters(parts["FREQ"], parts)
    positions = filters.pop("BYSETPOS", frozenset())
    if positions and not filters:
        raise ValueError("BYSETPOS must stand beside another BY part")
    if parts["FREQ"] == "DAILY" and positions and positions.isdisjoint({1, -1}):
        raise ValueError("BYSETPOS with FREQ=DAILY can only be 1 or -1: a day has one place")
    rule = RecurrenceRule(
        frequency=parts["FREQ"],
        interval=read_number("INTERVAL", parts.get("INTERVAL", "1")),
        count=read_number("COUNT", parts["COUNT"]) if "COUNT" in parts else None,
        until=read_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        week_start=WEEKDAYS.index(parts.get("WKST", "MO")),
        positions=positions,
        filters=filters,
    )
    # With an interval it matches a date too, if it begins on one that it matches without.
    if not any(replace(rule, interval=1).dates_after(EVERY_KIND_OF_YEAR)):
        raise ValueError("matches no date at all")
    return rule


# ---------------------------------------------------------------- values

USER_ID_LENGTH = 255


class Priority(StrEnum):
    """How much a task matters."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


def storable(value: str) -> str:
    """PostgreSQL stores no NUL, and no database a lone surrogate."""
    if re.search("[\0\ud800-\udfff]", value):
        raise ValueError("must not contain a NUL character or a lone surrogate")
    return value


def without_comma(value: str) -> str:
    """Commas separate the tags of a filter."""
    if "," in value:
        raise ValueError("must not contain a comma")
    return storable(value)


def iso_string(value: Any) -> Any:
    """Pydantic would read numbers and strings of digits as Unix time."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value)):
        raise ValueError("must be an ISO 8601 date and time, such as 2027-01-31T09:00:00Z")
    return value


def in_utc(value: datetime) -> datetime:
    """Without an offset it is UTC; within these years no later calculation overflows."""
    value = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not FIRST_MOMENT <= value <= LAST_MOMENT:
        raise ValueError("must lie in the years 1970 to 2200 in UTC")
    return value.astimezone(UTC)


def capitalized(value: Any) -> Any:
    """Any letter case is read."""
    return value.capitalize() if isinstance(value, str) else value


def known_timezone(value: str) -> str:
    """The clock of a recurrence must run on every machine."""
    if value not in TIMEZONES:
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return value


def distinct(values: list[str]) -> list[str]:
    """The first of each, in order."""
    return list(dict.fromkeys(values))


def readable_rule(value: str) -> str:
    """A rule that `read_rule` refuses is never stored."""
    read_rule(value)
    return value


UserId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=USER_ID_LENGTH), AfterValidator(storable)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)]
Description = Annotated[str, StringConstraints(max_length=2000), AfterValidator(storable)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(without_comma)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(distinct)]
Moment = Annotated[datetime, BeforeValidator(iso_string), AfterValidator(in_utc)]
AnyCasePriority = Annotated[Priority, BeforeValidator(capitalized)]
Rule = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(readable_rule)]
TimeZone = Annotated[str, AfterValidator(known_timezone)]

# ---------------------------------------------------------------- tables


def new_etag() -> str:
    """Random, so that no two versions of a task share one, not even after it was deleted and made again."""
    return f"{getrandbits(64):016x}"


def new_task_id() -> str:
    """A random UUID, in the form that goes out."""
    return str(uuid.uuid4())


# An enum and JSONB on PostgreSQL; on SQLite a CHECK and JSON.
PRIORITY: Any = Enum(Priority, name="task_priority", values_callable=lambda names: [str(name) for name in names], create_constraint=True)
# A UUID in the database, and its text here.
TASK_ID: Any = Uuid(as_uuid=False)
STRING_LIST: Any = JSON().with_variant(JSONB(), "postgresql")


class User(SQLModel, table=True):
    """An account, or the row that an outside issuer's user gets with their first task."""

    __tablename__ = "users"

    id: str = Field(primary_key=True, max_length=USER_ID_LENGTH)
    email: str | None = Field(default=None, max_length=254, unique=True)
    name: str | None = Field(default=None, max_length=200)
    password_hash: str | None = Field(default=None, max_length=255)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UTCDateTime)


class TaskBase(SQLModel):
    """What a client says of a task, and reads back."""

    title: Title
    description: Description | None = None
    completed: StrictBool = Field(default=False, sa_column_kwargs={"server_default": false()})
    priority: AnyCasePriority = Field(default=Priority.MEDIUM, sa_type=PRIORITY, sa_column_kwargs={"server_default": Priority.MEDIUM.value})
    tags: Tags = Field(default_factory=list, sa_type=STRING_LIST, sa_column_kwargs={"server_default": "[]"})
    due_date: Moment | None = Field(default=None, sa_type=UTCDateTime)
    reminder_at: Moment | None = Field(default=None, sa_type=UTCDateTime)
    is_recurring: StrictBool = Field(default=False, sa_column_kwargs={"server_default": false()})
    recurrence_rule: Rule | None = None
    timezone: TimeZone = Field(default="UTC", sa_column_kwargs={"server_default": "UTC"})


# The rules that only a whole row can break: the constraint's name, then the field and what is wrong with it.
ROW_RULES = {
    "reminder_not_after_due_date": ("reminder_at", "must not be later than due_date"),
    "recurring_has_rule": ("recurrence_rule", "must be given for a recurring task"),
}


class Task(TaskBase, table=True):
    """A task of one user; `etag` is another after every change."""

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

    id: str = Field(default_factory=new_task_id, primary_key=True, sa_type=TASK_ID)
    user_id: str = Field(max_length=USER_ID_LENGTH, foreign_key="users.id", ondelete="CASCADE")
    etag: str = Field(default_factory=new_etag, max_length=16, sa_column_kwargs={"server_default": ""})
    # Where a gap in the local clock moved the due date: the time that the rule gave, for the series to go on from.
    series_time: datetime | None = Field(default=None, sa_type=DateTime)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UTCDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UTCDateTime)

    @property
    def next_id(self) -> str:
        """Always the same, so that the primary key keeps a second next occurrence out."""
        return str(uuid.uuid5(uuid.UUID(self.id), "next"))

    def next_occurrence(self, completed_at: datetime) -> "Task | None":
        """The open task that follows this one in its series, or None at the end of the series."""
        rule = read_rule(self.recurrence_rule or "")
        zone = ZoneInfo(self.timezone)
        current = self.due_date or completed_at.replace(microsecond=0)
        local = self.series_time or current.astimezone(zone).replace(tzinfo=None, fold=0)
        for day in rule.dates_after(local.date()):
            planned = datetime.combine(day, local.time())
            # RFC 5545, 3.3.5: a time in a gap counts with the offset before it, a doubled one is the first. So does fold=0.
            due_date = planned.replace(tzinfo=zone).astimezone(UTC)
            if due_date > current:
                break
        else:
            return None
        if rule.count == 1 or rule.ends_before(day, due_date) or due_date > LAST_MOMENT:
            return None
        return Task(
            **self.model_dump(include={"user_id", "title", "description", "priority", "tags", "timezone"}),
            id=self.next_id,
            due_date=due_date,
            series_time=planned if due_date.astimezone(zone).replace(tzinfo=None) != planned else None,
            reminder_at=due_date - (self.due_date - self.reminder_at) if self.due_date and self.reminder_at else None,
            is_recurring=True,
            recurrence_rule=rule.counted_down(self.recurrence_rule or ""),
            created_at=completed_at,
            updated_at=completed_at,
        )
