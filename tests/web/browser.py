"""Headless Chromium by its DevTools protocol: go to a page, press keys, take a picture."""

import asyncio
import base64
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SECONDS = 60.0  # for a page on a busy machine


class Page:
    """One tab."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.asked: list[str] = []  # every address that the page asked for

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": arguments})
        while True:
            answer = await asyncio.wait_for(self._socket.receive_json(), _SECONDS)
            if answer.get("method") == "Network.requestWillBeSent":
                self.asked.append(answer["params"]["request"]["url"])
            if answer.get("method") == "Network.webSocketCreated":
                self.asked.append(answer["params"]["url"])
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    async def script(self, code: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=code, returnByValue=True)
        return found["result"].get("value")

    async def until(self, code: str) -> None:
        """Until the script is true; never: TimeoutError."""
        async with asyncio.timeout(_SECONDS):
            while not await self.script(code):
                await asyncio.sleep(0.1)

    async def type(self, text: str) -> None:
        """Keys go to the terminal; "\\r" is Enter."""
        await self.script("document.querySelector('textarea').focus()")
        for character in text:
            key = "Enter" if character == "\r" else character
            code = ord(character.upper())
            same = {"key": key, "windowsVirtualKeyCode": code}
            await self.call("Input.dispatchKeyEvent", type="keyDown", text=character, **same)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **same)

    async def picture(self) -> bytes:
        """PNG of what is shown."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


@asynccontextmanager
async def opened(address: str, profile: Path, *, size: tuple[int, int] = (1280, 800)) -> AsyncIterator[Page]:
    """A page in a browser that can reach nothing but this machine."""
    import aiohttp

    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
        f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        port = await asyncio.wait_for(_port(process), _SECONDS)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            tab = next(each for each in tabs if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=1 << 26) as socket:
                page = Page(socket)
                await page.call("Network.enable")
                await page.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                                deviceScaleFactor=1, mobile=False)  # fmt: skip
                await page.call("Page.navigate", url=address)
                yield page
    finally:
        process.kill()
        await process.wait()


async def _port(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        if found := re.search(rb"ws://127\.0\.0\.1:(\d+)/", line):
            return found[1].decode()
    raise RuntimeError("the browser ended at once")
