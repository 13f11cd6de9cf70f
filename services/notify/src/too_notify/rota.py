"""Who is on duty: hours local to the person, a weekly rota, and overrides that win over both.

Overrides win over the rota, and a rota wins over hours: while a rota is kept, a person's hours
matter only for entries that name no times of their own; without any rota, everybody is on duty
during their own hours, in the order of the contact cards.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)
EVERY_DAY = frozenset(range(7))


def zone(name: str) -> ZoneInfo:
    """IANA time zone by name.

    Raises
    ------
    ValueError
        If there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone") from error


@dataclass(frozen=True, slots=True)
class Hours:
    """A daily interval of the wall clock, both ends inclusive; it may cross midnight."""

    begins: time
    ends: time

    def __post_init__(self) -> None:
        if self.begins == self.ends:
            raise ValueError("an interval that begins when it ends is empty; leave both out")

    def contains(self, local: datetime, weekdays: frozenset[int] = EVERY_DAY) -> bool:
        """Say whether a local wall-clock time lies inside.

        Parameters
        ----------
        local
            Aware local time; only its wall clock is looked at.
        weekdays
            Days on which the interval *begins*, Monday is 0.
        """
        clock, today = local.time(), local.weekday()
        if self.begins < self.ends:
            return today in weekdays and self.begins <= clock <= self.ends
        return (clock >= self.begins and today in weekdays) or (
            clock <= self.ends and (today - 1) % 7 in weekdays
        )


@dataclass(frozen=True, slots=True)
class Person:
    """What the rota needs to know of a person. Without hours: always."""

    account_id: UUID
    timezone: str = "UTC"
    hours: Hours | None = None
    position: int = 0
    reachable: bool = True

    def in_hours(self, now: datetime) -> bool:
        """Say whether ``now`` lies in the person's own hours."""
        return self.hours is None or self.hours.contains(now.astimezone(zone(self.timezone)))


@dataclass(frozen=True, slots=True)
class RotaEntry:
    """A weekly entry: this person, on these days, at these hours or at the person's own."""

    account_id: UUID
    position: int = 0
    weekdays: frozenset[int] = EVERY_DAY
    hours: Hours | None = None
    timezone: str | None = None

    def covers(self, now: datetime, person: Person) -> bool:
        """Say whether the entry puts its person on duty at ``now``."""
        local = now.astimezone(zone(self.timezone or person.timezone))
        hours = self.hours or person.hours
        if hours is None:
            return local.weekday() in self.weekdays
        if self.hours is None:
            local = now.astimezone(zone(person.timezone))
        return hours.contains(local, self.weekdays)


class OverrideKind(StrEnum):
    """Puts somebody on duty, or takes somebody off."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Override:
    """An exception: from ``begins_at`` up to, not including, ``ends_at``."""

    account_id: UUID
    kind: OverrideKind
    begins_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.begins_at >= self.ends_at:
            raise ValueError("an override must end after it begins")

    def covers(self, now: datetime) -> bool:
        """Say whether the override is in force."""
        return self.begins_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Roster:
    """People, rota and overrides together."""

    people: Sequence[Person]
    entries: Sequence[RotaEntry] = ()
    overrides: Sequence[Override] = ()

    def on_duty(self, now: datetime) -> tuple[UUID, ...]:
        """Accounts on duty at ``now``, first to be called first.

        Those put on by an override come first, in the order in which overrides were made.
        """
        people = {person.account_id: person for person in self.people if person.reachable}
        running = [override for override in self.overrides if override.covers(now)]
        off = {override.account_id for override in running if override.kind is OverrideKind.OFF}
        on = [override.account_id for override in running if override.kind is OverrideKind.ON]
        if self.entries:
            regular = [
                entry.account_id
                for entry in sorted(self.entries, key=lambda entry: entry.position)
                if entry.account_id in people and entry.covers(now, people[entry.account_id])
            ]
        else:
            regular = [
                person.account_id
                for person in sorted(people.values(), key=lambda person: person.position)
                if person.in_hours(now)
            ]
        last_word = {override.account_id: override.kind for override in running}
        chosen = [account for account in on if last_word[account] is OverrideKind.ON]
        chosen += [account for account in regular if account not in off]
        return tuple(account for account in dict.fromkeys(chosen) if account in people)

    def everybody(self, now: datetime) -> tuple[UUID, ...]:
        """Everybody reachable: those on duty first, then the rota's, then the others."""
        people = {person.account_id for person in self.people if person.reachable}
        rota = [entry.account_id for entry in sorted(self.entries, key=lambda item: item.position)]
        cards = [
            person.account_id for person in sorted(self.people, key=lambda item: item.position)
        ]
        order = dict.fromkeys((*self.on_duty(now), *rota, *cards))
        return tuple(account for account in order if account in people)

    def next_change(self, now: datetime, horizon: timedelta) -> datetime:
        """First instant after ``now`` at which duty differs, at most ``now + horizon``.

        An interval includes its last instant, so a change lies one microsecond after it.
        """
        current, limit = self.on_duty(now), now + horizon
        for instant in sorted(set(self._candidates(now, limit))):
            if now < instant < limit and self.on_duty(instant) != current:
                return instant
        return limit

    def next_gap(self, now: datetime, horizon: timedelta) -> datetime | None:
        """First instant in ``[now, now + horizon)`` at which nobody is on duty, or None."""
        instant, limit = now, now + horizon
        while instant < limit:
            if not self.on_duty(instant):
                return instant
            instant = self.next_change(instant, limit - instant)
        return None

    def _candidates(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        for override in self.overrides:
            yield override.begins_at
            yield override.ends_at
        zones = {person.account_id: person.timezone for person in self.people}
        intervals = {(person.timezone, person.hours) for person in self.people}
        intervals |= {
            (entry.timezone or zones[entry.account_id], entry.hours)
            for entry in self.entries
            if entry.account_id in zones
        }
        days = _days(begin, end)
        for name, hours in intervals:
            tz = zone(name)
            midnight = (time(0),)
            clocks = midnight if hours is None else (*midnight, hours.begins, hours.ends)
            for day in days:
                for clock in clocks:
                    for fold in (0, 1):
                        wall = datetime.combine(day, clock, tz).replace(fold=fold)
                        yield wall.astimezone(UTC)
                        yield wall.astimezone(UTC) + _TICK
        for name in {name for name, _ in intervals}:
            yield from _offset_changes(zone(name), begin, end)


def _days(begin: datetime, end: datetime) -> list[date]:
    first = begin.date() - timedelta(days=2)
    return [first + timedelta(days=n) for n in range((end.date() - first).days + 3)]


def _offset_changes(tz: ZoneInfo, begin: datetime, end: datetime) -> Iterable[datetime]:
    """Instants at which a zone's offset from UTC changes, to the second."""
    instant = begin.replace(minute=0, second=0, microsecond=0)
    while instant < end:
        following = instant + _HOUR
        if instant.astimezone(tz).utcoffset() != following.astimezone(tz).utcoffset():
            low, high = 0, 3600
            offset = instant.astimezone(tz).utcoffset()
            while high - low > 1:
                middle = (low + high) // 2
                at = (instant + timedelta(seconds=middle)).astimezone(tz)
                low, high = (middle, high) if at.utcoffset() == offset else (low, middle)
            yield instant + timedelta(seconds=high)
        instant = following
