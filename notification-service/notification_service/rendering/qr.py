"""QR codes as PNG: segno makes the code, and what is left is a page of zlib."""

import struct
import zlib

import segno

SCALE = 6
# The standard asks for four; on a white card of its own the code has more in any case.
QUIET_MODULES = 4
# One pattern for all: to try all eight takes four fifths of the time, and serves texts with long runs
# of the same character, which ticket codes have not.
MASK = 0

_LIGHT, _DARK = "1" * SCALE, "0" * SCALE


def qr_code(text: str) -> bytes:
    """A PNG, large enough for a phone's camera to read from another screen."""
    code = segno.make(text, micro=False, mask=MASK)
    size = (len(code.matrix) + 2 * QUIET_MODULES) * SCALE
    quiet_side = _LIGHT * QUIET_MODULES
    quiet_rows = _scanlines("1" * size) * QUIET_MODULES
    rows = b"".join(
        _scanlines("".join((quiet_side, *(_DARK if dark else _LIGHT for dark in row), quiet_side)))
        for row in code.matrix
    )
    # One bit a pixel, greyscale, no interlacing: PNG (ISO/IEC 15948), 11.2.
    header = struct.pack(">2I5B", size, size, 1, 0, 0, 0, 0)
    pixels = zlib.compress(quiet_rows + rows + quiet_rows, 6)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _scanlines(bits: str) -> bytes:
    """A row of modules as rows of pixels, each after its filter byte."""
    width = -(-len(bits) // 8)
    line = int(bits.ljust(width * 8, "1"), 2).to_bytes(width, "big")
    return (b"\x00" + line) * SCALE


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
