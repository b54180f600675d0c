"""E-mail addresses: the form that people see, and the form by which an account is found and mail goes.

The domain is converted by IDNA2008 (UTS 46, non-transitional), never by Python's ``idna`` codec: that
one makes ``fass.de``, somebody else's domain, of ``faß.de``.
"""

import unicodedata
from dataclasses import dataclass

import email_validator
import idna

from service_kit.text import check_text

# RFC 5321, 4.5.3.1, in octets; the path's angle brackets are counted there.
MAX_ADDRESS, MAX_LOCAL_PART = 254, 64
# What keyboards and word processors put for a plain character.
_MEANT = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07\u00b4", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"),
}
_LETTERS_AND_DIGITS = frozenset({"Ll", "Lu", "Lo", "Mn", "Mc", "Nd"})


class NotAnAddress(ValueError):
    """The message says in plain words what is wrong."""


@dataclass(frozen=True, slots=True)
class Address:
    """``shown`` is as people know it, ``ascii`` with the domain as the DNS has it."""

    shown: str
    ascii: str


def read_address(value: str) -> Address:
    """Any spelling of an address gives the same two forms. Raises NotAnAddress."""
    if len(value) > MAX_ADDRESS:
        raise NotAnAddress(f"has more than {MAX_ADDRESS} characters")
    try:
        text = check_text(value, MAX_ADDRESS).strip()
    except ValueError as error:
        raise NotAnAddress(str(error)) from None
    _refuse_local_part(text.rpartition("@")[0])
    try:
        checked = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise NotAnAddress("is not an e-mail address") from None
    local = unicodedata.normalize("NFC", checked.local_part.lower())
    domain = checked.domain.lower()
    if _ascii_domain(domain) != checked.ascii_domain.lower():
        raise NotAnAddress("has a domain to which mail might go astray")
    found = Address(f"{local}@{domain}", f"{local}@{checked.ascii_domain.lower()}")
    if max(len(found.shown.encode()), len(found.ascii.encode())) > MAX_ADDRESS:
        raise NotAnAddress(f"is longer than the {MAX_ADDRESS} bytes that mail servers take")
    if len(local.encode()) > MAX_LOCAL_PART:
        raise NotAnAddress(f"has more than {MAX_LOCAL_PART} characters before the @")
    return found


def _refuse_local_part(local: str) -> None:
    """Beyond ASCII only letters and digits: no mail server takes an account with other characters, nor
    one with a character that only looks like another (a ligature, a wide letter)."""
    if len(local.encode(errors="replace")) > MAX_LOCAL_PART:
        raise NotAnAddress(f"has more than {MAX_LOCAL_PART} characters before the @")
    for character in local:
        if character.isascii():
            continue
        if character in _MEANT:
            raise NotAnAddress(
                f"holds {character}, which no mail server takes; type {_MEANT[character]} instead"
            )
        plain = unicodedata.normalize("NFKC", character)
        if unicodedata.category(
            character
        ) not in _LETTERS_AND_DIGITS or plain != unicodedata.normalize("NFC", character):
            shown = character if character.isprintable() else f"U+{ord(character):04X}"
            raise NotAnAddress(f"holds {shown}, which no mail server takes before the @")


def foreign_character(address: str) -> str | None:
    """The first before the @ that only a mail server with SMTPUTF8 takes (RFC 6531)."""
    local = address.rpartition("@")[0]
    return next((character for character in local if not character.isascii()), None)


def ascii_address(address: str) -> str:
    """The form by which an account is found: lower case, the domain as the DNS has it. What is no
    address is only made lower case."""
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{_ascii_domain(domain)}".lower()
    except UnicodeError:
        return address.lower()


def _ascii_domain(domain: str) -> str:
    """Raises idna.IDNAError, which is a UnicodeError."""
    if domain.isascii():
        return domain
    return idna.encode(domain, uts46=True, transitional=False).decode()
