"""Headless Chromium, spoken to over a pipe in its DevTools protocol: no driver, no port, no network."""

import base64
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

SECONDS = 180
"""How long an answer may take: long enough for a machine that is busy with training."""


def chromium() -> str:
    """The browser's path; the test is skipped on a machine without it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("chromium is not installed: pages cannot be looked at (apt-get install chromium)")


class Browser:
    """One browser with one open page.

    ``problems`` are what the page's console says of errors and warnings, each after its kind; ``requests`` are the
    addresses that it asked of a network.
    """

    def __init__(self, profile: Path) -> None:
        down, up = os.pipe(), os.pipe()
        words = [
            chromium(),
            "--headless",
            "--no-sandbox",  # the tests may run as root, in a container; they open their own files only
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]
        log = os.open(profile.with_suffix(".log"), os.O_WRONLY | os.O_CREAT)
        # Chromium reads commands from descriptor 3 and answers on 4
        files = [(os.POSIX_SPAWN_DUP2, log, 2), (os.POSIX_SPAWN_DUP2, log, 1)]
        files += [(os.POSIX_SPAWN_DUP2, down[0], 103), (os.POSIX_SPAWN_DUP2, up[1], 104)]
        files += [(os.POSIX_SPAWN_DUP2, 103, 3), (os.POSIX_SPAWN_DUP2, 104, 4)]
        files += [(os.POSIX_SPAWN_CLOSE, 103), (os.POSIX_SPAWN_CLOSE, 104)]
        self._process = os.posix_spawn(words[0], words, os.environ, file_actions=files, setpgroup=0)
        for end in (down[0], up[1], log):
            os.close(end)
        self._commands, self._answers = down[1], up[0]
        self._number, self._waiting = 0, b""
        self._session: str | None = None
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._frames: list[int] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser and all its processes."""
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, f"{method}: {told['error']}"
                return told["result"]

    def _next(self) -> dict[str, Any]:
        """The next message; an event is noted."""
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._answers], [], [], SECONDS)
            assert ready, f"chromium said nothing for {SECONDS} s"
            part = os.read(self._answers, 1 << 20)
            assert part, "chromium has ended"
            self._waiting += part
        line, _, self._waiting = self._waiting.partition(b"\0")
        told = json.loads(line)
        what = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                details = what["exceptionDetails"]
                self.problems.append("error: " + details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if what["type"] in ("error", "warning", "assert"):
                words = " ".join(str(word.get("value", word)) for word in what["args"])
                self.problems.append(f"{what['type']}: {words}")
            case "Log.entryAdded" if what["entry"]["level"] in ("error", "warning"):
                self.problems.append(f"{what['entry']['level']}: {what['entry']['text']}")
            case "Runtime.executionContextCreated":
                self._frames.append(what["context"]["id"])
            case "Runtime.executionContextDestroyed":
                self._frames.remove(what["executionContextId"])
            case "Runtime.executionContextsCleared":
                self._frames.clear()
            case "Network.requestWillBeSent" if not what["request"]["url"].startswith(("file:", "data:", "blob:")):
                self.requests.append(what["request"]["url"])
        return told

    def open(self, page: Path, width: int = 1200, dark: bool = False) -> None:
        """Load a file and wait until it and its scripts are done; problems and requests are those since then."""
        self.resize(width)
        self.problems.clear()
        self.requests.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def press(self, *keys: str) -> None:
        """Press and let go of keys, as a person does who has no mouse."""
        codes = {"Tab": 9, "ArrowDown": 40, "Enter": 13, " ": 32}
        for key in keys:
            text = {"Enter": "\r", " ": " "}.get(key, "")
            for kind in ("keyDown", "keyUp"):
                self.call(
                    "Input.dispatchKeyEvent", type=kind, key=key, code=key if key != " " else "Space",
                    windowsVirtualKeyCode=codes[key], text=text if kind == "keyDown" else "",
                )  # fmt: skip

    def resize(self, width: int, height: int = 900) -> None:
        """The window's size in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def js(self, expression: str, *, inner: bool = False, **names: Any) -> Any:
        """The value of an expression in which ``names`` are known, once its promise is kept.

        ``inner`` takes it in the newest frame of the page, else in the page itself.
        """
        given = "".join(f"const {name} = {json.dumps(value)};" for name, value in names.items())
        told = self.call(
            "Runtime.evaluate",
            expression=f"(async () => {{ {given} return ({expression}); }})()",
            awaitPromise=True,
            returnByValue=True,
            **({"contextId": self._frames[-1]} if inner else {}),
        )
        assert "exceptionDetails" not in told, f"{expression}: {told['exceptionDetails']}"
        return told["result"].get("value")

    def wait(self, expression: str, *, inner: bool = False, **names: Any) -> None:
        """Until the expression is true."""
        end = time.monotonic() + SECONDS
        while not self.js(expression, inner=inner, **names):
            assert time.monotonic() < end, f"not true within {SECONDS} s: {expression}"
            time.sleep(0.02)

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG file."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(told["data"]))
