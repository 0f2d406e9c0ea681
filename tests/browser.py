"""A headless Chromium that opens pages, for tests of what they do when used.

It is spoken to in the DevTools protocol through a pipe, which needs no package.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The browser reads from file descriptor 3 and writes to 4.
_START = """
import fcntl, os, sys
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for fd, wanted in zip(fds, (3, 4)):
    os.dup2(fd, wanted)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Tab": 9, "End": 35, "Home": 36}


class Browser:
    """One page of it.

    Attributes:
      errors: what scripts of the page ended with.
    """

    def __init__(self, profile, width=1280, height=1000, scheme="light"):
        """Starts it, with an empty profile in the folder `profile`."""
        name = next(filter(None, map(shutil.which, NAMES)), None)
        if name is None:
            pytest.skip(f"no browser is there: none of {', '.join(NAMES)}")
        ours_in, its_out = os.pipe()
        its_in, ours_out = os.pipe()
        self.errors = []
        self._number = 0
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, str(its_in), str(its_out), name),
                *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--remote-debugging-pipe", f"--user-data-dir={profile}"),
            ],
            pass_fds=(its_in, its_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_in)
        os.close(its_out)
        self._in, self._out = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self._rest = b""
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.resize(width, height)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def resize(self, width, height):
        """Of the window, in pixels; a phone where it is narrow."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, path):
        """Opens a file, and waits until it is loaded."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        while self._receive().get("method") != "Page.loadEventFired":
            pass

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise ValueError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait(self, script, seconds=20.0):
        """Waits until an expression in the page is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(f"{script} did not become true.")
            time.sleep(0.02)

    def press(self, key):
        """Presses a key and lets it go."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=_KEYS[key],
            )

    def picture(self, selector):
        """What is seen of the first element of a CSS selector."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({selector!r});"
            "e.scrollIntoView(); const b = e.getBoundingClientRect();"
            "return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, "
            "height: b.height, scale: 1}; })()"
        )
        return self._screenshot(clip=box, captureBeyondViewport=True)

    def _screenshot(self, **options):
        answer = self.call("Page.captureScreenshot", **options)
        data = base64.b64decode(answer["data"])
        return Image.open(io.BytesIO(data)).convert("RGB")

    def close(self):
        """Ends it."""
        self._process.terminate()
        self._process.wait()
        self._in.close()
        self._out.close()

    def call(self, method, **params):
        """The result of a command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self):
        while b"\0" not in self._rest:
            more = os.read(self._in.fileno(), 1 << 16)
            if not more:
                raise RuntimeError("the browser has ended.")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"])
        return message
