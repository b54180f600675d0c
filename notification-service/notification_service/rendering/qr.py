"""QR codes as PNG: zxing-cpp makes the code, and what is left is a page of zlib."""

import struct
import zlib
from typing import Any

from zxingcpp import BarcodeFormat, create_barcode

SCALE = 6
ERROR_CORRECTION = "M"
# One pattern for all: to find the best of eight takes three quarters of the time, and serves texts with
# long runs of the same character, which ticket codes have not.
OPTIONS = "dataMask=0"


def qr_code(text: str) -> bytes:
    """A PNG, large enough for a phone's camera to read from another screen."""
    # A byte for each module, white ones included that are four wide on each side of the code.
    barcode = create_barcode(text, BarcodeFormat.QRCode, ec_level=ERROR_CORRECTION, options=OPTIONS)
    modules: Any = barcode.to_image()
    side = modules.shape[0]
    bits = bytes(modules).replace(b"\x00", b"0").replace(b"\xff", b"1")
    rows = (bits[start : start + side] for start in range(0, side * side, side))
    # One bit a pixel, greyscale, no interlacing: PNG (ISO/IEC 15948), 11.2.
    header = struct.pack(">2I5B", side * SCALE, side * SCALE, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(map(_scanlines, rows)))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _scanlines(row: bytes) -> bytes:
    """A row of modules as rows of pixels, each after its filter byte."""
    pixels = row.replace(b"0", b"0" * SCALE).replace(b"1", b"1" * SCALE)
    width = -(-len(pixels) // 8)
    line = int(pixels.ljust(width * 8, b"1"), 2).to_bytes(width, "big")
    # The others differ in nothing from the one above (filter 2), which zlib is quick with.
    return b"\x00" + line + (b"\x02" + bytes(width)) * (SCALE - 1)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
