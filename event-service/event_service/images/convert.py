"""An uploaded image becomes WebP files of several widths, without anything but its pixels.

What an upload says of itself is no evidence: its type and its size in pixels are read from its head, by the
decoders of three formats only, before a pixel is decoded.
"""

import asyncio
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from PIL import Image, ImageCms, ImageOps

from service_kit.problems import InvalidRequest, Unavailable

FORMATS = ("JPEG", "PNG", "WEBP")
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
WIDTHS = (320, 640, 1280, 1920)
MAX_SIDE = WIDTHS[-1]
QUALITY = 82
HASH_CHARACTERS = 32
# Each scan of a JPEG goes over all of its pixels, and may be of 40 bytes: 100,000 take many minutes.
# Encoders write ten to twenty. What stands beside them, such as a film, has these bytes 80 times in 5 MB.
JPEG = b"\xff\xd8"
START_OF_SCAN = b"\xff\xda"
MAX_SCANS = 200
UNREADABLE = "It is no JPEG, PNG or WebP image, or it is damaged."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConvertedImage:
    """WebP files by width. Of an image that is narrower than MAX_SIDE the last one is as it came."""

    hash: str
    by_width: Mapping[int, bytes]


class ImageConverter:
    """Converts one image at a time in a process, in a thread: each takes up to 150 MB meanwhile."""

    def __init__(self, *, max_pixels: int, patience_seconds: float) -> None:
        self._max_pixels = max_pixels
        self._patience_seconds = patience_seconds
        self._lock = asyncio.Lock()

    async def convert(self, upload: bytes) -> ConvertedImage:
        """Raises InvalidRequest for what is no image, or has too many pixels, and Unavailable."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._lock.acquire()
        except TimeoutError:
            raise Unavailable("Other images are being stored; try again.") from None
        try:
            return await asyncio.to_thread(convert, upload, max_pixels=self._max_pixels)
        finally:
            self._lock.release()


def convert(upload: bytes, *, max_pixels: int) -> ConvertedImage:
    """The first picture of an animation stands for all."""
    try:
        with Image.open(io.BytesIO(upload), formats=FORMATS) as image:
            _check_size(image, max_pixels)
            if upload.startswith(JPEG) and upload.count(START_OF_SCAN) > MAX_SCANS:
                raise InvalidRequest.field("body", f"It has more than {MAX_SCANS} scans.")
            return _encode(_normalize(image))
    except InvalidRequest:
        raise
    except Exception as error:
        # Decoders raise whatever they like: SyntaxError, struct.error, OSError, ValueError, EOFError.
        log.info("image.unreadable", error=type(error).__name__)
        raise InvalidRequest.field("body", UNREADABLE) from None


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        message = f"It has {width} × {height} pixels; {max_pixels} together are the most."
        raise InvalidRequest.field("body", message)


def _normalize(image: Image.Image) -> Image.Image:
    """As it is seen: upright, in sRGB, with no side longer than MAX_SIDE."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        # 16 bits of grey.
        image = image.point(lambda value: value / 256).convert("L")
    elif image.mode not in ("RGB", "RGBA", "L", "LA"):
        has_transparency = image.mode in ("PA", "P") and "transparency" in image.info
        image = image.convert("RGBA" if has_transparency else "RGB")
    # Also decodes a JPEG in a smaller size at once.
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(image)
    return _in_srgb(upright, profile)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Photos of phones have a wider range of colours, and would look pale without their profile."""
    if not profile or image.mode not in ("RGB", "RGBA"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=image.mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # Of another kind of device, or damaged: the colours stay as they are.
        return image
    return converted or image


def _encode(image: Image.Image) -> ConvertedImage:
    by_width = {}
    for width in WIDTHS:
        by_width[width] = _webp(image, width)
        if width >= image.width:
            break
    largest = by_width[max(by_width)]
    return ConvertedImage(hashlib.sha256(largest).hexdigest()[:HASH_CHARACTERS], by_width)


def _webp(image: Image.Image, width: int) -> bytes:
    if width < image.width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    # Metadata is written only where it is given here.
    image.save(out, "WEBP", quality=QUALITY, exif=b"", icc_profile=b"", xmp=b"")
    return out.getvalue()
