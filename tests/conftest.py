"""What tests of training share: glyphs prepared once a session, and runs small enough to take a second."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import config as configs
from core import presets
from core.rundir import RunDir
from core.settings import RunConfig

SMALL: dict[str, Any] = {
    "data.chars": "あいう",
    "data.per_char": 20,
    "data.held_out": 5,
    "model.noise": 16,
    "train.steps": 6,
    "train.batch_size": 8,
    "train.device": "cpu",
    "train.precision": "fp32",
    "train.threads": 1,
    "train.report_every": 1,
    "train.sample_every": 1000,
    "train.save_every": 1000,
}


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cache(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ETLGAN_CACHE is one temporary folder for all tests that ask for it."""
    monkeypatch.setenv("ETLGAN_CACHE", str(session_cache))
    return session_cache


@pytest.fixture
def small() -> Callable[..., RunConfig]:
    """A configuration that trains in a second: `small(train__steps=4, recipe__name="classic")`."""

    def made(preset: str = "", /, **changes: Any) -> RunConfig:
        dotted = {name.replace("__", "."): value for name, value in changes.items()}
        return presets.resolve(preset, SMALL | dotted)

    return made


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[..., RunDir]:
    """A run directory as the launcher makes it, but for its lock: `new_run(config, "name")`."""

    def made(config: RunConfig, name: str = "run") -> RunDir:
        run = RunDir(tmp_path / "runs" / name)
        for folder in (run.path, run.checkpoints, run.samples):
            folder.mkdir(parents=True)
        run.config.write_bytes(configs.encode(config))
        return run

    return made
