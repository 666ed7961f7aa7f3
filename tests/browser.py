"""
A headless Chromium driven over its debugging pipe, without any library.

With --remote-debugging-pipe the browser reads messages of the DevTools protocol from file 3 and writes them to file 4: JSON, ended
by a zero byte.
"""

import base64
import contextlib
import json
import os
import select
import subprocess
import time
from pathlib import Path


class Browser:
    """One page of one browser. ``said`` collects what it logged: console calls, exceptions, refused scripts, requests."""

    def __init__(self, program: str, folder: Path, *, width: int = 1240, height: int = 900, script: bool = True) -> None:
        to_browser, self._send = os.pipe()
        self._receive, from_browser = os.pipe()
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
        command += ["--no-first-run", "--disable-extensions", "--disable-background-networking", f"--user-data-dir={folder}"]
        command += [f"--window-size={width},{height}", "--hide-scrollbars", "about:blank"]

        def place_pipes() -> None:
            high = [os.dup(to_browser), os.dup(from_browser)]
            while min(high) < 5:
                high = [os.dup(each) for each in high]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            command, preexec_fn=place_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._buffer, self._session = 0, b"", None
        self.said: list[dict] = []
        self.downloads = folder / "downloads"
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **parameters) -> dict:
        """Send a command and wait for its answer; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == self._number:
                assert "error" not in got, got
                return got["result"]

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until it is loaded and has been drawn."""
        self.visit(path.resolve().as_uri() + fragment)

    def visit(self, url: str) -> None:
        """Open an address and wait until it is loaded and has been drawn."""
        for each in ("about:blank", url):  # a change of the fragment alone loads nothing
            self.said.clear()
            self.call("Page.navigate", url=each)
            self.loaded()
        self.call("Page.bringToFront")

    def loaded(self) -> None:
        """Wait until a page has been loaded since `said` was last cleared."""
        while not any(each["method"] == "Page.loadEventFired" for each in self.said):
            self._next()

    def look(self, width: int, height: int, *, scheme: str = "light") -> None:
        """The size of the window, and whether the reader wants light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def wait(self, script: str) -> None:
        """Wait until an expression in the page is true."""
        end = time.monotonic() + 30
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.03)

    def type(self, text: str) -> None:
        """Text, as typed into what has the focus."""
        self.call("Input.insertText", text=text)

    def run(self, script: str):
        """The value of an expression in the page."""
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in got, got
        return got["result"].get("value")

    def press(self, key: str) -> None:
        """A key, pressed and let go."""
        codes = {"ArrowDown": 40, "ArrowUp": 38, "End": 35, "Home": 36, "Tab": 9, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            typed = {"Enter": "\r"}.get(key, key)
            text = {"text": typed} if len(typed) == 1 and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes.get(key, 0), **text)

    def click(self, x: float, y: float) -> None:
        """The mouse, pressed and let go at a place in the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """What is seen, as PNG."""
        got = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(got["data"]))

    def complaints(self) -> list[str]:
        """Errors of the page: in its console, thrown, or refused by its own policy."""
        told = []
        for each in self.said:
            if each["method"] == "Runtime.exceptionThrown":
                told.append(each["params"]["exceptionDetails"]["text"])
            elif each["method"] == "Log.entryAdded":
                told.append(each["params"]["entry"]["text"])
            elif each["method"] == "Runtime.consoleAPICalled":
                told.append(str(each["params"]["args"]))
        return told

    def requests(self) -> list[str]:
        """Addresses that the page asked for."""
        return [each["params"]["request"]["url"] for each in self.said if each["method"] == "Network.requestWillBeSent"]

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(Exception):
            self._session = None
            self.call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._send)
        os.close(self._receive)

    def _next(self) -> dict:
        end = time.monotonic() + 60
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(end - time.monotonic(), 0))
            chunk = os.read(self._receive, 1 << 20) if ready else b""
            if not chunk:
                raise TimeoutError("The browser does not answer.")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        got = json.loads(message)
        if "method" in got:
            self.said.append(got)
        return got
