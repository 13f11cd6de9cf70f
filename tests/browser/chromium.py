"""A headless Chromium, driven by the DevTools protocol over two pipes: no port, no driver."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any, Self

DEADLINE_S = 20.0
CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Path of the system's browser, if there is one."""
    named = os.environ.get("TOO_CHROMIUM")
    if named:
        return named
    return next((path for name in CANDIDATES if (path := shutil.which(name))), None)


class Chromium:
    """One browser with one page."""

    def __init__(self, profile: Path, *, width: int, height: int, dark: bool = False) -> None:
        self._profile = profile
        self._size = (width, height)
        self._dark = dark
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._session: str | None = None
        self.console: list[str] = []
        self.requested: list[str] = []

    async def __aenter__(self) -> Self:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # the browser reads orders on descriptor 3 and answers on 4
        command = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-default-apps", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--force-color-profile=srgb", f"--user-data-dir={self._profile}",
            f"--window-size={self._size[0]},{self._size[1]}", "--remote-debugging-pipe",
            "about:blank",
        ]  # fmt: skip
        browser = find_chromium()
        assert browser is not None
        self._process = await asyncio.create_subprocess_exec(
            "/bin/bash", "-c", command, browser, *arguments,
            pass_fds=(to_read, to_write), start_new_session=True,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._from, "rb")
        )
        self._pump = asyncio.create_task(self._read(reader))
        targets = await self.send("Target.getTargets")
        page = next(t for t in targets["targetInfos"] if t["type"] == "page")
        attached = await self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.send(f"{domain}.enable")
        await self.resize(*self._size)
        if self._dark:
            await self.scheme("dark")
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(3):
                await self.send("Browser.close")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pump
        self._transport.close()
        os.close(self._to)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                raw = await reader.readuntil(b"\0")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            message = json.loads(raw[:-1])
            if "id" in message:
                future = self._answers.pop(message["id"], None)
                if future is not None and not future.done():
                    future.set_result(message)
                continue
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            detail = params["exceptionDetails"]
            text = detail.get("exception", {}).get("description") or detail.get("text")
            self.console.append(f"exception: {text}")
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            entry = params["entry"]
            self.console.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.console.append(str([a.get("value") for a in params["args"]]))
        elif method == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])

    async def send(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        future = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        os.write(self._to, json.dumps(message).encode() + b"\0")
        async with asyncio.timeout(DEADLINE_S):
            answer = await future
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    async def resize(self, width: int, height: int) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip

    async def scheme(self, value: str) -> None:
        await self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": value}],
        )

    async def run(self, script: str) -> Any:
        """Value of an expression; promises are awaited."""
        result = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise AssertionError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    async def until(self, script: str, *, what: str = "") -> Any:
        """Wait until an expression is true."""
        value = None
        try:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    with contextlib.suppress(AssertionError):
                        value = await self.run(f"Boolean({script})")
                        if value:
                            return value
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            body = await self.run("document.body.innerText.slice(0, 1500)")
            raise AssertionError(
                f"{what or script} never came true ({value!r}); console {self.console}; {body}"
            ) from error

    async def open(self, url: str) -> None:
        """Go to an address and wait for the page to be quiet."""
        await self.send("Page.navigate", url=url)
        wanted = json.dumps(url.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0])
        await self.until(
            f"document.readyState === 'complete' && location.href.startsWith({wanted})",
            what=f"loading of {url}",
        )

    async def quiet(self) -> None:
        """Wait until no fragment and no globe is being loaded."""
        await self.until(
            "!document.querySelector('.htmx-request')"
            " && ![...document.querySelectorAll('.globe')].some(g => !g.dataset.ready)"
            " && ![...document.querySelectorAll('.chart[data-curves]')]"
            ".some(c => !c.textContent && !c.querySelector('svg'))"
            " && ![...document.querySelectorAll('#plan-view')].some(p => !p.dataset.ready)",
            what="quiet page",
        )

    async def press(self, selector: str) -> None:
        """Click on the first element that fits."""
        await self.until(f"document.querySelector({json.dumps(selector)})", what=selector)
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, text: str) -> None:
        await self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            f" e.value = {json.dumps(text)};"
            " e.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    async def shot(self, path: Path, *, full: bool = True) -> None:
        """Picture of the page."""
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": full}
        if full:
            size = await self.send("Page.getLayoutMetrics")
            box = size["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": box["width"],
                               "height": min(box["height"], 6000), "scale": 1}  # fmt: skip
        data = await self.send("Page.captureScreenshot", **options)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(data["data"]))
