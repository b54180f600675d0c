"""E-mail addresses: the form that is shown, and the ASCII form that identifies an account.

The domain is converted by IDNA2008 (UTS 46, non-transitional), never by Python's ``idna`` codec, which
turns ``faß.de`` into ``fass.de``, a domain of somebody else.
"""

import unicodedata
from dataclasses import dataclass

import email_validator

from service_kit.domains import ascii_domain
from service_kit.text import check_text

# RFC 5321, 4.5.3.1, in octets; the path's angle brackets are counted there.
MAX_ADDRESS, MAX_LOCAL_PART = 254, 64
# Typographic characters that keyboards and word processors insert for an ASCII one.
_ASCII_LOOKALIKES = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07\u00b4", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"),
}
_LETTERS_AND_DIGITS = frozenset({"Ll", "Lu", "Lo", "Mn", "Mc", "Nd"})


class InvalidAddress(ValueError):
    """The message says what is wrong, for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Address:
    """``display`` is the form that is shown, ``ascii`` has the domain in ASCII as the DNS has it."""

    display: str
    ascii: str


def parse_address(value: str) -> Address:
    """The two forms of an address, the same for each of its spellings. Raises InvalidAddress."""
    if len(value) > MAX_ADDRESS:
        raise InvalidAddress(f"has more than {MAX_ADDRESS} characters")
    try:
        text = check_text(value, MAX_ADDRESS).strip()
    except ValueError as error:
        raise InvalidAddress(str(error)) from None
    _refuse_local_part(text.rpartition("@")[0])
    try:
        checked = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise InvalidAddress("is not an e-mail address") from None
    local = unicodedata.normalize("NFC", checked.local_part.lower())
    domain = checked.domain.lower()
    if ascii_domain(domain) != checked.ascii_domain.lower():
        raise InvalidAddress("has a domain to which mail might go astray")
    address = Address(f"{local}@{domain}", f"{local}@{checked.ascii_domain.lower()}")
    if max(len(address.display.encode()), len(address.ascii.encode())) > MAX_ADDRESS:
        raise InvalidAddress(f"is longer than the {MAX_ADDRESS} bytes that mail servers take")
    if len(local.encode()) > MAX_LOCAL_PART:
        raise InvalidAddress(f"has more than {MAX_LOCAL_PART} characters before the @")
    return address


def _refuse_local_part(local: str) -> None:
    """Outside ASCII only letters and digits are accepted, and none that only looks like another (a
    ligature, a full-width letter): no mail server has such an account. Raises InvalidAddress."""
    if len(local.encode(errors="replace")) > MAX_LOCAL_PART:
        raise InvalidAddress(f"has more than {MAX_LOCAL_PART} characters before the @")
    for character in local:
        if character.isascii():
            continue
        if character in _ASCII_LOOKALIKES:
            raise InvalidAddress(
                f"holds {character}, which no mail server takes; type {_ASCII_LOOKALIKES[character]} instead"
            )
        plain = unicodedata.normalize("NFKC", character)
        if unicodedata.category(
            character
        ) not in _LETTERS_AND_DIGITS or plain != unicodedata.normalize("NFC", character):
            shown = character if character.isprintable() else f"U+{ord(character):04X}"
            raise InvalidAddress(f"holds {shown}, which no mail server takes before the @")


def non_ascii_character(address: str) -> str | None:
    """The first character before the @ that needs a mail server with SMTPUTF8 (RFC 6531)."""
    local = address.rpartition("@")[0]
    return next((character for character in local if not character.isascii()), None)


def ascii_address(address: str) -> str:
    """The form that identifies an account: lower case, the domain in ASCII. Text that is no address is
    only made lower case."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{ascii_domain(domain)}".lower()
    except UnicodeError:
        return address.lower()
