"""The files of an OCR gain: a folder for each question, to which every call adds what it measured.

Two calls ask the same if they differ in nothing but which numbers of real images, how many seeds, and how fast.
"""

import hashlib
import json
import re
import time
from pathlib import Path

import msgspec

from core.errors import ConfigError
from core.glyphs.glyphset import GlyphSet
from core.rundir import Home, RunDir, read_json, write_json
from core.studies.gain.outcome import Gain, Outcome
from core.studies.gain.plan import ARMS, BASE, GENERATED, Plan, amount, grid

_NAMED = re.compile(r"[\w+-]{1,40}", re.ASCII)  # characters that can be part of a folder's name: a set's name
_TOLD = ("few", "seeds")  # of the settings in scores.json: how much is there, not what was asked


class Row(msgspec.Struct):
    """A gain as scores.json has it."""

    real_per_char: int | str
    arm: str
    over: str
    gain: float
    low: float
    high: float


def place(home: Home, plan: Plan, fingerprint: str) -> Path:
    """The folder of this question, such as studies/ocr-gain-hiragana-1a2b3c4d; `fingerprint`: of the real domain."""
    digest = hashlib.sha256(json.dumps([plan.question, fingerprint], sort_keys=True).encode()).hexdigest()[:8]
    chars = [plan.data.chars] if _NAMED.fullmatch(plan.data.chars) else []
    return home.studies / "-".join([plan.name, *chars, digest])


def write(home: Home, plan: Plan, outcome: Outcome, glyphs: GlyphSet) -> Path:
    """Write scores.json, which `etlgan score` reads row 3 from, and the plot, both with what earlier calls measured;
    returns their folder.
    """
    from core.figures.gain import plot

    folder = place(home, plan, glyphs.fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    scores = RunDir(folder).scores
    whole = merged(read(scores), outcome)
    seeds = {n: whole.seeds(n) for n in whole.accuracy}
    rows = [
        {
            "real_per_char": amount(gain.few),
            "seeds": seeds[gain.few],
            "arm": gain.arm,
            "over": gain.over,
            "gain": gain.gain,
            "low": gain.low,
            "high": gain.high,
        }
        for gain in whole.gains
    ]
    question = plan.question
    tree = {
        "kind": plan.name,
        "time": time.time(),
        "data": question["data"],
        "glyphs": glyphs.fingerprint,
        "settings": {
            **question["settings"],
            "few": [amount(n) for n in seeds],
            "seeds": max(seeds.values(), default=0),
        },
        "accuracy": {str(amount(n)): arms for n, arms in whole.accuracy.items()},
        "gain": [row for row in rows if (row["arm"], row["over"]) == (GENERATED, BASE)],
        "gains": rows,
    }
    write_json(scores, tree)
    title = f"{len(glyphs.characters)} characters, generators: {plan.how}"
    plot(whole.accuracy, folder / "ocr-gain.png", title=title)
    return folder


def read(scores: Path) -> Outcome:
    """What a scores.json holds of these arms; nothing where it is missing or damaged."""
    tree = read_json(scores)
    try:
        accuracy = msgspec.convert(tree.get("accuracy"), dict[str, dict[str, list[float]]])
        rows = msgspec.convert(tree.get("gains"), list[Row])
        measured = {grid([few])[0]: arms for few, arms in accuracy.items() if set(arms) == set(ARMS)}
        gains = [
            Gain(grid([str(row.real_per_char)])[0], row.arm, row.over, row.gain, row.low, row.high) for row in rows
        ]
    except (msgspec.ValidationError, ConfigError):
        return Outcome({}, [])
    return Outcome(measured, gains)


def measured(home: Home, plan: Plan) -> Outcome:
    """What is there, by whichever call, to the plan's question about its numbers of real images. Only looks; of data
    that has changed since, the newest.
    """
    asked = plan.question
    found: list[tuple[float, Outcome]] = []
    for path in home.studies.glob(f"{plan.name}-*/scores.json"):
        tree = read_json(path)
        settings, time_ = tree.get("settings"), tree.get("time")
        if not isinstance(settings, dict) or not isinstance(time_, int | float) or tree.get("data") != asked["data"]:
            continue
        if {key: value for key, value in settings.items() if key not in _TOLD} == asked["settings"]:
            found.append((time_, read(path)))
    whole = max(found, key=lambda each: each[0])[1] if found else Outcome({}, [])
    return Outcome(
        {n: arms for n, arms in whole.accuracy.items() if n in plan.few},
        [gain for gain in whole.gains if gain.few in plan.few],
    )


def merged(before: Outcome, now: Outcome) -> Outcome:
    """Both: of a number of real images that both have, that of more seeds; `now` where they are as many."""
    of = {
        n: before if n not in now.accuracy or before.seeds(n) > now.seeds(n) else now
        for n in sorted({*before.accuracy, *now.accuracy})
    }
    return Outcome(
        {n: outcome.accuracy[n] for n, outcome in of.items()},
        [gain for n, outcome in of.items() for gain in outcome.gains if gain.few == n],
    )
