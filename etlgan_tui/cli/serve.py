"""`etlgan serve`: the dashboard in a browser."""

from __future__ import annotations

import ipaddress
import os
import socket
from contextlib import closing
from typing import Annotated

import typer

from etlgan_tui.cli import options as shared
from etlgan_tui.cli import terminal

LOCAL = "127.0.0.1"


def serve(
    port: Annotated[int, typer.Option(metavar="PORT", min=1, max=65535, help="Where to listen.")] = 8000,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Only together with --expose-to-the-network.")] = LOCAL,
    expose: Annotated[
        bool, typer.Option("--expose-to-the-network", help="Allow an address that others can reach. No password!")
    ] = False,
    folder: shared.HomeFolder = None,
) -> None:
    """Show the dashboard in a browser.

    On this machine only; from elsewhere use `ssh -L 8000:127.0.0.1:8000 HOST`. Needs `pip install "etlgan[web]"`.
    Closing the page stops no run.
    """
    from core.errors import ConfigError, EtlganError

    local = _is_local(host)
    if not local and not expose:
        raise ConfigError(
            f"--host {host}: anybody who reaches this address could start and delete runs; "
            "add --expose-to-the-network if that is wanted, or use an ssh tunnel"
        )
    try:
        from etlgan_tui.web.server import DashboardServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual_serve", "aiohttp", "aiohttp_jinja2", "jinja2"):
            raise
        raise EtlganError('the dashboard in a browser needs more packages: pip install "etlgan[web]"') from None
    _check_free(host, port)
    home = shared.home(folder)
    where = f"[{host}]" if ":" in host else host
    terminal.say(f"http://{where}:{port}  (Ctrl-C ends it; runs go on)")
    if not local:
        terminal.tell(
            f"WARNING: there is no password. Anybody who reaches {host}:{port} can start, stop and delete runs, "
            "and read files as you."
        )
    os.environ.pop("NO_COLOR", None)  # of this terminal, not of the page
    DashboardServer(home.root, host=host, port=port).serve()


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_free(host: str, port: int) -> None:
    """ConfigError if nothing can listen there."""
    from core.errors import ConfigError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}); choose another with --port"
        ) from None
