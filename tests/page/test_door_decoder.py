"""The decoder that the door's page ships, on pictures of tickets as a camera at a door makes them."""

import base64
import hashlib
import io
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from event_service.web.files import FOLDER
from tests.page.ticket_pictures import KINDS, nothing, picture
from tests.system.people import Person, publish

PICTURES = 6
# Of six, in a single look each: while somebody holds a ticket the camera has ten looks a second.
LEAST = {
    "printed": 6, "cracked": 1, "smudged": 3, "tilted": 5, "dark": 4, "blurred": 5, "moved": 6,
    "small": 6, "glare": 5, "bent": 2,
}  # fmt: skip
# What vendor/README.md names: files of others are shipped as they are.
SHIPPED = {
    "share.js": "08868fb770b0a4e4b9eb3d717015cd5fbf3ceb06492d4cb2d2dd2739db11890f",
    "zxing_reader.wasm": "e8af31edb56d0522f4de74495839385ef019ba8bc90d38e5ecb2f18795d86fb2",
    "reader/index.js": "d90c69a827aff3b7c8c8ca310efebe91671ef076f7a0ec83722bfc542814f484",
}
START = """async () => {
    const { src } = document.querySelector("script[type=module]");
    const { startDecoder } = await import(new URL("scripts.js", src));
    window.decoder = startDecoder();
    await new Promise((resolve) => decoder.addEventListener("message", resolve, { once: true }));
}"""
READ = """async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const answer = new Promise((resolve) =>
        decoder.addEventListener("message", ({ data }) => resolve(data), { once: true }));
    decoder.postMessage({ bitmap }, [bitmap]);
    return answer;
}"""
# A reader of the browser's own, as Android's and macOS' have one: it says what it was asked for.
BROWSERS_OWN = """async (module) => {
    globalThis.BarcodeDetector = class {
        static async getSupportedFormats() { return ["aztec", "qr_code"]; }
        async detect(image) { return [{ rawValue: `${image.width} pixels` }]; }
    };
    const { read } = await import(module);
    return read(new ImageData(30, 20));
}"""

Read = Callable[[Image.Image], str | None]


@pytest.fixture
def read(page: Page, organizer: Person) -> Read:
    """Reads a picture by the worker of a door's page, under the page's policy."""
    link_path = f"/events/{publish(organizer, title='Pictures')['id']}/door-links"
    link = organizer.send("POST", link_path, 201, json={"name": "Pictures"}).json()
    page.goto(f"{link_path.removesuffix('-links')}#{link['token']}")
    expect(page.get_by_role("heading", name="Pictures")).to_be_visible()
    page.evaluate(START)

    def read_picture(image: Image.Image) -> str | None:
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1)
        text: str | None = page.evaluate(READ, base64.b64encode(file.getvalue()).decode())
        return text

    return read_picture


def test_tickets_are_read_in_every_kind_of_picture_and_none_wrongly(read: Read) -> None:
    found = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        for number in range(PICTURES):
            code, image = picture(kind, number)
            text = read(image)
            assert text in (code, None), (kind, number)
            found[kind] += text is not None
    assert {kind: count for kind, count in found.items() if count < LEAST[kind]} == {}, found
    assert [read(nothing(number)) for number in range(4)] == [None] * 4


def test_a_browser_that_reads_codes_itself_is_asked_first(page: Page, organizer: Person) -> None:
    page.goto("/")
    module = page.evaluate(
        "() => new URL('door/decoder.js', document.querySelector('script[type=module]').src).href"
    )
    assert page.evaluate(BROWSERS_OWN, module) == "30 pixels"


def test_what_others_wrote_is_shipped_as_it_is() -> None:
    folder = FOLDER / "vendor" / "zxing"
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in SHIPPED}
    assert hashes == SHIPPED
