"""The image of an event: what is taken, what is shown, and what an upload can not do."""

import asyncio
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image, ImageCms

from event_service.images import convert as converting
from event_service.images.convert import WIDTHS, ImageConverter
from event_service.settings import Settings
from service_kit.ids import new_id
from service_kit.problems import InvalidRequest, Unavailable
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem, running_patiently, sign
from tests.events.waitlist import rows

MakeUser = Callable[..., User]
# Colours that are in the palette of the web.
RED, BLUE = (204, 0, 0), (0, 0, 204)
SECRET = b"52 deg 31 min north, and a name"


def picture(
    width: int = 800, height: int = 600, kind: str = "JPEG", mode: str = "RGB", **options: Any
) -> bytes:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, height // 2, width, height))
    out = io.BytesIO()
    image.convert(mode).save(out, kind, **options)
    return out.getvalue()


async def put(user: User, event: Json, content: bytes, kind: str = "image/jpeg") -> httpx.Response:
    headers = {"Content-Type": kind}
    return await user.http.put(f"/events/{event['id']}/image", content=content, headers=headers)


async def stored(user: User, event: Json, content: bytes) -> str:
    answer = await put(user, event, content)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["image_url"]
    return url


async def shown(client: httpx.AsyncClient, url: str) -> Image.Image:
    answer = await client.get(f"http://localhost{url}")
    assert answer.status_code == 200, answer.text
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


def is_near(pixel: Any, color: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 25 for a, b in zip(pixel[:3], color, strict=True))


