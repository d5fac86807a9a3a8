"""A terminal for the dashboard as a process of its own: a pty that answers what terminals are asked."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.rundir import Home


class Terminal:
    """The dashboard as a user starts it, in a pty of 100 x 30 cells of 10 x 20 pixels; what it writes is kept."""

    def __init__(self, home: Home, graphics: str, environment: dict[str, str]) -> None:
        self.graphics = graphics
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 1000, 600))
        environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        self.child = subprocess.Popen(
            [sys.executable, "-P", "-m", "etlgan_tui", "--home", str(home.root)],
            stdin=follower, stdout=follower, stderr=follower, env=os.environ | environment, start_new_session=True,
            preexec_fn=_hears_hangups,
        )  # fmt: skip
        os.close(follower)
        self.seen = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):
            while block := os.read(self.leader, 1 << 16):
                self.seen += block
                if b"\x1b[c" in block:
                    os.write(self.leader, b"\x1b[?62;4;c" if self.graphics == "sixel" else b"\x1b[?62;c")
                asked = re.search(rb"\x1b_G(?:[^;]*,)?i=(\d+)[^;]*;", block) if "kitty" in self.graphics else None
                if asked and (self.graphics == "kitty" or b"U=1" not in asked[0]):
                    os.write(self.leader, b"\x1b_Gi=" + asked[1] + b";OK\x1b\\")

    def shows(self, word: str, seconds: float = 60.0) -> bool:
        deadline = time.monotonic() + seconds
        while word.encode() not in self.seen and time.monotonic() < deadline and self.child.poll() is None:
            time.sleep(0.05)
        return word.encode() in self.seen

    def press(self, keys: bytes) -> None:
        os.write(self.leader, keys)

    def ends(self) -> int:
        return self.child.wait(timeout=30)


def _hears_hangups() -> None:
    """As in a new terminal, also where these tests were started with nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@contextmanager
def terminal(home: Home, *, graphics: str = "", **environment: str) -> Iterator[Terminal]:
    """`graphics`: sixel, kitty, old kitty (before 0.28), or none."""
    shown = Terminal(home, graphics, environment)
    try:
        yield shown
    finally:
        shown.child.kill()
        shown.child.wait()
        os.close(shown.leader)
