"""A real browser, driven over a pipe by its DevTools protocol: it opens pages, clicks at places on them, types, and reads them.

See https://chromedevtools.github.io/devtools-protocol/: messages of JSON, a zero byte after each, on descriptors 3 and 4.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ir.core.model import Json
from tests.programs import CHROMIUM

_FLAGS = [
    *("--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"),
]
_ONTO_3_AND_4 = """\
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 10) for fd in sys.argv[1:3])
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_WITHIN = 30.0


class Browser:
    """One window; `browser` opens it."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes, self._rest, self._count = reads, writes, b"", 0
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        self._call("Page.enable")

    # ── the page ──

    def opens(self, url: str) -> None:
        """Types an address."""
        self._call("Page.navigate", url=url)
        self._settle()

    def clicks(self, selector: str) -> None:
        """Moves to the middle of the first element and clicks there, as a mouse does; then waits for the page."""
        place = self.reads(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return;"
            " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        assert isinstance(place, list), f"nothing on the page is {selector}: {self.text()}"
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
        self._settle()

    def types(self, selector: str, text: str) -> None:
        """Puts the cursor into a field, and types in place of what is there."""
        self.reads(f"document.querySelector({json.dumps(selector)}).select()")
        self._call("Input.insertText", text=text)

    def chooses(self, selector: str, value: str) -> None:
        """Chooses an entry of a list."""
        self.reads(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    def reads(self, expression: str) -> object:
        """What an expression comes to on the page."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def waits_for(self, selector: str) -> None:
        """Until it stands on the page, which another page may bring."""
        end = time.monotonic() + _WITHIN
        while not self._there(selector):
            assert time.monotonic() < end, f"{selector} never stood on the page"
            time.sleep(0.05)

    def forgets(self) -> None:
        """All cookies."""
        self._call("Network.clearBrowserCookies")

    def text(self, selector: str = "body") -> str:
        """What a person reads there; "" where there is nothing."""
        return str(self.reads(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def looks(self, picture: Path, *, width: int, height: int, dark: bool = False) -> None:
        """A picture of the page as PNG or, by its suffix, WebP."""
        self.sized(width, height, dark=dark)
        told = self._call("Page.captureScreenshot", format=picture.suffix.removeprefix("."))
        picture.write_bytes(base64.b64decode(told["data"]))

    def sized(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the window, and the reader's choice of light or dark."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    # ── the wire ──

    def _there(self, selector: str) -> bool:
        try:
            return bool(self.reads(f"document.readyState === 'complete' && document.querySelector({json.dumps(selector)}) !== null"))
        except _Gone:
            return False

    def _settle(self) -> None:
        """Until the page that a click may have asked for is there."""
        end = time.monotonic() + _WITHIN
        while True:
            time.sleep(0.05)
            try:
                if self.reads("document.readyState") == "complete":
                    return
            except _Gone:
                pass
            assert time.monotonic() < end, "the page never came"

    def _call(self, method: str, **params: object) -> Json:
        self._count += 1
        message: Json = {"id": self._count, "method": method, "params": params}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            told = self._hear()
            if told.get("id") == self._count:
                if "error" in told:
                    raise _Gone(told["error"]["message"])
                found: Json = told["result"]
                return found

    def _hear(self) -> Json:
        while b"\0" not in self._rest:
            piece = os.read(self._reads, 65_536)
            assert piece, "the browser has ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        told: Json = json.loads(line)
        return told


class _Gone(Exception):
    """What was asked has no page to answer it any more: another one comes."""


@contextmanager
def browser() -> Iterator[Browser]:
    """A window of a browser without a past; it needs Chromium."""
    to_it, ours_out = os.pipe()
    ours_in, from_it = os.pipe()
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # it refuses to run as root with one
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        argv = [sys.executable, "-ISc", _ONTO_3_AND_4, str(to_it), str(from_it), CHROMIUM.path, *flags, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            argv,
            pass_fds=(to_it, from_it),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_it)
        os.close(from_it)
        try:
            yield Browser(ours_in, ours_out)
        finally:
            process.kill()
            process.wait(10)
            os.close(ours_in)
            os.close(ours_out)
