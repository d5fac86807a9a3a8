"""What other runs of the home say on a run's card: the `classic` column, and row 3 from `etlgan ocr-gain`."""

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from core import config as configs
from core import presets
from core.errors import ConfigError
from core.glyphs.repertoire import characters as repertoire
from core.judge.quantities import CLASSIC, GENERATED
from core.judge.rows import Numbers
from core.rundir import Home, RunDir, read_json
from core.runs.find import run_ids
from core.runs.state import state_of
from core.settings import DataConfig, RunConfig

GAIN_GOAL = "interval > 0"
ALL = 1_000_000  # real images a character: stands for all there are


class Gain(NamedTuple):
    """Row 3 at one number of real images: what generated images add to a recogniser, with its interval."""

    real_per_char: int  # ALL: as many as there are
    gain: float  # of accuracy, over real images with classical augmentation
    low: float  # of the 95 % interval
    high: float

    @property
    def words(self) -> str:
        """What the row is called."""
        return f"OCR gain, {'all' if self.real_per_char >= ALL else self.real_per_char} real a character"


class Found(NamedTuple):
    """One study's row 3; the greatest is the one to believe."""

    seeds: float  # the most that stand behind one of its numbers
    time: float  # seconds since 1970 when it was written; 0: before studies said
    gains: list[Gain]


def classic_column(home: Home, run: RunDir, config: RunConfig, missing: dict[str, str]) -> dict[str, Numbers]:
    """A scored `classic` run on the same data, as a column; what to do where there is none, in `missing`.

    Of several: without the published mistake, of as many steps, of this seed, the newest.
    """
    if config.recipe.name == CLASSIC:
        return {}
    scored, unscored = list[tuple[tuple[bool, ...], Numbers]](), ""
    for other, theirs in _configs(home):
        if other.id == run.id or theirs.recipe.name != CLASSIC or theirs.data != config.data:
            continue
        if state_of(other).kind != "finished":
            continue
        numbers = _numbers(read_json(other.scores).get("columns", {}), GENERATED)
        if numbers:
            alike = theirs.train.steps == config.train.steps, theirs.seed == config.seed
            scored.append(((not theirs.recipe.double_softmax, *alike), numbers))
        unscored = unscored or other.id
    if scored:
        _, best = max(scored, key=lambda found: found[0])  # of equals the first, which is the newest
        return {CLASSIC: best}
    missing[CLASSIC] = f"etlgan score {unscored}" if unscored else _command(config)
    return {}


def ocr_gain(home: Home, config: RunConfig, missing: dict[str, str]) -> list[Gain]:
    """Row 3: from a study's (or run's) scores.json of kind `ocr-gain` with the same characters, source and style.

    Of several the one with most seeds, then the newest. Where there is none: the command that makes it, in `missing`.
    """
    places = [*(RunDir(path) for path in home.studies.glob("*")), *map(home.run, run_ids(home))]
    wanted = _writing(config.data.source, config.data.chars, config.data.style)
    found = [study for place in places if (study := _study(read_json(place.scores), wanted))]
    if found:
        return max(found, key=lambda study: study[:2]).gains
    missing["3"] = _gain_command(config.data)
    return []


def _study(tree: dict[str, Any], wanted: tuple[Any, Any]) -> Found | None:
    """What a scores.json says about row 3, if it is of that writing and says anything."""
    about, settings, entries = (tree.get(name) for name in ("data", "settings", "gain"))
    if tree.get("kind") != "ocr-gain" or not isinstance(about, dict) or not isinstance(entries, list):
        return None
    if _writing(about.get("source"), about.get("chars"), about.get("style")) != wanted:
        return None
    gains = [gain for entry in entries if (gain := _gain(entry))]
    seeds = settings.get("seeds") if isinstance(settings, dict) else 0
    return Found(_number(seeds), _number(tree.get("time")), gains) if gains else None


def _writing(source: Any, chars: Any, style: Any) -> tuple[Any, Any]:
    """Equal where real images are of the same writing: a look is one of the embedded handwriting's only."""
    try:
        characters: Any = repertoire(chars) if isinstance(chars, str) else None
    except ConfigError:
        characters = chars
    return (f"penman:{style}" if source == "penman" else source), characters


def _gain_command(data: DataConfig) -> str:
    """What fills row 3 for this data; left out is what `etlgan ocr-gain` does by itself."""
    words = ["etlgan", "ocr-gain"]
    words += ["--data", data.source] if data.source != "penman" else []
    words += ["--chars", data.chars] if data.chars != "hiragana" else []
    words += ["--style", data.style] if data.source == "penman" and data.style != DataConfig().style else []
    return shlex.join(words)


def _command(config: RunConfig) -> str:
    """What starts a `classic` run on the same data, for as many steps."""
    known = config.preset in presets.PRESETS
    whole = presets.resolve(config.preset if known else "")
    usual = whole.data
    words = ["etlgan", "run", *([config.preset] if known else [])]
    for name in config.data.__struct_fields__:
        value = getattr(config.data, name)
        if value != getattr(usual, name):
            words += ["--set", f"data.{name}={str(value).lower() if isinstance(value, bool) else value}"]
    if config.train.steps != whole.train.steps:
        words += ["--set", f"train.steps={config.train.steps}"]
    return shlex.join([*words, "--set", "recipe.name=classic"])


def _configs(home: Home) -> Iterator[tuple[RunDir, RunConfig]]:
    """Newest first; what cannot be read is passed over."""
    for run_id in run_ids(home):
        run = home.run(run_id)
        try:
            yield run, configs.decode(run.config.read_bytes())
        except (OSError, ConfigError):
            continue


def _numbers(columns: Any, name: str) -> Numbers:
    found = columns.get(name) if isinstance(columns, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}


def _number(value: Any) -> float:
    """0 for what is none."""
    return float(value) if isinstance(value, int | float) else 0.0


def _gain(entry: Any) -> Gain | None:
    try:
        few = entry["real_per_char"]
        return Gain(ALL if few == "all" else int(few), *(float(entry[name]) for name in ("gain", "low", "high")))
    except (KeyError, TypeError, ValueError):
        return None
