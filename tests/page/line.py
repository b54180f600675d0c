"""A window's line: what comes over it is counted, and it may be as slow as a phone's."""

from typing import Any

from playwright.sync_api import CDPSession, Page

Json = dict[str, Any]

# 1.6 Mbit/s with 150 ms, a phone's processor.
SLOW_LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 100_000,
}
SLOWDOWN = 4


class Line:
    """Counts what a window receives, compressed as it came: bytes by address."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.bytes_of: dict[str, int] = {}
        self._urls: dict[str, str] = {}
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.on("Network.requestWillBeSent", self._asked)
        self._session.on("Network.loadingFinished", self._received)
        self._session.send("Network.enable")

    def slow_down(self, *, processor: int = SLOWDOWN) -> None:
        """``processor`` is so many times slower than this machine's."""
        self._session.send("Network.emulateNetworkConditions", SLOW_LINE)
        self._session.send("Emulation.setCPUThrottlingRate", {"rate": processor})

    def _asked(self, event: Json) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _received(self, event: Json) -> None:
        url = self._urls.get(event["requestId"], "")
        self.bytes_of[url] = self.bytes_of.get(url, 0) + int(event["encodedDataLength"])

    def all_of(self, end: str) -> int:
        """As ``of``, when the answer has come to its end: the window may know it a moment before."""
        for _ in range(500):
            if size := self.of(end):
                return size
            self._page.wait_for_timeout(20)
        raise AssertionError(f"nothing has come of {end}")

    def of(self, end: str) -> int:
        return sum(size for url, size in self.bytes_of.items() if url.endswith(end))
