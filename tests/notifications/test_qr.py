"""The picture of a ticket's code says the code: read back as a scanner does."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from zxingcpp import read_barcodes

from notification_service.rendering.qr import SCALE, qr_code


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + length]
        checksum = png[at + 8 + length : at + 12 + length]
        assert checksum == struct.pack(">I", zlib.crc32(kind + content))
        yield kind, content
        at += 12 + length


def pixels(png: bytes) -> Any:
    """Height x width, a byte for each."""
    parts = dict(chunks(png))
    width, height, depth, colour = struct.unpack(">2I2B", parts[b"IHDR"][:10])
    assert (depth, colour) == (8, 0)
    stored, stride = zlib.decompress(parts[b"IDAT"]), 1 + width
    lines = [stored[start : start + stride] for start in range(0, height * stride, stride)]
    assert all(line[0] == 0 for line in lines)
    return memoryview(b"".join(line[1:] for line in lines)).cast("B", (height, width))


@pytest.mark.parametrize("code", ["K", "7QF3-W0PX-1ZKD-9N2M", "Билет № 12", "x" * 300])
def test_a_code_is_read_back(code: str) -> None:
    image = pixels(qr_code(code))
    [found] = read_barcodes(image)
    assert (found.text, found.format.name) == (code, "QRCode")


def test_a_code_is_large_and_has_its_quiet_zone() -> None:
    image = pixels(qr_code("7QF3-W0PX-1ZKD-9N2M"))
    height, width = image.shape
    assert height == width >= 150
    assert not any(shade == 0 for line in image.tolist()[: 4 * SCALE] for shade in line)


def test_no_time_is_spent_on_the_choice_of_a_pattern() -> None:
    """Codes say in their ninth row which they have (ISO/IEC 18004, 7.9): M and pattern 0. A library that
    does not know the option takes no notice of it, and chooses another for most."""
    for code in "ABCDEFGH":
        row = pixels(qr_code(code)).tolist()[(4 + 8) * SCALE][4 * SCALE :: SCALE]
        said = "".join("1" if row[column] == 0 else "0" for column in (0, 1, 2, 3, 4, 5, 7, 8))
        assert said == "10101000"
