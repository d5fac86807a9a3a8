"""The server behind `etlgan serve`: textual-serve with a page that needs no other host, and a door that only opens to
pages of its own (other sites may not drive it through a visitor's browser)."""

from __future__ import annotations

import ipaddress
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FONT_SIZES = range(6, 49)  # pixels


class DashboardServer(Server):
    """Serves one home on one address until Ctrl-C."""

    def __init__(self, home: Path, *, host: str, port: int) -> None:
        command = shlex.join([sys.executable, "-P", "-m", "etlgan_tui.web", str(home)])
        templates = Path(__file__).with_name("templates")
        super().__init__(command, host=host, port=port, title="etlgan", templates_path=templates)
        self._names = {"localhost", socket.gethostname().lower(), socket.getfqdn().lower(), host.lower()}

    def initialize_logging(self) -> None:
        """Nothing is logged but warnings: the terminal shows the address and the warning."""

    async def on_startup(self, app: web.Application) -> None:
        """The command has said where it serves."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    async def handle_index(self, request: web.Request) -> Any:
        """The page; its websocket is on the address that the visitor used, such as the near end of an ssh tunnel."""
        import aiohttp_jinja2

        asked = request.query.get("fontsize", "16")
        size = int(asked) if asked.isdecimal() and int(asked) in FONT_SIZES else 16
        scheme = "wss" if request.secure else "ws"
        context = {"app_websocket_url": f"{scheme}://{request.host}/ws", "font_size": size}
        return aiohttp_jinja2.render_template("app_index.html", request, context)

    @property
    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if problem := refusal(request.host, request.headers.get("Origin"), self._names):
                raise web.HTTPForbidden(text=problem)
            return await handler(request)

        return guard


def refusal(host: str, origin: str | None, names: set[str]) -> str:
    """Why a request is not answered, "" where it is.

    A site elsewhere can make a visitor's browser connect here, but not hide where the page came from (Origin); and it
    can point a name of its own here, but not an address or a name of this machine (Host).
    """
    name = (urlsplit(f"//{host}").hostname or "").lower()
    if name not in names and not _is_address(name):
        return f"{name}: not a name of this machine"
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"{origin}: only pages of this server may use it"
    return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
