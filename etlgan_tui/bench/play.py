"""From the key to the picture in the playground: a generator of the usual size, drawing in its warm subprocess."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from core import config, presets
from core.rundir import Home, RunDir
from etlgan_tui.app import EtlganApp
from etlgan_tui.bench.waiting import until
from etlgan_tui.screens.playground import PlaygroundScreen

_KEYS = ("a", "i", "u", "e", "o")  # a kana each
_LINE = 10  # keys a text: then it is cleared
_SAVED = """
import sys
from pathlib import Path
from core import config
from core.gan import checkpoint
from core.gan.networks import build_generator
from core.glyphs.repertoire import characters
from core.rundir import RunDir
run = RunDir(Path(sys.argv[1]))
settings = config.decode(run.config.read_bytes(), where=run.config.name)
known = characters(settings.data.chars)
weights = checkpoint.prefixed("average", build_generator(settings, len(known)).state_dict())
checkpoint.save(run, 1, weights, {"characters": list(known)}, quality=0.5, keep=1)
"""
_until = partial(until, what="a picture in the playground", pause=0.001)


def delays(root: Path, repeat: int) -> tuple[list[float], list[float]]:
    """Seconds from a key to the painted picture: typing a text in one hand, and moving a code of ten characters in
    many hands."""
    home = Home(root)
    run = home.run("261105-120000-abc")
    for folder in (run.samples, run.checkpoints):
        folder.mkdir(parents=True)
    run.config.write_bytes(config.encode(presets.resolve("hiragana-a-ka")))
    subprocess.run([sys.executable, "-P", "-c", _SAVED, str(run.path)], check=True, stdout=subprocess.DEVNULL)
    return asyncio.run(_delays(home, run, repeat))


async def _delays(home: Home, run: RunDir, repeat: int) -> tuple[list[float], list[float]]:
    app = EtlganApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = PlaygroundScreen(run, seed=1)
        app.push_screen(screen)
        await _until(lambda: screen.drawn is not None)
        typed = []
        for number in range(repeat):
            if number % _LINE == 0:
                await pilot.press("ctrl+u")
                await _until(lambda: _shown(screen))
            typed.append(await _delay(screen, _KEYS[number % len(_KEYS)]))
        await pilot.press("ctrl+u", "ctrl+t", "down")  # nothing typed: the first ten characters
        await _until(lambda: _shown(screen))
        return typed, [await _delay(screen, "right" if number % 20 < 10 else "left") for number in range(repeat)]


async def _delay(screen: PlaygroundScreen, key: str) -> float:
    """Until the picture of what this key asked for is on the screen."""
    before, painted, begun = screen.drawn, asyncio.Event(), time.perf_counter()
    screen.app.simulate_key(key)
    await _until(lambda: screen.drawn is not before and _shown(screen))
    screen.call_after_refresh(painted.set)
    await painted.wait()
    return time.perf_counter() - begun


def _shown(screen: PlaygroundScreen) -> bool:
    return screen.drawn is not None and screen.drawn.asked is screen._asked
