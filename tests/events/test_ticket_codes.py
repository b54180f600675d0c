"""The picture of a ticket's code says the code: read back as a scanner does."""

import re
from xml.etree import ElementTree

import pytest
from zxingcpp import read_barcodes

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
