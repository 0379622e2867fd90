"""NCRONTAB schedules: ``{second} {minute} {hour} {day} {month} {day of week}``.

Five fields mean second 0. A field is ``*``, a value, a range ``a-b``, a step ``*/n``, ``a-b/n`` or
``a/n`` (from a on), or a list of those. Months and days of the week may be named in English; Sunday
is 0. Unlike in Unix cron, a moment must match the day of the month *and* the day of the week.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

# 29 February falls on a given day of the week again after at most 40 years (around 2100).
_HORIZON_DAYS = 41 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field(name="second", lowest=0, highest=59),
    _Field(name="minute", lowest=0, highest=59),
    _Field(name="hour", lowest=0, highest=23),
    _Field(name="day", lowest=1, highest=31),
    _Field(name="month", lowest=1, highest=12, names=_MONTHS),
    _Field(name="day of week", lowest=0, highest=6, names=_WEEKDAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A parsed schedule; the values of each field in ascending order."""

    expression: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def matches(self, moment: datetime) -> bool:
        """Whether `moment` (its fraction of a second aside) is an occurrence."""
        return (
            moment.second in self.seconds
            and moment.minute in self.minutes
            and moment.hour in self.hours
            and self._matches_day(moment.date())
        )

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly later than `moment`, in the same time zone."""
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        at = self._first_time(start.time())
        if at is not None and self._matches_day(start.date()):
            return datetime.combine(start.date(), at, moment.tzinfo)
        first = time(self.hours[0], self.minutes[0], self.seconds[0])
        for offset in range(1, _HORIZON_DAYS):
            day = start.date() + timedelta(days=offset)
            if self._matches_day(day):
                return datetime.combine(day, first, moment.tzinfo)
        raise ValueError(f"{self.expression!r} has no occurrence after {moment}")

    def _matches_day(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )

    def _first_time(self, earliest: time) -> time | None:
        """The first occurrence within a day that is not before `earliest`."""
        lowest = (earliest.hour, earliest.minute, earliest.second)
        for hour in (h for h in self.hours if h >= earliest.hour):
            for minute in self.minutes:
                if (hour, minute) < lowest[:2]:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= lowest:
                        return time(hour, minute, second)
        return None


def parse_schedule(expression: str) -> Schedule:
    """Read an expression; raises ValueError that names the field at fault."""
    texts = expression.split()
    if len(texts) == 5:
        texts = ["0", *texts]
    if len(texts) != 6:
        raise ValueError(f"{expression!r} has {len(texts)} fields: an NCRONTAB has 5 or 6")
    values = [_values(text, field) for text, field in zip(texts, _FIELDS, strict=True)]
    schedule = Schedule(
        expression=expression,
        seconds=values[0],
        minutes=values[1],
        hours=values[2],
        days=values[3],
        months=values[4],
        weekdays=values[5],
    )
    schedule.next_after(datetime(2000, 1, 1))  # noqa: DTZ001 - any moment: refuses 31 February
    return schedule


def _values(text: str, field: _Field) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        span, has_step, step_text = part.partition("/")
        first, is_range, last = span.partition("-")
        if span == "*":
            low, high = field.lowest, field.highest
        else:
            low = _value(first, field)
            high = _value(last, field) if is_range else (field.highest if has_step else low)
        step = int(step_text) if step_text.isascii() and step_text.isdigit() else 0
        if low > high or (has_step and step < 1):
            raise ValueError(f"{part!r} is no valid {field.name}")
        found.update(range(low, high + 1, step or 1))
    return tuple(sorted(found))


def _value(text: str, field: _Field) -> int:
    if text.isascii() and text.isdigit():
        value = int(text)
    else:
        matching = [n for n in field.names if text.lower() in (n, n[:3])]
        value = field.names.index(matching[0]) + field.lowest if matching else -1
    if not field.lowest <= value <= field.highest:
        raise ValueError(
            f"{text!r} is no valid {field.name}: use {field.lowest} to {field.highest}"
        )
    return value
