"""What the mails say and carry, and what can not get into them."""

import email
import html
import re
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from babel.numbers import get_currency_precision
from icalendar import Calendar

from notification_service.kinds.accounts import AccountPayload
from notification_service.kinds.base import Payload
from notification_service.kinds.bookings import MAX_TICKETS
from notification_service.kinds.events import MAX_CALENDAR_ENTRIES, event_values
from notification_service.kinds.registry import KINDS, read_payload
from notification_service.messages.service import resend
from notification_service.previews.samples import sample_data, sample_link, sample_payload
from notification_service.rendering.context import Recipient
from notification_service.rendering.formats import Formats, formats_for, supported_locale
from notification_service.rendering.mime import (
    InvalidAddress,
    compose,
    message_id,
    recipient_address,
)
from notification_service.rendering.renderer import EmailContent, EmailRenderer
from service_kit.clock import utc_now
from service_kit.ids import new_id
from service_kit.money import CURRENCY_DIGITS, major_units
from service_kit.timezones import zone_of
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_message

LOCALES = ("en", "ru")
DETAILS = ("doors_at", "organizer_name", "payment_note")
CACHED = type(event_values)
SENDER = Address("Parterre", "tickets", "parterre.example")
HOSTILE = "<script>alert(1)</script> \"'>\r\nBcc: evil@evil.example\r\n\r\n{{ 7 * 7 }} \u202eevil"


def write(renderer: EmailRenderer, kind: str, payload: Payload, locale: str = "en") -> EmailContent:
    return renderer.render(
        payload,
        Recipient("Ada", locale),
        now=utc_now(),
        link=sample_link(),
        unsubscribe_token="token" if kind == "event-reminder" else None,
    )


def as_mail(content: EmailContent, recipient: Address | None = None) -> EmailMessage:
    sent = compose(
        content,
        sender=str(SENDER),
        recipient=recipient or Address("Ada", "ada", "guests.example"),
        identity=message_id("key", domain="parterre.example"),
        at=utc_now(),
    )
    assert all(len(line) <= 998 for line in sent.split(b"\r\n"))
    assert sent.isascii()
    return email.message_from_bytes(sent, policy=default)


