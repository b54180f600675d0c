"""Times and amounts in a page's language, as the page's scripts write them (CLDR, by babel)."""

from datetime import datetime, timedelta
from functools import cache

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_name
from babel.numbers import format_decimal

from service_kit.money_text import money_text
from service_kit.timezones import zone_of

_FNV_PRIME, _FNV_START = 0x01000193, 0x811C9DC5
HUES = 10


@cache
def locale_of(tag: str) -> Locale:
    return Locale.parse(tag)


class Formats:
    """``tag`` is a locale such as ``en_GB``, ``zone`` a time zone's name. Moments are aware."""

    def __init__(self, tag: str) -> None:
        self.babel = locale_of(tag)

    def date_block(self, at: datetime, zone: str) -> dict[str, str]:
        """Weekday, day and month apart; the year is part of the month unless it is this one."""
        local = at.astimezone(zone_of(zone))
        month = self._date(local, "LLL").replace(".", "")
        this_year = local.year == datetime.now(local.tzinfo).year
        return {
            "weekday": self._date(local, "ccc"),
            "day": str(local.day),
            "month": month if this_year else f"{month} {local.year}",
        }

    def _date(self, local: datetime, pattern: str) -> str:
        return str(format_date(local, pattern, locale=self.babel))

    def time(self, at: datetime, zone: str) -> str:
        return str(format_time(at, "short", tzinfo=zone_of(zone), locale=self.babel))

    def time_and_zone(self, at: datetime, zone: str) -> str:
        local = at.astimezone(zone_of(zone))
        name = get_timezone_name(local, width="short", locale=self.babel)
        # Without a short name in the language: the offset, as browsers write it.
        return f"{self.time(at, zone)} {name if name.isalpha() else _offset(local)}"

    def day_and_time(self, at: datetime, zone: str) -> str:
        day = format_date(at.astimezone(zone_of(zone)), "full", locale=self.babel)
        return f"{day}, {self.time(at, zone)}"

    def time_on_day_of(self, at: datetime, other: datetime, zone: str) -> str:
        """With the day where it is not that of the other moment."""
        days = {moment.astimezone(zone_of(zone)).date() for moment in (at, other)}
        return self.time(at, zone) if len(days) == 1 else self.day_and_time(at, zone)

    def span(self, starts_at: datetime, ends_at: datetime, zone: str) -> str:
        """From and to, without saying the day twice; each with its offset where the clocks change between."""
        start, end = (at.astimezone(zone_of(zone)) for at in (starts_at, ends_at))
        first, last = self.day_and_time(starts_at, zone), self.time_on_day_of(
            ends_at, starts_at, zone
        )
        if start.utcoffset() == end.utcoffset():
            return f"{first} – {last}"
        return f"{first} ({_offset(start, 'UTC')}) – {last} ({_offset(end, 'UTC')})"

    def zone_name(self, starts_at: datetime, ends_at: datetime, zone: str) -> str:
        local = [at.astimezone(zone_of(zone)) for at in (starts_at, ends_at)]
        names = dict.fromkeys(get_timezone_name(at, locale=self.babel) for at in local)
        return f"{' – '.join(names)} ({zone})"

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self.babel))

    def money(self, minor_units: int, currency: str) -> str:
        return money_text(minor_units, currency, str(self.babel))


def _offset(local: datetime, base: str = "GMT") -> str:
    minutes = int((local.utcoffset() or timedelta(0)).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes >= 0 else "-" if base == "GMT" else "\N{MINUS SIGN}"
    return f"{base}{sign}{hours}" + (f":{rest:02}" if rest else "")


def hue(words: str) -> int:
    """The number of the colour that ``tint`` of ``parts.js`` gives to these words (FNV-1a)."""
    value = _FNV_START
    for character in words.lower():
        # As JavaScript multiplies: signed 32 bits, of which only the lower ones count.
        value = ((value ^ ord(character)) * _FNV_PRIME) & 0xFFFFFFFF
    return value % HUES
