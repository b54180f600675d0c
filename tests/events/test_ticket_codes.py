"""Ticket codes: made, read however they are written, and drawn so that a scanner reads them back."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxingcpp import read_barcodes

from event_service.bookings.ticket_codes import new_ticket_code, normalize_ticket_code
from event_service.bookings.tickets import draw

SCALE = 6
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


def pixels(svg: bytes) -> memoryview:
    """Paints the runs of the second path, each one module high."""
    root = ElementTree.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    shades = bytearray(b"\xff" * (side * SCALE) ** 2)
    ground, code = root.findall("svg:path", NAMESPACE)
    assert ground.attrib == {"fill": "#fff", "d": f"M0 0h{side}v{side}H0z"}
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", code.attrib["d"])
    assert sum(len(f"M{x} {y}h{w}v1h-{back}z") for x, y, w, back in runs) == len(code.attrib["d"])
    for x, y, width, back in runs:
        assert width == back
        for row in range(int(y) * SCALE, (int(y) + 1) * SCALE):
            start = row * side * SCALE + int(x) * SCALE
            shades[start : start + int(width) * SCALE] = bytes(int(width) * SCALE)
    return memoryview(bytes(shades)).cast("B", (side * SCALE, side * SCALE))


@pytest.mark.parametrize("code", ["K", "7QF3-W0PX-1ZKD-9N2M", "<&>"])
def test_a_code_is_read_back(code: str) -> None:
    svg = draw(code)
    [found] = read_barcodes(pixels(svg))
    assert (found.text, found.format.name) == (code, "QRCode")
    assert ElementTree.fromstring(svg).findtext("svg:title", namespaces=NAMESPACE) == code


# The codes themselves

CODE = "7K3M-9QXT-2BVA-WD5H"
OLD_CODE = "6F2C0A81D5E94B7730A1C2D3E4F506"


def test_codes_are_random_in_each_character() -> None:
    codes = [new_ticket_code() for _ in range(2_000)]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code)
    for position in range(19):
        seen = {code[position] for code in codes}
        assert seen == {"-"} if position % 5 == 4 else len(seen) == 32


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CODE, CODE),
        ("7k3m-9qxt-2bva-wd5h", CODE),
        ("7K3M9QXT2BVAWD5H", CODE),
        ("7k3m9qxt2bvawd5h", CODE),
        ("7K3M 9QXT 2BVA WD5H", CODE),
        ("  7K3 M9Q-XT2BVA--WD5H\t\r\n", CODE),
        # Dashes and spaces of a word processor, and what a copied text has before it.
        ("7K3M\u20139QXT\u20112BVA\u2014WD5H", CODE),
        ("\ufeff7K3M\u00a09QXT\u202f2BVA\u2009WD5H\u200b", CODE),
        ("O0o0-1IiL-lABC-DEFG", "0000-1111-1ABC-DEFG"),
        (OLD_CODE, OLD_CODE),
        (OLD_CODE.lower(), OLD_CODE),
        ("6F2C-0A81-D5E9-4B77-30A1-C2D3-E4F5-06", OLD_CODE),
        ("6f2cOa8ld5e94b773Oaic2d3e4f5o6", OLD_CODE),
        ("", ""),
        ("- -", ""),
        ("%", "%"),
        ("7K3M-9QXT-2BVA-WD5", "7K3M9QXT2BVAWD5"),
    ],
)
def test_a_code_is_known_however_it_is_written(text: str, code: str) -> None:
    assert normalize_ticket_code(text) == code
    assert normalize_ticket_code(code) == code


@given(st.text(max_size=40))
def test_any_text_becomes_one_form(text: str) -> None:
    code = normalize_ticket_code(text)
    assert normalize_ticket_code(code) == code
    assert normalize_ticket_code(f" {text}-\n") == code


@given(st.data())
def test_no_way_to_write_a_code_makes_another(data: st.DataObject) -> None:
    characters = data.draw(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=16, max_size=16))
    confused = {"0": "0Oo", "1": "1IiLl"}
    text = "".join(
        data.draw(st.sampled_from(confused.get(character, character + character.lower())))
        + data.draw(st.sampled_from(["", "-", " "]))
        for character in characters
    )
    assert normalize_ticket_code(text) == normalize_ticket_code(characters)
    assert normalize_ticket_code(text).replace("-", "") == characters