def body(mail: EmailMessage, form: str) -> str:
    part = mail.get_body((form,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_in_every_language(
    renderer: EmailRenderer, kind: str, locale: str
) -> None:
    content = write(renderer, kind, sample_payload(kind), locale)
    mail = as_mail(content)

    text, html = body(mail, "plain"), body(mail, "html")
    assert mail["Subject"] == content.subject != ""
    assert mail["Content-Language"] == locale
    assert ("Здравствуйте" in text) == (locale == "ru")
    assert f'lang="{locale}"' in html
    assert "undefined" not in (text + html).lower()
    assert max(len(line) for line in text.split("\n") if "http" not in line) <= 76


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_mails_link_to_the_public_url_only(renderer: EmailRenderer, kind: str, locale: str) -> None:
    mail = as_mail(write(renderer, kind, sample_payload(kind), locale))

    for form in ("plain", "html"):
        links = re.findall(r"https?://[^\s\"'<>]+", body(mail, form))
        assert links
        assert all(link.startswith("https://parterre.example") for link in links)


@pytest.mark.parametrize("kind", KINDS)
def test_both_forms_have_the_same_links(renderer: EmailRenderer, kind: str) -> None:
    mail = as_mail(write(renderer, kind, sample_payload(kind)))

    def links(form: str) -> set[str]:
        return set(re.findall(r"https?://[^\s\"'<>]+", body(mail, form)))

    assert links("plain") == links("html")


def hostile(kind: str) -> Payload:
    """The kind's sample with every text replaced."""

    def replace(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: replace(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [replace(v, key) for v in value]
        kept = key.endswith(("id", "ids", "_at", "_deadline")) or key in (
            "timezone",
            "status",
            "currency",
        )
        return value if kept or not isinstance(value, str) else HOSTILE

    data = sample_data(kind)
    data.pop("changes", None)
    return read_payload(kind, replace(data))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_people_wrote_is_code_or_a_header(
    renderer: EmailRenderer, kind: str, locale: str
) -> None:
    content = renderer.render(
        hostile(kind), Recipient(HOSTILE, locale), now=utc_now(), link=sample_link()
    )
    mail = as_mail(content, recipient_address("ada@guests.example", HOSTILE))

    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    assert mail["To"].addresses[0].addr_spec == "ada@guests.example"
    assert "<script" not in body(mail, "html")
    assert "{{ 7 * 7 }}" in body(mail, "html") or "49" not in body(mail, "html")
    assert "\u202e" not in content.subject + content.text + content.html


@pytest.mark.parametrize("address", ["", "@", "ada", "ada@", "@guests.example", "a@b\r\nc.example"])
def test_an_address_that_mail_cannot_go_to_is_refused(address: str) -> None:
    with pytest.raises(InvalidAddress):
        recipient_address(address, "Ada")


def test_a_domain_of_another_alphabet_goes_out_as_the_dns_knows_it() -> None:
    assert recipient_address("ada@почта.рф", None).addr_spec == "ada@xn--80a1acny.xn--p1ai"


def test_a_confirmation_carries_a_code_for_each_ticket_and_a_calendar_file(
    renderer: EmailRenderer,
) -> None:
    mail = as_mail(write(renderer, "booking-confirmed", sample_payload("booking-confirmed")))

    html = body(mail, "html")
    images = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(images) == 2
    for part in images:
        assert f"cid:{part['Content-ID'].strip('<>')}" in html
        assert part.get_content().startswith(b"\x89PNG")
        assert part.get_content_disposition() == "inline"
    [file] = mail.iter_attachments()
    assert file.get_content_type() == "text/calendar"
    assert file.get_param("method") == "PUBLISH"


OFFERS_TO_CANCEL = {"en": "Can you not come?", "ru": "Не сможете прийти?"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("deadline", "starts", "ends", "is_open"),
    [
        # Hours from now; without a deadline it is the start, and the end is the last in any case.
        (1, 30, 32, True),
        (-1, 30, 32, False),
        (0, 30, 32, False),
        (None, 30, 32, True),
        (None, -1, 1, False),
        (1, -1, 2, True),
        (9, -2, -1, False),
    ],
)
def test_a_confirmation_offers_to_cancel_only_while_one_may_and_says_until_when(
    renderer: EmailRenderer,
    locale: str,
    deadline: float | None,
    starts: float,
    ends: float,
    is_open: bool,
) -> None:
    now = utc_now().replace(second=0, microsecond=0)

    def at(hours: float) -> str:
        return (now + timedelta(hours=hours)).isoformat()

    data = sample_data("booking-confirmed", locale)
    data["event"] |= {"starts_at": at(starts), "ends_at": at(ends), "timezone": "Europe/Berlin"}
    data["event"].pop("cancellation_deadline", None)
    if deadline is not None:
        data["event"]["cancellation_deadline"] = at(deadline)
    payload = read_payload("booking-confirmed", data)
    content = renderer.render(payload, Recipient("Ada", locale), now=now)

    until = now + timedelta(hours=starts if deadline is None else deadline)
    named = formats_for(locale).day_and_time(until, zone_of("Europe/Berlin"))
    for text in (content.text, content.html):
        said = re.sub(r"\s+", " ", html.unescape(text))
        assert (OFFERS_TO_CANCEL[locale] in said) == is_open
        assert not is_open or re.sub(r"\s+", " ", named) in said


@pytest.mark.parametrize(
    ("locale", "labels"),
    [("en", ("Doors", "Organizer", "How to pay")), ("ru", ("Вход", "Организатор", "Как оплатить"))],
)
def test_a_confirmation_says_who_organizes_how_to_pay_and_when_doors_open(
    renderer: EmailRenderer, locale: str, labels: tuple[str, ...]
) -> None:
    data = sample_data("booking-confirmed", locale)
    starts_at = datetime(2027, 1, 20, 18, 30, tzinfo=UTC)
    data["event"] |= {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
        "doors_at": (starts_at - timedelta(hours=1)).isoformat(),
        "organizer_name": "Music <b>Society</b>",
        "payment_note": "At the office,\nby <i>card</i>.",
    }
    without = {**data, "event": data["event"] | dict.fromkeys(DETAILS)}
    content, plain = (
        renderer.render(
            read_payload("booking-confirmed", of), Recipient("Ada", locale), now=starts_at
        )
        for of in (data, without)
    )
    time = formats_for(locale).time(starts_at - timedelta(hours=1), zone_of("Europe/Berlin"))
    shown = (*labels, time, "Music <b>Society</b>", "by <i>card</i>.")
    for text, absent in ((content.text, plain.text), (html.unescape(content.html), plain.html)):
        assert all(part in text for part in shown)
        assert not any(part in absent for part in shown)
    assert "<b>Society" not in content.html and "<i>card" not in content.html


def test_a_large_booking_shows_some_tickets_and_counts_the_rest(renderer: EmailRenderer) -> None:
    data = sample_data("booking-confirmed")
    seat = data["seats"][0]
    data |= {"quantity": 50, "seats": [seat | {"id": str(new_id())} for _ in range(50)]}

    content = write(renderer, "booking-confirmed", read_payload("booking-confirmed", data))

    assert len(content.images) == MAX_TICKETS
    assert "30 more tickets" in content.text


@pytest.mark.parametrize("seats", [21, 3_500, 100_000])
async def test_a_booking_of_any_size_has_its_mail_and_has_it_again(
    mail_worker: WorkerForTests, seats: int
) -> None:
    """As of a sender that says all of them."""
    seat = {"id": str(new_id()), "section": "Stalls", "row": "A", "number": 1}
    data = {
        "quantity": seats,
        "seats": [seat | {"ticket_code": f"{n:026}"} for n in range(seats)],
    }
    message = make_message(data=data)

    await mail_worker.receive(message)
    async with mail_worker.database.transaction() as session:
        await resend(session, UUID(message["id"]), user_id=UUID(message["user_id"]))
    await mail_worker.work_off()

    assert (await mail_worker.row(message)).status == "sent"
    first, again = mail_worker.mails
    for sent in (first, again):
        assert len(sent.content) < 200_000
        codes = [part for part in sent.message.walk() if part.get_content_type() == "image/png"]
        assert len(codes) == MAX_TICKETS
        text = body(sent.message, "plain")
        assert f"Your booking has {seats:,} tickets; the first 20 are here." in " ".join(
            text.split()
        )
        assert "https://parterre.example/bookings/" in text


@pytest.mark.parametrize("kind", ["event-changed", "event-cancelled"])
def test_the_file_of_somebody_with_many_bookings_has_an_end(
    renderer: EmailRenderer, kind: str
) -> None:
    data = sample_data(kind) | {"booking_ids": [str(new_id()) for _ in range(5_000)]}

    content = write(renderer, kind, read_payload(kind, data))

    assert content.calendar is not None
    assert len(Calendar.from_ical(content.calendar).events) == MAX_CALENDAR_ENTRIES
    assert len(content.calendar) < 500_000


@pytest.mark.parametrize("locale", ["en", "ru"])
@pytest.mark.parametrize("kind", ["event-cancelled", "event-changed"])
def test_a_reason_of_several_lines_keeps_them_and_is_in_no_header(
    renderer: EmailRenderer, kind: str, locale: str
) -> None:
    reason = "The soprano is ill.\r\n\r\nBcc: eve@evil.example\r\n<b>at</b> the box office"

    content = write(
        renderer, kind, read_payload(kind, sample_data(kind) | {"reason": reason}), locale
    )

    quoted = "> The soprano is ill.\n>\n> Bcc: eve@evil.example\n> <b>at</b> the box office\n"
    assert quoted in re.sub(r" +\n", "\n", content.text)
    assert re.search(
        r"<p [^>]*>The soprano is ill\.</p><p [^>]*>Bcc: eve@evil\.example<br>"
        r"&lt;b&gt;at&lt;/b&gt; the box office</p>",
        content.html,
    )
    mail = as_mail(content)
    assert mail["Bcc"] is None
    assert not any("soprano" in value or "evil" in value for value in mail.values())


RIGHT_TO_LEFT = "ערב של מוזיקה: Bach (2026)"


@pytest.mark.parametrize(
    "kind", [kind for kind, model in KINDS.items() if not issubclass(model, AccountPayload)]
)
def test_a_title_from_right_to_left_turns_nothing_around_it(
    renderer: EmailRenderer, kind: str
) -> None:
    data = sample_data(kind)
    data["event"] |= {"title": RIGHT_TO_LEFT, "venue": "אולם", "city": "תל אביב"}

    content = write(renderer, kind, read_payload(kind, data))

    isolated = f"\u2068{RIGHT_TO_LEFT}\u2069"
    if kind != "organizer-message":
        assert isolated in content.subject
    assert isolated in content.text
    assert "\u2068אולם\u2069, \u2068תל אביב\u2069" in content.text
    assert re.search(rf'<h2 dir="auto" [^>]*>{re.escape(isolated)}</h2>', content.html)
    mail = as_mail(content)
    assert mail["Subject"] == content.subject


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada Lovelace", "Hello Ada Lovelace,"),
        ("J. R. R. Tolkien", "Hello J. R. R. Tolkien,"),
        ("Анна-Мария О’Нил", "Hello Анна-Мария О’Нил,"),
        ("עדה", "Hello \u2068עדה\u2069,"),
        ("https://evil.example/win", "Hello,"),
        ("Win at evil.example now", "Hello,"),
        ("www evil example", "Hello,"),
        ("WWW.evil", "Hello,"),
        ("win@evil.example", "Hello,"),
        ("evil。example", "Hello,"),
        ("evil．example", "Hello,"),
        ("a" * 101, "Hello,"),
        ("\u200b\u2060", "Hello,"),
        ("\u3164", "Hello,"),
        (" ", "Hello,"),
        ("", "Hello,"),
    ],
)
@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("verify-email", "reset-password")])
def test_nobody_is_greeted_by_a_link_or_by_nothing(
    renderer: EmailRenderer, kind: str, name: str, greeting: str
) -> None:
    content = renderer.render(sample_payload(kind), Recipient(name, "en"), now=utc_now())

    assert greeting in content.text.split("\n")
    assert f">{greeting}</p>" in content.html


