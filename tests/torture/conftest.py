"""Homes that are maltreated, and a ledger of it. `make torture` runs it all; a short part is in every test run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.rundir import Home

from .ledger import LEDGER, Ledger
from .processes import end_all

HERE = Path(__file__).parent


@pytest.fixture
def ledger() -> Ledger:
    return LEDGER


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home; every process that has it on its command line, or as its folder, is ended afterwards."""
    made = Home(tmp_path / "home")
    made.root.mkdir()
    (tmp_path / "witness").mkdir()
    for name, value in {
        "ETLGAN_HOME": str(made.root),
        "ETLGAN_CACHE": os.environ.get("ETLGAN_CACHE") or str(tmp_path / "cache"),
        "WITNESS": str(tmp_path / "witness"),
        "PYTHONPATH": str(HERE),
        "ETLGAN_TRAINER": "witness_trainer",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    yield made
    end_all(made.root)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The table is the last that `make torture` says."""
    if "not torture" not in config.option.markexpr.split(" or ")[0] and LEDGER.faults:
        print("", *LEDGER.table(), sep="\n", flush=True)
