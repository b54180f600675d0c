"""Pictures as a camera at a door makes them of our tickets' codes: a scanner is chosen and tested by them.

Each picture is made from its kind and a number alone, so that two decoders see the same ones.
``python -m tests.page.ticket_pictures FOLDER`` writes them as PNG files to look at.
"""

import math
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter
from zxingcpp import BarcodeFormat, create_barcode

from event_service.bookings.tickets import QR_ERROR_CORRECTION, QR_MASK

WIDTH, HEIGHT = 640, 480
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Random = random.Random
Point = tuple[float, float]
WHITE = (255, 255, 255)


def ticket_code(rng: Random) -> str:
    """As ``new_ticket_code`` makes them, but the same for the same number."""
    return "-".join("".join(rng.choices(CROCKFORD, k=4)) for _ in range(4))


def code_image(code: str, module: int) -> Image.Image:
    """The code as tickets show it, a module as so many pixels, with a margin of four modules."""
    made: Any = create_barcode(
        code, BarcodeFormat.QRCode, ec_level=QR_ERROR_CORRECTION, data_mask=QR_MASK
    ).to_image()
    side = made.shape[0]
    image = Image.frombytes("L", (side, side), bytes(made))
    return image.resize((side * module, side * module), Image.Resampling.NEAREST)


def ticket(code: str, rng: Random, module: int) -> Image.Image:
    """A white ticket with the code, some lines like text and the code in letters."""
    image = code_image(code, module)
    side = image.width
    paper = Image.new("RGB", (side, side + 40), WHITE)
    paper.paste(image, (0, 0))
    draw = ImageDraw.Draw(paper)
    draw.text((20, side), code, fill=(20, 20, 20))
    for line in range(2):
        draw.rectangle((20, side + 16 + line * 9, rng.randint(60, side - 20), side + 19 + line * 9),
                       fill=(90, 90, 90))  # fmt: skip
    return paper


def room(rng: Random) -> Image.Image:
    """What is behind a ticket: a hand, a sleeve, a wall."""
    shade = rng.randint(60, 170)
    image = Image.new("RGB", (WIDTH, HEIGHT), (shade, shade - 10, shade - 20))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = rng.randint(-80, WIDTH), rng.randint(-80, HEIGHT)
        colour = tuple(rng.randint(20, 220) for _ in range(3))
        draw.rectangle((x, y, x + rng.randint(10, 200), y + rng.randint(10, 160)), fill=colour)
    return image.filter(ImageFilter.GaussianBlur(3))


def place(
    paper: Image.Image, rng: Random, *, angle: float, tilt: float = 0.0, behind: Image.Image
) -> Image.Image:
    """Puts the paper before the room: turned by degrees, each corner moved by up to ``tilt`` of a side."""
    width, height = paper.size
    turn = math.radians(angle)
    middle = (WIDTH / 2 + rng.uniform(-50, 50), HEIGHT / 2 + rng.uniform(-25, 25))
    corners: list[Point] = []
    for x, y in ((0, 0), (0, height), (width, height), (width, 0)):
        dx = x - width / 2 + rng.uniform(-tilt, tilt) * width
        dy = y - height / 2 + rng.uniform(-tilt, tilt) * height
        corners.append((
            middle[0] + dx * math.cos(turn) - dy * math.sin(turn),
            middle[1] + dx * math.sin(turn) + dy * math.cos(turn),
        ))  # fmt: skip
    source: list[Point] = [(0, 0), (0, height), (width, height), (width, 0)]
    return _warp(paper, behind, corners, source)


def _warp(
    paper: Image.Image, behind: Image.Image, corners: list[Point], source: list[Point]
) -> Image.Image:
    numbers = _homography(corners, source)
    size, method = (WIDTH, HEIGHT), Image.Transform.PERSPECTIVE
    seen = paper.transform(size, method, numbers, Image.Resampling.BICUBIC)
    mask = Image.new("L", paper.size, 255).transform(size, method, numbers)
    return Image.composite(seen, behind, mask)