@pytest.mark.parametrize("title", ["https://evil.example/win", "Free at www.evil.example"])
def test_no_mail_program_makes_a_link_of_a_title(renderer: EmailRenderer, title: str) -> None:
    for kind in ("event-changed", "booking-confirmed", "event-cancelled", "waitlist-offer"):
        data = sample_data(kind)
        data["event"] |= {"title": title, "venue": title, "city": title}
        content = write(renderer, kind, read_payload(kind, data))
        for form in (content.text, content.html, content.subject):
            assert "https://evil" not in form
            assert "www.evil" not in form
            assert "evil.example" in form


def test_a_change_of_everything_names_everything(renderer: EmailRenderer) -> None:
    data = sample_data("event-changed")
    event = data["event"]
    data["changes"] = {
        "title": ["Old title", event["title"]],
        "starts_at": ["2026-11-20T18:00:00+00:00", event["starts_at"]],
        "ends_at": ["2027-02-20T20:00:00+00:00", event["ends_at"]],
        "timezone": ["America/New_York", event["timezone"]],
        "venue": ["Old hall", event["venue"]],
        "city": ["Boston", event["city"]],
        "of_a_newer_sender": [1, 2],
    }

    content = write(renderer, "event-changed", read_payload("event-changed", data))

    text = " ".join(content.text.split())
    assert "Was: Old title Now: Goldberg Variations by Candlelight" in text
    assert "Was: Friday 20 November 2026, 13:00 – Saturday 20 February 2027, 15:00" in text
    assert "(New York, UTC−5)" in text
    assert "Was: Old hall, Boston Now: Kesselhaus, Berlin" in text


