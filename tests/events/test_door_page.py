"""The page of a door: its policy, what it needs without a network, and how a release replaces another."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from event_service.web.door import page_files, worker_files
from event_service.web.files import File, Files, read_files
from event_service.web.static import get_files
from tests.events.conftest import problem

# The workers of a run name a test alike.
ID = "0198c0de-0000-7000-8000-00000000000a"
PATH = f"/events/{ID}/door"
# Also by ``import()`` and ``new URL(..., import.meta.url)``, which the page loads later.
NAMED = re.compile(r"""["'](\.\.?/[\w./-]+\.(?:js|wasm|css))["']""")


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def list_in(script: str, name: str) -> list[str]:
    found = re.search(rf"const {name} = (\[[^\]]+\]);", script)
    assert found, script[:300]
    names: list[str] = json.loads(found[1])
    return names


async def test_the_page_may_use_the_camera_and_its_two_workers_and_no_more(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get(PATH)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    policy = answer.headers["content-security-policy"].split("; ")
    assert "worker-src 'self'" in policy and "trusted-types door" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert not any("unsafe" in part or "*" in part for part in policy)
    assert answer.headers["permissions-policy"].startswith("camera=(self)")
    assert "microphone=()" in answer.headers["permissions-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "{" not in re.sub(r"(?s)<style.*?</style>", "", answer.text)
    main_page = (await browser.get("/")).headers["content-security-policy"]
    assert "trusted-types bookings" in main_page and "worker-src" not in main_page


async def test_each_door_is_an_application_of_its_own(browser: httpx.AsyncClient) -> None:
    manifest = (await browser.get(f"{PATH}/manifest.webmanifest")).json()
    assert manifest["start_url"] == manifest["scope"] == manifest["id"] == PATH
    for icon in manifest["icons"]:
        assert (await browser.get(icon["src"])).status_code == 200


async def test_all_that_the_page_needs_is_kept_by_the_service_worker(
    browser: httpx.AsyncClient,
) -> None:
    script = (await browser.get("/door-worker.js")).text
    files = read_files()
    page, worker = list_in(script, "FILES"), list_in(script, "WORKER_FILES")
    for names, address in ((page, f"/static/{files.release}/plain/"),
                           (worker, f"{PATH}/static/{files.release}/plain/")):  # fmt: skip
        for name in names:
            answer = await browser.get(address + name)
            assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (
                200,
                True,
            )
            if name.endswith(".js") and not name.startswith("vendor/"):
                folder = name.rpartition("/")[0]
                for target in NAMED.findall(answer.text):
                    known = str(httpx.URL(f"http://x/{folder}/").join(target).path).lstrip("/")
                    assert known in names, (name, target)
    assert "door/app.js" in page and "vendor/zxing/zxing_reader.wasm" in worker
    assert not any(name.startswith(("views/", "vendor/")) for name in page)


async def test_only_the_decoder_may_compile_webassembly(browser: httpx.AsyncClient) -> None:
    address = f"{PATH}/static/x/"
    answer = await browser.get(f"{address}vendor/zxing/zxing_reader.wasm")
    assert answer.headers["content-type"] == "application/wasm"
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"
    for name in ("app.js", "door/app.js", "index.html", "door.html", "../x", ""):
        assert problem(await browser.get(address + name)) == (404, "not-found"), name
    elsewhere = await browser.get("/static/x/door/decode-worker.js")
    assert elsewhere.headers["content-security-policy"].startswith("default-src 'none';")
    assert "script-src" not in elsewhere.headers["content-security-policy"]


async def test_a_release_is_another_service_worker(
    app: FastAPI, browser: httpx.AsyncClient
) -> None:
    first = await browser.get("/door-worker.js")
    again = await browser.get("/door-worker.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, first.headers["cache-control"]) == (304, "no-cache")
    files = read_files()
    changed = File(b"// changed", "text/javascript", '"changed"')
    by_name = {**files.by_name, "door/words.js": changed}
    next_release = Files("0123456789abcdef", by_name, files.served)
    app.dependency_overrides[get_files] = lambda: next_release
    try:
        second = await browser.get("/door-worker.js")
        assert second.headers["etag"] != first.headers["etag"]
        assert 'const RELEASE = "0123456789abcdef";' in second.text
        # The page that comes with it names the same release: the worker looks at that.
        assert '"/static/0123456789abcdef/plain/door/app.js"' in (await browser.get(PATH)).text
    finally:
        app.dependency_overrides.clear()


@pytest.mark.parametrize("event", ["x", ID.upper(), "..", f"{ID}%22"])
async def test_no_door_is_at_what_is_no_id(browser: httpx.AsyncClient, event: str) -> None:
    for path in ("door", "door/manifest.webmanifest", "door/static/x/door/decode-worker.js"):
        assert problem(await browser.get(f"/events/{event}/{path}")) == (404, "not-found")


def test_the_lists_are_not_empty() -> None:
    files = read_files()
    assert len(page_files(files)) > 20 and len(worker_files(files)) == 5