def _homography(target: list[Point], source: list[Point]) -> list[float]:
    """Pillow's eight numbers that lead from the picture back to the paper."""
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for column in range(8):
        pivot = max(range(column, 8), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(8):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [rows[index][8] / rows[index][index] for index in range(8)]


def noise(image: Image.Image, sigma: float, rng: Random) -> Image.Image:
    """Grain of a sensor. Pillow's own noise is not of our numbers, so bytes of ours become it."""
    grain = Image.frombytes("L", (WIDTH, HEIGHT), rng.randbytes(WIDTH * HEIGHT))
    factor = sigma / 74  # bytes spread by 74
    grain = grain.point([round(128 + (value - 127.5) * factor) for value in range(256)])
    return ImageChops.add(image, Image.merge("RGB", [grain] * 3), scale=1, offset=-128)


def _printed(code: str, rng: Random) -> Image.Image:
    paper = ticket(code, rng, 7).filter(ImageFilter.GaussianBlur(1))
    seen = place(paper, rng, angle=rng.uniform(-180, 180), tilt=0.02, behind=room(rng))
    return noise(ImageEnhance.Brightness(seen).enhance(0.85), 6, rng)


def _cracked(code: str, rng: Random) -> Image.Image:
    """The glass of a phone: bright lines from one point, and their shadows."""
    paper = ticket(code, rng, 8)
    draw, side = ImageDraw.Draw(paper), paper.width
    start = (rng.uniform(0.3, 0.7) * side, rng.uniform(0.3, 0.7) * side)
    for _ in range(rng.randint(4, 7)):
        angle, line = rng.uniform(0, math.tau), [start]
        while 0 < line[-1][0] < side and 0 < line[-1][1] < side:
            angle += rng.uniform(-0.5, 0.5)
            step = rng.uniform(12, 35)
            x, y = line[-1]
            line.append((x + step * math.cos(angle), y + step * math.sin(angle)))
        draw.line([(x + 2, y + 2) for x, y in line], fill=(60, 60, 60), width=2)
        draw.line(line, fill=(235, 235, 235), width=rng.randint(2, 4))
    seen = place(paper, rng, angle=rng.uniform(-25, 25), tilt=0.04, behind=room(rng))
    return noise(seen.filter(ImageFilter.GaussianBlur(0.7)), 6, rng)


def _smudged(code: str, rng: Random) -> Image.Image:
    paper = ticket(code, rng, 8)
    side = paper.width
    for _ in range(rng.randint(2, 3)):
        blot, x, y = Image.new("L", paper.size, 0), rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)
        size = rng.uniform(0.04, 0.07) * side
        box = (x * side - size, y * side - size, x * side + size, y * side + size)
        ImageDraw.Draw(blot).ellipse(box, fill=rng.randint(150, 230))
        blot = blot.filter(ImageFilter.GaussianBlur(5))
        shade = rng.choice([(70, 40, 30), (200, 190, 180)])
        paper = Image.composite(Image.new("RGB", paper.size, shade), paper, blot)
    seen = place(paper, rng, angle=rng.uniform(-25, 25), tilt=0.03, behind=room(rng))
    return noise(seen.filter(ImageFilter.GaussianBlur(0.8)), 6, rng)


def _tilted(code: str, rng: Random) -> Image.Image:
    paper = ticket(code, rng, 9)
    width, height = paper.size
    lean = rng.uniform(0.14, 0.26) * width
    source: list[Point] = [(0, 0), (0, height), (width, height), (width, 0)]
    far = [(lean, 60.0), (0.0, height * 0.85), (float(width), height * 0.85), (width - lean, 60.0)]
    turn = math.radians(rng.uniform(-180, 180))
    corners = []
    for x, y in far:
        dx, dy = x - width / 2, y - height / 2
        corners.append((
            WIDTH / 2 + dx * math.cos(turn) - dy * math.sin(turn),
            HEIGHT / 2 + dx * math.sin(turn) + dy * math.cos(turn),
        ))  # fmt: skip
    seen = _warp(paper, room(rng), corners, source)
    return noise(seen.filter(ImageFilter.GaussianBlur(0.8)), 6, rng)


def _dark(code: str, rng: Random) -> Image.Image:
    seen = place(ticket(code, rng, 8), rng, angle=rng.uniform(-30, 30), tilt=0.04, behind=room(rng))
    seen = seen.filter(ImageFilter.GaussianBlur(1))
    return noise(ImageEnhance.Brightness(seen).enhance(rng.uniform(0.16, 0.24)), 11, rng)