async def test_an_image_is_shown_in_each_width_and_kept_for_good(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(city="Image City")
    assert event["image_url"] is None
    url = await stored(organizer, event, picture(2400, 1200))
    name = url.rpartition("/")[2]
    assert url == f"/api/v1/events/{event['id']}/image/{name}"
    assert name.endswith("-1280.webp")
    for width in WIDTHS:
        answer = await anybody.get(f"http://localhost{url.replace('-1280', f'-{width}')}")
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        image = Image.open(io.BytesIO(answer.content))
        assert (image.format, image.size) == ("WEBP", (width, width // 2))
        assert is_near(image.getpixel((5, 5)), RED)
    [listed] = (await anybody.get("/events", params={"city": "Image City"})).json()["items"]
    alone = await anybody.get(f"/events/{event['id']}")
    query = f'{{ event(id: "{event["id"]}") {{ imageUrl }} }}'
    graph = (await anybody.post("/graphql", json={"query": query})).json()["data"]["event"]
    assert listed["image_url"] == alone.json()["image_url"] == graph["imageUrl"] == url


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"),
        ("PNG", "1"), ("PNG", "LA"), ("WEBP", "RGB"), ("WEBP", "RGBA"),
    ],
)  # fmt: skip
async def test_a_small_image_of_any_kind_is_shown_as_it_is_in_every_width(
    organizer: User, anybody: httpx.AsyncClient, published: Publish, kind: str, mode: str
) -> None:
    event = await published()
    url = await stored(organizer, event, picture(400, 200, kind, mode))
    for width, size in ((320, (320, 160)), (640, (400, 200)), (1920, (400, 200))):
        image = await shown(anybody, url.replace("-1280", f"-{width}"))
        assert image.size == size
        assert mode in ("L", "1", "LA") or is_near(image.convert("RGB").getpixel((5, 5)), RED)


async def test_sixteen_bits_of_grey_keep_their_brightness(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    out = io.BytesIO()
    Image.new("I;16", (64, 64), 128 * 256).save(out, "PNG")
    image = await shown(anybody, await stored(organizer, await published(), out.getvalue()))
    assert is_near(image.convert("RGB").getpixel((5, 5)), (128, 128, 128))


async def test_an_image_is_upright_and_says_nothing_but_its_pixels(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    exif = Image.Exif()
    # Turned by 90 degrees, with a place and a comment.
    exif[0x0112], exif[0x010E] = 6, SECRET.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = picture(800, 600, exif=exif, icc_profile=profile, comment=SECRET)
    assert content.count(SECRET) == 2
    event = await published()
    url = await stored(organizer, event, content)
    image = await shown(anybody, url)
    assert image.size == (600, 800)
    # What was above is on the right.
    assert is_near(image.getpixel((595, 400)), RED) and is_near(image.getpixel((5, 400)), BLUE)
    assert not image.getexif() and "icc_profile" not in image.info and "xmp" not in image.info
    assert SECRET not in (await anybody.get(f"http://localhost{url}")).content


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_of_an_animation_the_first_picture_stands(
    organizer: User, anybody: httpx.AsyncClient, published: Publish, kind: str
) -> None:
    frames = [Image.new("RGB", (64, 64), color) for color in (RED, BLUE, BLUE)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    image = await shown(anybody, await stored(organizer, await published(), out.getvalue()))
    assert getattr(image, "n_frames", 1) == 1
    assert is_near(image.convert("RGB").getpixel((5, 5)), RED)


def png(width: int, height: int, *, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


NO_IMAGES = {
    "nothing": b"",
    "text": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "a gif": picture(10, 10, "GIF"),
    "a tiff": picture(10, 10, "TIFF"),
    "half a jpeg": picture()[:2000],
    "a head of a png": png(10, 10)[:30],
    "a png without pixels": png(300, 300),
    "a bomb": png(30_000, 30_000),
    "a long line": png(25_000_001, 1),
    "noise": bytes(range(256)) * 50,
    "a jpeg's first bytes": b"\xff\xd8\xff\xe0" + bytes(500),
    "a webp's first bytes": b"RIFF\xff\xff\xff\x7fWEBPVP8X" + bytes(100),
}


@pytest.mark.parametrize("name", NO_IMAGES)
async def test_what_is_no_image_is_refused_and_changes_nothing(
    organizer: User, published: Publish, name: str
) -> None:
    event = await published()
    url = await stored(organizer, event, picture())
    refused = await put(organizer, event, NO_IMAGES[name], "image/png")
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "body"
    assert (await organizer.get(f"/events/{event['id']}")).json()["image_url"] == url


def test_no_pixel_of_a_bomb_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(converting, "_normalize", decode)
    monkeypatch.setattr(Image.Image, "load", decode)
    with pytest.raises(InvalidRequest) as refused:
        converting.convert(png(6_000, 5_000), max_pixels=25_000_000)
    assert "25000000" in refused.value.members["errors"][0]["message"]


def repeated(jpeg: bytes, scans: int) -> bytes:
    """With the last scan so many times more: decoders go over all pixels for each."""
    start, end = jpeg.rindex(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    return jpeg[:end] + jpeg[start:end] * scans + jpeg[end:]


def test_a_picture_of_very_many_scans_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = picture(progressive=True)
    assert converting.convert(usual, max_pixels=25_000_000).by_width
    # It is one to decoders, and would take the longer the more there are.
    many = repeated(usual, 300)
    with Image.open(io.BytesIO(many)) as image:
        image.load()

    def decode(*_: object, **__: object) -> None:
        raise AssertionError("a pixel was decoded")

    monkeypatch.setattr(converting, "_normalize", decode)
    with pytest.raises(InvalidRequest) as refused:
        converting.convert(many, max_pixels=25_000_000)
    assert "scans" in refused.value.members["errors"][0]["message"]


async def test_an_image_may_be_larger_than_other_bodies_and_no_larger_than_five_megabytes(
    organizer: User, published: Publish
) -> None:
    event = await published()
    content = picture(600, 400, "PNG")
    # What stands behind the end of an image is not read.
    large = content + bytes(5_242_880 - len(content))
    assert (await put(organizer, event, large)).status_code == 200
    assert problem(await put(organizer, event, large + b"x")) == (413, "too-large")
    elsewhere = await organizer.http.put(f"/events/{event['id']}/images", content=large)
    assert problem(elsewhere)[0] in (404, 413)
    assert problem(await organizer.http.patch(f"/events/{event['id']}", content=large)) == (
        413,
        "too-large",
    )


async def test_another_image_replaces_the_first_and_the_same_one_changes_nothing(
    app: FastAPI, organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    first = await stored(organizer, event, picture(2000, 500))
    updated_at = (await organizer.get(f"/events/{event['id']}")).json()["updated_at"]
    assert await stored(organizer, event, picture(2000, 500)) == first
    same = (await organizer.get(f"/events/{event['id']}")).json()
    assert (same["updated_at"], same["version"]) == (updated_at, event["version"])
    second = await stored(organizer, event, picture(300, 500))
    assert second != first
    assert (await anybody.get(f"http://localhost{first}")).status_code == 404
    assert (
        len(await rows(app, "SELECT width FROM event_image WHERE event_id = :id", id=event["id"]))
        == 1
    )


async def test_a_removed_image_is_gone(
    app: FastAPI, organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    url = await stored(organizer, event, picture())
    for _ in range(2):
        assert (await organizer.delete(f"/events/{event['id']}/image")).status_code == 204
    assert (await anybody.get(f"/events/{event['id']}")).json()["image_url"] is None
    assert problem(await anybody.get(f"http://localhost{url}")) == (404, "not-found")
    draft = (await organizer.post("/events", event_body())).json()
    await stored(organizer, draft, picture())
    await organizer.delete(f"/events/{draft['id']}")
    assert not await rows(app, "SELECT width FROM event_image WHERE event_id = :id", id=draft["id"])


async def test_an_image_of_a_draft_is_its_organizers(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient
) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    url = await stored(organizer, draft, picture())
    for someone in (user().http, anybody):
        answer = await someone.get(f"http://localhost{url}")
        assert problem(answer) == (404, "not-found")
    for owner in (organizer, user(superuser=True)):
        answer = await owner.http.get(f"http://localhost{url}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    await organizer.post(f"/events/{draft['id']}/publish")
    assert (await anybody.get(f"http://localhost{url}")).status_code == 200


@pytest.mark.parametrize(
    "name", ["x.webp", "{hash}-321.webp", "{hash}-0320.webp", "{hash}-320.png", "{hash}0-320.webp",
             "-320.webp", "%2e%2e%2f-320.webp", "x" * 40]
)  # fmt: skip
async def test_other_names_of_files_are_not_found(
    organizer: User, anybody: httpx.AsyncClient, published: Publish, name: str
) -> None:
    event = await published()
    url = await stored(organizer, event, picture(50, 50))
    digest = url.rpartition("/")[2].partition("-")[0]
    answer = await anybody.get(f"/events/{event['id']}/image/{name.replace('{hash}', digest)}")
    assert problem(answer) == (404, "not-found")


async def test_only_the_organizer_and_superusers_change_an_image(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    draft = (await organizer.post("/events", event_body())).json()
    url = f"/events/{event['id']}/image"
    # Who somebody is is judged before what was sent.
    for content in (picture(50, 50), b"no image"):
        assert problem(await put(user(), event, content)) == (403, "forbidden")
        assert problem(await put(user(), draft, content)) == (404, "not-found")
        assert problem(await put(user(), {"id": new_id()}, content)) == (404, "not-found")
        assert problem(await anybody.put(url, content=content)) == (401, "not-authenticated")
    assert problem(await user().delete(url)) == (403, "forbidden")
    await stored(user(superuser=True), event, picture(50, 50))
    assert (await user(superuser=True).delete(url)).status_code == 204
    await organizer.post(f"/events/{event['id']}/cancel")
    assert problem(await put(organizer, event, picture(50, 50))) == (409, "event-cancelled")


async def test_a_change_of_the_image_is_seen_by_the_next_read(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published()
    before = await anybody.get(f"/events/{event['id']}")
    url = await stored(organizer, event, picture())
    after = await anybody.get(
        f"/events/{event['id']}", headers={"If-None-Match": before.headers["ETag"]}
    )
    assert (after.status_code, after.json()["image_url"]) == (200, url)
    edit = await organizer.patch(
        f"/events/{event['id']}", {"title": "Other"}, If_Match=before.headers["ETag"]
    )
    assert edit.status_code == 200


async def test_images_are_converted_one_at_a_time_and_nobody_waits_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside, most = 0, 0
    convert = converting.convert

    def counted(upload: bytes, *, max_pixels: int) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            return convert(upload, max_pixels=max_pixels)
        finally:
            inside -= 1

    monkeypatch.setattr(converting, "convert", counted)
    patient = ImageConverter(max_pixels=10**6, patience_seconds=30)
    await asyncio.gather(*(patient.convert(picture(200, 100)) for _ in range(4)))
    assert most == 1
    hasty = ImageConverter(max_pixels=10**6, patience_seconds=0.05)
    await hasty._lock.acquire()
    with pytest.raises(Unavailable):
        await hasty.convert(picture(200, 100))


async def test_a_limit_of_pixels_is_a_setting(
    settings: Settings, organizer: User, published: Publish
) -> None:
    event = await published()
    limited = settings.model_copy(update={"max_image_pixels": 10_000})
    async with running_patiently(limited) as app:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost/api/v1",
            headers={"Authorization": f"Bearer {sign(organizer.id)}"},
        )
        async with client:
            url = f"/events/{event['id']}/image"
            for size, status in (((100, 100), 200), ((100, 101), 422)):
                answer = await client.put(url, content=picture(*size))
                assert answer.status_code == status
