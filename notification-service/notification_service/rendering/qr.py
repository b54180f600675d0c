"""QR codes as PNG: zxing-cpp makes the code, and what is left is a page of zlib."""

import struct
import zlib
from typing import Any

from zxingcpp import BarcodeFormat, create_barcode

# Pixels a module is wide and high. With eight, a module of a row is one byte of a row of pixels.
SCALE = 8
ERROR_CORRECTION = "M"
# One pattern for all: to find the best of eight takes four fifths of the time, and serves texts with
# long runs of the same character, which ticket codes have not.
MASK = 0
# A small window and table: zlib takes longer to clear the usual ones than to go through such a picture.
FASTEST, WINDOW_BITS, MEMORY_LEVEL = 1, 10, 2


def qr_code(text: str) -> bytes:
    """A PNG, large enough for a phone's camera to read from another screen."""
    # A byte for each module, 0 for black, white ones included that are four wide on each side.
    barcode = create_barcode(text, BarcodeFormat.QRCode, ec_level=ERROR_CORRECTION, data_mask=MASK)
    modules: Any = barcode.to_image()
    side, bits = modules.shape[0], bytes(modules)
    # A row of pixels follows its filter byte: as it is (0), then those that differ in nothing from the
    # one above (2). One bit a pixel, greyscale, no interlacing: PNG (ISO/IEC 15948), 9.2 and 11.2.
    repeated = (b"\x02" + bytes(side)) * (SCALE - 1)
    rows = (b"\x00" + bits[at : at + side] + repeated for at in range(0, side * side, side))
    header = struct.pack(">2I5B", side * SCALE, side * SCALE, 1, 0, 0, 0, 0)
    zipped = zlib.compressobj(FASTEST, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
    pixels = zipped.compress(b"".join(rows)) + zipped.flush()
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