def _blurred(code: str, rng: Random) -> Image.Image:
    """Out of focus: a point becomes a spot as wide as a module."""
    seen = place(ticket(code, rng, 8), rng, angle=rng.uniform(-30, 30), tilt=0.02, behind=room(rng))
    return noise(seen.filter(ImageFilter.GaussianBlur(rng.uniform(2.6, 3.8))), 5, rng)


def _moved(code: str, rng: Random) -> Image.Image:
    """The hand moves while the picture is taken."""
    seen = place(ticket(code, rng, 8), rng, angle=rng.uniform(-30, 30), tilt=0.02, behind=room(rng))
    angle, length = rng.uniform(0, math.tau), rng.randint(5, 8)
    total = seen
    for step in range(1, length):
        x, y = round(step * math.cos(angle)), round(step * math.sin(angle))
        total = Image.blend(total, ImageChops.offset(seen, x, y), 1 / (step + 1))
    return noise(total, 6, rng)


def _small(code: str, rng: Random) -> Image.Image:
    """Held far away: a module has two and a half to three pixels."""
    paper = ticket(code, rng, 8)
    size = rng.uniform(2.5, 3.0) / 8
    paper = paper.resize(
        (round(paper.width * size), round(paper.height * size)), Image.Resampling.LANCZOS
    )
    seen = place(paper, rng, angle=rng.uniform(-20, 20), tilt=0.01, behind=room(rng))
    return noise(seen, 5, rng)


def _glare(code: str, rng: Random) -> Image.Image:
    """A lamp in the glass of the phone, and a shadow at the other side."""
    seen = place(ticket(code, rng, 8), rng, angle=rng.uniform(-30, 30), tilt=0.04, behind=room(rng))
    light = Image.new("L", (WIDTH, HEIGHT), 0)
    x, y = WIDTH / 2 + rng.uniform(-90, 90), HEIGHT / 2 + rng.uniform(-90, 90)
    ImageDraw.Draw(light).ellipse((x - 90, y - 60, x + 90, y + 60), fill=rng.randint(170, 205))
    light = light.filter(ImageFilter.GaussianBlur(30))
    seen = Image.composite(Image.new("RGB", seen.size, WHITE), seen, light)
    shadow = Image.linear_gradient("L").rotate(90 * rng.randint(0, 3)).resize((WIDTH, HEIGHT))
    shadow = Image.merge("RGB", [shadow.point([120 + value // 2 for value in range(256)])] * 3)
    return noise(ImageChops.multiply(seen, shadow), 6, rng)


def _bent(code: str, rng: Random) -> Image.Image:
    """Paper that was rolled up in a pocket."""
    paper = ticket(code, rng, 8)
    bent = Image.new("RGB", paper.size, WHITE)
    depth, waves = rng.uniform(4, 8), rng.uniform(0.8, 1.3)
    for x in range(paper.width):
        shift = round(depth * math.sin(math.tau * waves * x / paper.width))
        bent.paste(paper.crop((x, 0, x + 1, paper.height)), (x, shift))
    seen = place(bent, rng, angle=rng.uniform(-30, 30), tilt=0.04, behind=room(rng))
    return noise(seen.filter(ImageFilter.GaussianBlur(0.8)), 6, rng)


KINDS: dict[str, Callable[[str, Random], Image.Image]] = {
    "printed": _printed,
    "cracked": _cracked,
    "smudged": _smudged,
    "tilted": _tilted,
    "dark": _dark,
    "blurred": _blurred,
    "moved": _moved,
    "small": _small,
    "glare": _glare,
    "bent": _bent,
}


def picture(kind: str, number: int) -> tuple[str, Image.Image]:
    """The code, and a picture of it of WIDTH x HEIGHT pixels."""
    rng = Random(f"{kind} {number}")
    code = ticket_code(rng)
    return code, KINDS[kind](code, rng)


def nothing(number: int) -> Image.Image:
    """A picture without any code."""
    rng = Random(f"nothing {number}")
    return noise(room(rng), 8, rng)


def main(folder: Path, numbers: int = 20) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for number in range(numbers):
            code, image = picture(kind, number)
            image.save(folder / f"{kind}-{number:02}-{code}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