def test_general_admission_numbers_the_tickets(renderer: EmailRenderer) -> None:
    data = sample_data("booking-confirmed")
    data["seats"] = [s | {"section": None, "row": None, "number": None} for s in data["seats"]]

    content = write(renderer, "booking-confirmed", read_payload("booking-confirmed", data))

    assert "Ticket 1: SAMPLE-0012" in content.text
    assert "None" not in content.text


def test_cancelled_tickets_without_numbers_are_not_numbered_as_the_kept_ones(
    renderer: EmailRenderer,
) -> None:
    data = sample_data("seats-cancelled")
    for name in ("seats", "cancelled_seats"):
        data[name] = [s | {"section": None, "row": None, "number": None} for s in data[name]]

    content = write(renderer, "seats-cancelled", read_payload("seats-cancelled", data))

    cancelled = data["cancelled_seats"][0]["ticket_code"]
    assert f"\n  {cancelled}\n" in content.text
    assert content.text.count("Ticket 1:") == 1
    assert f"Ticket 1: {data['seats'][0]['ticket_code']}" in content.text


@pytest.mark.parametrize("kind", KINDS)
def test_only_reminders_can_be_unsubscribed(renderer: EmailRenderer, kind: str) -> None:
    mail = as_mail(write(renderer, kind, sample_payload(kind)))

    if kind == "event-reminder":
        url = "<https://parterre.example/api/v1/notifications/unsubscribe/token>"
        assert mail["List-Unsubscribe"].strip() == url
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "/unsubscribe#token" in body(mail, "plain")
    else:
        assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("starts_at", "text"),
    [
        # Berlin leaves summer time on 25 October 2026 at 3:00.
        (
            datetime(2026, 10, 24, 18, 0, tzinfo=UTC),
            "20:00\xa0– 22:00 (Berlin, UTC+2)",
        ),
        (
            datetime(2026, 10, 25, 18, 0, tzinfo=UTC),
            "19:00\xa0– 21:00 (Berlin, UTC+1)",
        ),
        (
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            "02:30 (UTC+2)\xa0– 03:30 (Berlin, UTC+1)",
        ),
        (
            datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
            "01:30 (UTC+2)\xa0– 02:30 (Berlin, UTC+1)",
        ),
        (
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            "02:30\xa0– 04:30 (Berlin, UTC+1)",
        ),
        # And goes there on 28 March 2027 at 2:00.
        (
            datetime(2027, 3, 28, 0, 30, tzinfo=UTC),
            "01:30 (UTC+1)\xa0– 04:30 (Berlin, UTC+2)",
        ),
    ],
)
def test_times_are_the_events_own_over_a_change_of_the_clocks(
    renderer: EmailRenderer, starts_at: datetime, text: str
) -> None:
    hours = (starts_at, starts_at + timedelta(hours=2))
    data = sample_data("booking-confirmed")
    data["event"] |= {"starts_at": hours[0].isoformat(), "ends_at": hours[1].isoformat()}

    content = write(renderer, "booking-confirmed", read_payload("booking-confirmed", data))

    assert text in content.text
    assert content.calendar is not None
    calendar = Calendar.from_ical(content.calendar)
    entry: Any = calendar.events[0]
    shown = entry["DTSTART"].dt, entry["DTEND"].dt
    assert tuple(at.astimezone(UTC) for at in shown) == hours
    # The file's own rules, and not only the zone's name, give these hours.
    own = calendar.timezones[0].to_tz(lookup_tzid=False)
    for at in shown:
        assert str(at.tzinfo) == "UTC" or own.utcoffset(at.replace(tzinfo=None)) == at.utcoffset()


