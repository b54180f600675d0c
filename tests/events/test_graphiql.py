"""The page to try queries in works with what is shipped, and asks no other host."""

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.kit.test_bodies import listening
from tests.system.browser import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
async def test_a_browser_runs_a_query_and_asks_nobody_else(app: FastAPI, tmp_path: Path) -> None:
    def look(port: int) -> tuple[list[str], list[str]]:
        assert CHROMIUM
        with Browser(CHROMIUM, tmp_path) as browser:
            window = browser.window
            window.open(f"http://localhost:{port}/api/v1/graphql?q={{__typename}}")
            window.click("button.graphiql-execute-button")
            window.see('"Query"')
            addresses = [request["url"] for request in window.requests]
            return addresses, browser.errors

    async with listening(app) as port:
        addresses, errors = await asyncio.to_thread(look, port)
    assert errors == []
    hosts = {httpx.URL(address).netloc for address in addresses if address.startswith("http")}
    assert hosts == {f"localhost:{port}".encode()}
