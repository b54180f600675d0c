"""QR codes as PNG: zxing-cpp draws the code, and zlib compresses its pixels."""

import struct
import zlib
from typing import Any

from zxingcpp import BarcodeFormat, create_barcode

# Pixels a module is wide and high.
SCALE = 6
ERROR_CORRECTION = "M"
# To find the best of eight patterns takes four fifths of the time, and serves texts with long runs of the
# same character, which ticket codes have not.
MASK = 0
GRAYSCALE = (8, 0, 0, 0, 0)


def qr_code(text: str) -> bytes:
    """A PNG, large enough for a phone's camera to read from another screen."""
    barcode = create_barcode(text, BarcodeFormat.QRCode, ec_level=ERROR_CORRECTION, data_mask=MASK)
    image: Any = barcode.to_image(scale=SCALE)
    height, width = image.shape
    pixels = bytes(image)
    # Each row follows its filter's number: 0, none (ISO/IEC 15948, 9.2).
    rows = (b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    header = struct.pack(">2I5B", width, height, *GRAYSCALE)
    compressed = zlib.compress(b"".join(rows), level=2)
    chunks = ((b"IHDR", header), (b"IDAT", compressed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
