"""Dates, times, money and plurals in the recipient's language (CLDR, by babel)."""

from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta, get_timezone_location
from babel.numbers import format_decimal

from service_kit.calendar_files import UTC_NAMES
from service_kit.money_text import money_text
from service_kit.timezones import zone_of

LOCALES: tuple[Literal["en", "ru"], ...] = ("en", "ru")
NUMBER_CACHE_SIZE = 1024
# English dates and times as browsers write en-GB: day before month, 24 hours. Events are in many
# countries, and few of them read 6/7 or PM as Americans do.
DATES = {"en": "en_GB", "ru": "ru"}
DAYS = {"en": "EEEE d MMMM y", "ru": "full"}
FREE = {"en": "Free", "ru": "Бесплатно"}


def supported_locale(locale: str) -> str:
    """The recipient's language if there are templates for it, else English."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language if language in LOCALES else "en"


class Formats:
    """Formats of one language. Times are shown in the given zone, with its name."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self._babel = Locale.parse(locale)
        self._dates = Locale.parse(DATES[locale])

    def day(self, at: datetime, zone: ZoneInfo) -> str:
        return format_date(at.astimezone(zone), DAYS[self.locale], locale=self._dates)

    def time(self, at: datetime, zone: ZoneInfo) -> str:
        return format_time(at.astimezone(zone), "short", tzinfo=zone, locale=self._dates)

    def day_and_time(self, at: datetime, zone: ZoneInfo) -> str:
        return f"{self.day(at, zone)}, {self.time(at, zone)} ({self.zone(at, zone)})"

    def hours(self, starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
        """``19:30 – 22:00 (Berlin, UTC+1)``; with the last day if it is another, and with both offsets
        if the clocks change in between."""
        start, end = self.time(starts_at, zone), self.time(ends_at, zone)
        if starts_at.astimezone(zone).utcoffset() != ends_at.astimezone(zone).utcoffset():
            start = f"{start} ({self.offset(starts_at, zone)})"
        if starts_at.astimezone(zone).date() != ends_at.astimezone(zone).date():
            end = f"{self.day(ends_at, zone)}, {end}"
        return f"{start}\N{NO-BREAK SPACE}– {end} ({self.zone(ends_at, zone)})"

    def zone(self, at: datetime, zone: ZoneInfo) -> str:
        """The zone's city, and its offset from UTC at that moment."""
        offset = self.offset(at, zone)
        return offset if zone.key in UTC_NAMES else f"{_city(zone.key, self.locale)}, {offset}"

    def offset(self, at: datetime, zone: ZoneInfo) -> str:
        if zone.key in UTC_NAMES:
            return "UTC"
        minutes = int((at.astimezone(zone).utcoffset() or timedelta(0)).total_seconds()) // 60
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{'+' if minutes >= 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")

    def money(self, minor_units: int, currency: str) -> str:
        is_free = minor_units == 0
        return FREE[self.locale] if is_free else money_text(minor_units, currency, self.locale)

    def span(self, span: timedelta) -> str:
        minutes = max(1, round(span.total_seconds() / 60))
        unit: Literal["hour", "minute"] = "minute" if minutes % 60 else "hour"
        rounded = timedelta(minutes=minutes)
        return format_timedelta(rounded, granularity=unit, threshold=1e9, locale=self._babel)

    def number(self, value: int) -> str:
        return _number(value, self.locale)

    def plural(self, count: int, *forms: str) -> str:
        """The form for ``count``: one, other in English; one, few, many in Russian."""
        names = ("one", "other") if self.locale == "en" else ("one", "few", "many")
        form = dict(zip(names, forms, strict=True))[self._babel.plural_form(count)]
        return f"{self.number(count)} {form}"


@cache
def _city(zone: str, locale: str) -> str:
    return str(get_timezone_location(zone_of(zone), locale=locale, return_city=True))


@lru_cache(maxsize=NUMBER_CACHE_SIZE)
def _number(value: int, locale: str) -> str:
    return format_decimal(value, locale=locale)


@cache
def formats_for(locale: str) -> Formats:
    return Formats(locale)
