"""Which `classic` run of the home stands beside a run on its card."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core import events
from core.events import Finished
from core.judge import others
from core.rundir import Home, RunDir, write_json
from core.settings import RunConfig

Small = Callable[..., RunConfig]
NewRun = Callable[..., RunDir]


@pytest.fixture
def scored(new_run: NewRun, small: Small) -> Callable[..., None]:
    """`scored("261101-000000-aaa", 0.7, train__steps=9)`: a finished classic run that was read so well."""

    def made(name: str, accuracy: float, **changes: object) -> None:
        run = new_run(small(**{"recipe__name": "classic", **changes}), name)
        run.events.write_bytes(events.encode(Finished(attempt=1, state="finished", message="", step=4, time=1.0)))
        write_json(run.scores, {"columns": {"generated": {"accuracy": accuracy}}})

    return made


def test_the_most_alike_stands_beside_it(
    tmp_path: Path, small: Small, new_run: NewRun, scored: Callable[..., None]
) -> None:
    home, config = Home(tmp_path), small(train__steps=4, seed=1)
    run = new_run(config, "261101-000009-zzz")
    missing: dict[str, str] = {}
    assert others.classic_column(home, run, config, missing) == {}
    assert "recipe.name=classic" in missing["classic"]

    def taken() -> float:
        return others.classic_column(home, run, config, {})["classic"]["accuracy"]

    scored("261101-000008-aaa", 0.1, recipe__double_softmax=True, train__steps=4, seed=1)
    assert taken() == 0.1, "better than none"
    scored("261101-000001-aaa", 0.2, train__steps=9)
    assert taken() == 0.2, "without the published mistake"
    scored("261101-000002-aaa", 0.3, train__steps=4)
    scored("261101-000003-aaa", 0.4, train__steps=4)
    assert taken() == 0.4, "of as many steps, and the newer one"
    scored("261101-000000-aaa", 0.5, train__steps=4, seed=1)
    assert taken() == 0.5, "of its seed"
    scored("261101-000007-aaa", 0.6, train__steps=4, seed=1, data__held_out=9)
    assert taken() == 0.5, "on the same data only"
