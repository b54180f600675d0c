"""The documentation loads nothing from another host, and its files are the ones that they say."""

import asyncio
import base64
import re
import shutil
from pathlib import Path

import httpx
import pytest

from service_kit.web.docs import FOLDER, SWAGGER, vendored_files
from tests.kit.conftest import MakeSettings, problem, serving
from tests.kit.test_bodies import listening
from tests.system.browser import Browser

ROOT = "http://localhost"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


async def test_the_page_names_only_files_of_its_own_host(client: httpx.AsyncClient) -> None:
    page = await client.get(f"{ROOT}/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "http" not in policy and "unsafe-eval" not in policy
    assert "script-src 'self';" in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    for address in named:
        assert address.startswith(("/docs/", "data:")), address
        if address.startswith("/"):
            file = await client.get(f"{ROOT}{address}")
            assert file.status_code == 200
            assert file.headers["content-type"].startswith(("text/javascript", "text/css"))


async def test_files_come_packed_or_plain_and_are_kept(client: httpx.AsyncClient) -> None:
    address = f"{ROOT}{SWAGGER}/swagger-ui.css"
    packed = await client.get(address, headers={"Accept-Encoding": "gzip"})
    plain = await client.get(address, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert "immutable" in packed.headers["cache-control"]
    for path in ("x/y.js", "../settings.py", "%2e%2e/settings.py", "swagger-ui-5.35.0/LICENSE"):
        assert problem(await client.get(f"{ROOT}/docs/files/{path}")) == (404, "not-found")


def test_the_files_are_those_of_the_table() -> None:
    table = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|.*\| `([^`]+)` \|$", table, re.M)
    found = {name: base64.b64encode(f.sha384).decode() for name, f in vendored_files().items()}
    assert dict(rows) == found and len(found) == 9


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
async def test_a_browser_shows_the_operations_and_asks_nobody_else(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    def look(port: int) -> tuple[list[str], list[str]]:
        assert CHROMIUM
        with Browser(CHROMIUM, tmp_path) as browser:
            window = browser.window
            window.open(f"http://localhost:{port}/docs")
            window.see("/api/v1/things")
            addresses = [request["url"] for request in window.requests]
            return addresses, browser.errors

    async with serving(make_settings()) as app, listening(app) as port:
        addresses, errors = await asyncio.to_thread(look, port)
    assert errors == []
    hosts = {httpx.URL(address).netloc for address in addresses if address.startswith("http")}
    assert hosts == {f"localhost:{port}".encode()}