def test_a_zone_that_is_not_known_is_shown_as_utc(renderer: EmailRenderer) -> None:
    data = sample_data("booking-confirmed")
    data["event"]["timezone"] = "Mars/Olympus"

    content = write(renderer, "booking-confirmed", read_payload("booking-confirmed", data))

    assert "(UTC)" in content.text


def test_a_change_names_what_was_and_what_is(renderer: EmailRenderer) -> None:
    content = write(renderer, "event-changed", sample_payload("event-changed"))

    assert "Was: Old Gasworks, Berlin" in content.text
    assert "Now: Kesselhaus, Berlin" in content.text
    assert content.calendar is not None


@pytest.mark.parametrize(
    ("locale", "count", "text"),
    [
        ("en", 1, "1 ticket"), ("en", 2, "2 tickets"), ("en", 1500, "1,500 tickets"),
        ("ru", 1, "1 билет"), ("ru", 3, "3 билета"), ("ru", 11, "11 билетов"),
        ("ru", 21, "21 билет"), ("ru", 25, "25 билетов"), ("ru", 112, "112 билетов"),
    ],
)  # fmt: skip
def test_plurals(locale: str, count: int, text: str) -> None:
    forms = ("ticket", "tickets") if locale == "en" else ("билет", "билета", "билетов")

    assert Formats(locale).plural(count, *forms) == text


