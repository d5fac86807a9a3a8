"""`etlgan serve`: whom it lets in, what it says, and the dashboard in a real browser."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("textual_serve", reason="the extra `web` is not installed")

from etlgan_tui.web.server import refusal
from web.browser import CHROMIUM, Page, opened

_SERVE = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()", "serve"]
EMPTY_PAGE = 15_000  # bytes of a picture: a blank one has 6,500, an empty home twice this and more
NAMES = {"localhost", "box", "127.0.0.1"}


def free_port() -> int:
    with closing(socket.socket()) as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "ETLGAN_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server of an empty home."""
    port = free_port()
    (tmp_path / "home").mkdir()
    server = subprocess.Popen(
        [*_SERVE, "--port", str(port), "--home", str(tmp_path / "home")],
        stdout=subprocess.PIPE, text=True, env=environment(tmp_path),
    )  # fmt: skip
    assert server.stdout is not None
    said = server.stdout.readline()
    assert said.startswith(f"http://127.0.0.1:{port} ")
    _wait_for(port)
    yield f"http://127.0.0.1:{port}/"
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def asked(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        ("127.0.0.1:8000", None, True),
        ("localhost:9000", "http://localhost:9000", True),  # the near end of a tunnel
        ("[::1]:8000", "http://[::1]:8000", True),
        ("10.0.0.7:8000", "http://10.0.0.7:8000", True),
        ("BOX:8000", "http://box:8000", True),
        ("evil.example:8000", "http://evil.example:8000", False),  # a foreign name that points here
        ("evil.example:8000", None, False),
        ("127.0.0.1:8000", "http://evil.example", False),  # a foreign page
        ("127.0.0.1:8000", "http://127.0.0.1:9999", False),  # another server of this machine
        ("127.0.0.1:8000", "null", False),
        ("", None, False),
    ],
)
def test_who_is_let_in(host: str, origin: str | None, let_in: bool) -> None:
    assert (refusal(host, origin, NAMES) == "") is let_in


def test_foreign_pages_and_names_are_refused(address: str) -> None:
    assert asked(address) == 200
    assert asked(address, Host="evil.example") == 403
    assert asked(address + "ws", Origin="http://evil.example") == 403


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "--expose-to-the-network"),
        (["--port", "0"], "--port"),
        (["--host", "no.such.host.invalid", "--expose-to-the-network"], "cannot listen on no.such.host.invalid"),
    ],
)
def test_one_line_says_what_is_wrong(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = subprocess.run(
        [*_SERVE, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment(tmp_path)
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*_SERVE, "--port", port], capture_output=True, text=True, check=False, cwd=tmp_path,
            env=environment(tmp_path),
        )  # fmt: skip
    assert done.returncode == 2
    assert f"port {port} (Address already in use); choose another with --port" in done.stderr


def test_without_the_extra_the_command_to_install_it_is_told(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['textual_serve'] = sys.modules['textual_serve.server'] = None; "
    code = hidden + "from etlgan_tui.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "serve"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert 'pip install "etlgan[web]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_open_address_is_warned_of(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [*_SERVE, "--host", "0.0.0.0", "--port", str(free_port()), "--expose-to-the-network"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment(tmp_path),
    )  # fmt: skip
    assert server.stderr is not None
    try:
        assert "WARNING: there is no password" in server.stderr.readline()
    finally:
        server.kill()
        server.wait()


async def _until(page: Page, fits: Callable[[int], bool]) -> None:
    """Until the bytes of a picture of the page are as they should be."""
    deadline = time.monotonic() + 60
    while not fits(size := len(await page.picture())):
        assert time.monotonic() < deadline, f"{size} bytes"
        await asyncio.sleep(0.2)


@pytest.mark.asyncio
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)")
async def test_the_dashboard_in_a_browser(address: str, tmp_path: Path) -> None:
    """It paints, takes keys, asks no other host for anything, and says so when it was left."""
    async with opened(address, tmp_path / "profile") as page:
        await page.until("document.body.classList.contains('-first-byte')")
        await _until(page, lambda size: size > EMPTY_PAGE)
        await page.type("q")
        await page.until("document.body.classList.contains('-closed')")
        assert all(where.split("://")[1].startswith(address.split("://")[1]) for where in page.asked), page.asked
