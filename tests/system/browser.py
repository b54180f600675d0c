"""A real Chromium, driven by its DevTools protocol over two pipes, as a person would use it."""

import base64
import contextlib
import fcntl
import json
import os
import select
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]

ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.05
# Chromium reads commands from 3 and writes to 4; ours must not be these while they are handed over.
FIRST_FREE_DESCRIPTOR = 10
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--lang=en-GB",
    "--window-size=1280,900",
    "--remote-debugging-pipe",
)

KEY_CODES = {"Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

# An element has no value that could be sent: it counts as true.
OR_NOTHING = """(() => {
    try { const value = %s; return value instanceof Node || value; } catch { return null; }
})()"""
MIDDLE = """(({ x, y, width, height }) => [x + width / 2, y + height / 2])(
    %s.getBoundingClientRect())"""
TWO_FRAMES_LATER = """new Promise(
    (resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))).then(() => %s)"""


class Browser:
    """One browser. ``errors`` is what the consoles of its windows would show in red, and what the
    page's policy refused; ``requests`` is what the windows asked for.

    ``preferences`` are what a person sets in the browser's settings, by Chromium's names.
    """

    def __init__(self, executable: str, profile: Path, preferences: Json | None = None) -> None:
        self.errors: list[str] = []
        self.requests: list[Json] = []
        if preferences:
            (profile / "Default").mkdir(parents=True)
            (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
        self._count = 0
        self._rest = b""
        read_commands, self._commands = _pipe()
        self._answers, write_answers = _pipe()
        self._pid = os.posix_spawn(
            executable,
            [executable, *OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            {**os.environ, "LANGUAGE": "en_GB"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_commands, 3),
                (os.POSIX_SPAWN_DUP2, write_answers, 4),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setpgroup=0,
        )
        os.close(read_commands)
        os.close(write_answers)
        targets = self.send("Target.getTargets", {}, None)["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.window = Window(self, page)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self._commands)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._answers)

    def send(self, method: str, parameters: Json, session: str | None) -> Json:
        self._count += 1
        command: Json = {"id": self._count, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self._receive(deadline)
            if message.get("id") == self._count:
                assert "error" not in message, (method, message["error"])
                result: Json = message["result"]
                return result
            self._note(message)

    def _receive(self, deadline: float) -> Json:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], deadline - time.monotonic())
            assert ready, f"the browser did not answer within {ANSWER_SECONDS} s"
            received = os.read(self._answers, 1 << 20)
            assert received, "the browser has ended"
            self._rest += received
        message, _, self._rest = self._rest.partition(b"\0")
        document: Json = json.loads(message)
        return document

    def _note(self, event: Json) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"])
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            # An answer of 4xx is for the page to handle, and a test looks at how it does.
            if parameters["entry"]["source"] != "network":
                self.errors.append(parameters["entry"]["text"])


class Window:
    """A window of a browser, used as a person would."""

    def __init__(self, browser: Browser, target: str) -> None:
        self._browser = browser
        attached = browser.send(
            "Target.attachToTarget", {"targetId": target, "flatten": True}, None
        )
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def beside(self) -> "Window":
        """Another window of the same browser: it has the same cookies."""
        opened = self._browser.send("Target.createTarget", {"url": "about:blank"}, None)
        return Window(self._browser, opened["targetId"])

    @property
    def requests(self) -> list[Json]:
        """What all windows of the browser asked for until now: ``url``, ``method``, ``headers``."""
        self.evaluate("1")
        return self._browser.requests

    def call(self, method: str, **parameters: Any) -> Json:
        return self._browser.send(method, parameters, self._session)

    def evaluate(self, expression: str) -> Any:
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def reload(self) -> None:
        self.evaluate("window.isBefore = true")
        self.call("Page.reload")
        self.wait("!window.isBefore && document.querySelector('main *')")

    def wait(self, expression: str, *, seconds: float = 15.0) -> Any:
        """The value of a JavaScript expression, as soon as it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(OR_NOTHING % expression)):
            if time.monotonic() > deadline:
                seen = self.evaluate("location.pathname + document.body.innerText")
                raise AssertionError(f"not within {seconds} s: {expression}\n{seen}")
            time.sleep(POLL_SECONDS)
        return value

    def see(self, text: str) -> None:
        """Waits until the text is on the page."""
        self.wait(f"document.body.innerText.includes({json.dumps(text)})")

    def click(self, selector: str, *, text: str = "", times: int = 1) -> None:
        """Clicks the first visible element, by real mouse events at its middle."""
        element = (
            f"[...document.querySelectorAll({json.dumps(selector)})].find("
            f"(e) => e.checkVisibility() && e.textContent.includes({json.dumps(text)}))"
        )
        self.wait(element)
        # Nobody clicks in a window that another one hides.
        self.call("Page.bringToFront")
        self.evaluate(f"{element}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
        x, y = self._place(element)
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.call(
                    "Input.dispatchMouseEvent",
                    type=kind,
                    x=x,
                    y=y,
                    button="left",
                    clickCount=count,
                )

    def _place(self, element: str) -> tuple[float, float]:
        """The middle of an element that stands still: a person does not click at what moves."""
        place = self.evaluate(MIDDLE % element)
        deadline = time.monotonic() + ANSWER_SECONDS
        while (now := self.evaluate(TWO_FRAMES_LATER % (MIDDLE % element))) != place:
            assert time.monotonic() < deadline, f"it never stands still: {element}"
            place = now
        return now[0], now[1]

    def fill(self, selector: str, text: str) -> None:
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=KEY_CODES[key],
            )

    def replace(self, selector: str, text: str) -> None:
        """Writes over what a field holds."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select()")
        self.call("Input.insertText", text=text)

    def sees(self, text: str) -> bool:
        return bool(self.evaluate(f"document.body.innerText.includes({json.dumps(text)})"))

    def screenshot(self, path: Path) -> None:
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE_DESCRIPTOR) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