@pytest.mark.parametrize(
    ("locale", "amount", "currency", "text"),
    [
        ("en", 9800, "EUR", "€98.00"), ("ru", 9800, "EUR", "98,00\xa0€"), ("en", 0, "EUR", "Free"),
        ("ru", 0, "RUB", "Бесплатно"), ("en", 500, "JPY", "¥500"), ("ru", 500, "JPY", "500\xa0¥"),
        ("en", 1, "KWD", "KWD\xa00.001"), ("ru", 1234567, "KWD", "1\xa0234,567\xa0KWD"),
        ("en", 500000, "HUF", "HUF\xa05,000.00"), ("ru", 500000, "HUF", "5\xa0000,00\xa0HUF"),
        ("en", 500000, "KRW", "₩500,000"), ("en", 12345, "CLP", "CLP\xa012,345"),
        # Not active any more, or never a currency: in bookings of long ago.
        ("en", 1200, "HRK", "HRK\xa012.00"), ("ru", 1200, "ABC", "12,00\xa0ABC"),
    ],
)  # fmt: skip
def test_money(locale: str, amount: int, currency: str, text: str) -> None:
    assert formats_for(locale).money(amount, currency) == text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("currency", CURRENCY_DIGITS)
def test_money_has_the_digits_of_iso_4217(locale: str, currency: str) -> None:
    digits = CURRENCY_DIGITS[currency]

    text = formats_for(locale).money(1234567, currency)

    point = "." if locale == "en" else ","
    [(whole, fraction)] = re.findall(rf"([\d,\xa0]*\d)(?:{re.escape(point)}(\d+))?(?!\d)", text)[:1]
    shown = re.sub(r"\D", "", whole + fraction)
    assert shown == "1234567"
    assert text.count(point) == (1 if digits else 0) or locale == "en" and "," in text
    assert major_units(1234567, currency) == Decimal(1234567).scaleb(-digits)
    if digits:
        assert re.search(rf"{re.escape(point)}\d{{{digits}}}(?!\d)", text)


def test_the_currencies_that_cldr_writes_otherwise_are_among_them() -> None:
    """The negative control: what was shown before."""
    wrong = {code for code, n in CURRENCY_DIGITS.items() if get_currency_precision(code) != n}
    assert wrong >= {"AFN", "ALL", "IQD", "IRR", "LBP", "RSD"}


@pytest.mark.parametrize(
    ("wanted", "locale"), [("ru", "ru"), ("ru-RU", "ru"), ("RU_ru", "ru"), ("de", "en"), ("", "en")]
)
def test_a_recipient_of_another_language_gets_english(wanted: str, locale: str) -> None:
    assert supported_locale(wanted) == locale


def caches() -> dict[str, int]:
    """How much each cache of the modules that make mails holds."""
    modules = [m for name, m in sys.modules.items() if name.startswith("notification_service.")]
    cached = (f for module in modules for f in vars(module).values() if isinstance(f, CACHED))
    return {f"{f.__module__}.{f.__name__}": f.cache_info().currsize for f in cached}


async def test_no_name_of_a_recipient_is_cached(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    """Names, codes and links are in no cache: a second guest's mails leave nothing more there."""
    for name in ("Grace Hopper", "Joan Clarke"):
        before = caches()
        messages = [make_message(kind) for kind in ("booking-confirmed", "reset-password")]
        for seat in messages[0]["data"]["seats"]:
            seat["ticket_code"] = f"CODE OF {name}"
        for message in messages:
            auth_server.accounts.special[message["user_id"]] = {"full_name": name}
        await mail_worker.receive(*messages)
    assert len(mail_worker.mails) == 4
    assert f"Hello {name}," in body(mail_worker.mails[2].message, "plain")
    assert caches() == before
    # The control: there are caches, and they hold what mails of an event have in common.
    assert before["notification_service.kinds.events.event_values"] > 0


def test_mail_programs_unsubscribe_where_the_service_is() -> None:
    """Without a gateway that is another origin than the page's."""
    renderer = EmailRenderer("https://parterre.example", api_url="https://mails.parterre.example")

    mail = as_mail(write(renderer, "event-reminder", sample_payload("event-reminder")))

    url = "<https://mails.parterre.example/api/v1/notifications/unsubscribe/token>"
    assert mail["List-Unsubscribe"].strip() == url
    assert "https://parterre.example/unsubscribe#token" in body(mail, "plain")
