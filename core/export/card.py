"""What an export was made from, what may be done with it, and how good it is: card.json and README.md.

No time of day and nothing of where it was written is in them: the same export is the same bytes, wherever it was cut
off. Where its data was read is part of the run's configuration.
"""

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from core import history
from core.config import to_tree
from core.errors import RunError
from core.events import Scored
from core.export.state import CARD, README
from core.gan import checkpoint as checkpoints
from core.gan.saved import names
from core.glyphs.sets.spec import Domain, domains, parse
from core.glyphs.sources import EMBEDDED
from core.judge.quantities import BY_NAME, written
from core.rundir import RunDir, read_json, write_atomic, write_json
from core.runs.meta import printable
from core.settings import RunConfig

LICENCES = {
    "penman": "Learned from etlgan's embedded handwriting, whose strokes derive from KanjiVG (Ulrich Apel and others), "
    "CC BY-SA 3.0. If images made by this model count as adapted material where you are, that licence asks you to name "
    "KanjiVG and to share alike.",
    "etl": "Learned from the ETL Character Database (AIST). AIST's terms forbid to redistribute its data; whether "
    "images of a model trained on it may be passed on is not said there, and a model can repeat what it saw (see the "
    "score card's row on memorised images). Ask AIST before you publish them, and cite the ETL Character Database.",
    "other": "Learned from your own files ({source}); their terms are yours to know. A model can repeat what it saw.",
}


class Made(NamedTuple):
    """What an export is made from."""

    run: str
    name: str
    step: int
    checkpoint: str  # SHA-256 of the file
    config: dict[str, Any]
    data: str  # what its data was recognised as; "" where the run never said
    scores: dict[str, Any]  # kind, step, domain, columns; {} where this step was not judged, nor one before it
    judged: tuple[int, ...]  # all steps that were, in order
    domains: tuple[str, ...]  # looks that the checkpoint can draw in; one: nothing to choose


def made_from(run: RunDir, config: RunConfig, step: int) -> Made:
    """Look up everything about the checkpoint of `step`. A run that learned no labels: RunError."""
    if not config.recipe.labelled:
        raise RunError(
            f"run {run.id} learned without labels (recipe {config.recipe.name}, recipe.label_real=0): what it draws "
            "for a character need not be that character, which no OCR can learn from; export a run of recipe.name=etl"
        )
    found = checkpoints.find(run, str(step))
    digest = hashlib.sha256(found.path.read_bytes()).hexdigest()
    name = printable(str(read_json(run.meta).get("name", "")))
    resolved = read_json(run.env).get("resolved")
    data = str(resolved.get("data_source", "")) if isinstance(resolved, dict) else ""
    looks = names(found.facts, "domains", ("",))
    whole, quick = read_json(run.scores), history.curves(run.events).scored
    judged = {event.step for event in quick} | ({whole["step"]} if isinstance(whole.get("step"), int) else set())
    scores = _scores(whole, quick, step, looks)
    return Made(run.id, name, step, digest, to_tree(config), data, scores, tuple(sorted(judged)), looks)


def licence_notes(source: str, recognised: str = "") -> list[str]:
    """What the data's owners ask for; several sources, several notes. `recognised`: what they were seen to be."""
    found = domains(source)
    notes = [LICENCES[_owner(each, recognised, alone=len(found) == 1)].format(source=each.name) for each in found]
    return list(dict.fromkeys(notes))


def _owner(domain: Domain, recognised: str, *, alone: bool) -> str:
    kind, paths = parse(domain.spec)
    if domain.spec in EMBEDDED:
        return "penman"
    seen = recognised.startswith("ETL") if alone else f" + {domain.name}: ETL" in f" + {recognised}"
    return "etl" if kind == "etl" or (not kind and (seen or len(paths) > 1)) else "other"


def write_card(out: Path, made: Made, facts: dict[str, Any], *, filtered: dict[str, Any] | None, identity: str) -> None:
    """README.md, then card.json, which says by its being there that the export is complete."""
    source = str(made.config["data"]["source"])
    tree = {
        "what": "characters and lines that a generator drew (etlgan export); nobody wrote them",
        "fingerprint": identity,
        "export": facts,
        "run": {"id": made.run, "name": made.name, "step": made.step, "checkpoint_sha256": made.checkpoint},
        "config": made.config,
        "torch": torch.__version__,
        "licence": licence_notes(source, made.data),
        "scores": made.scores or None,
        "filter": filtered,
    }
    write_atomic(out / README, _readme(tree, made).encode())
    write_json(out / CARD, tree)


def _scores(whole: dict[str, Any], quick: Sequence[Scored], step: int, looks: tuple[str, ...]) -> dict[str, Any]:
    """The score card of that step: the whole one, else the last quick one of the training, which is of the last look.

    `domain` is whose look was judged; None where there is only one.
    """
    if whole.get("step") == step:
        domain = whole.get("domain") if len(looks) > 1 else None
        return {"kind": "whole", "step": step, "domain": domain, "columns": whole.get("columns", whole)}
    scored = [event for event in quick if event.step <= step]
    if not scored:
        return {}
    domain = looks[-1] if len(looks) > 1 else None
    return {"kind": "quick", "step": scored[-1].step, "domain": domain, "columns": {"generated": scored[-1].scores}}


def _readme(tree: dict[str, Any], made: Made) -> str:
    export, run = tree["export"], tree["run"]
    data = tree["config"]["data"]
    lines = [
        "# Generated handwriting",
        "",
        "Every image here was drawn by a neural network and labelled by what it was asked to draw; no person wrote it.",
        "",
        f"- {export['samples']:,} {export['kind']}, format `{export['format']}`, seed {export['seed']}, "
        f"look {export['look']}, {'dark ink on white' if export['black_on_white'] else 'white ink (255) on black'}"
        + (f", temperature {export['temperature']:g}" if export["temperature"] != 1 else ""),
        f"- run `{run['id']}` {_code(run['name'])}, step {run['step']:,}, "
        f"checkpoint SHA-256 `{run['checkpoint_sha256']}`",
        f"- learned from `{_code(data['source'])}`, {data['per_char']:,} images a character at most, {data['size']} px"
        + (f", style {data['style']}" if data["source"] == "penman" else ""),
        *_look_lines(made, export["domain"]),
        "- the same command gives the same files, on the same kind of processor and torch "
        f"({tree['torch']}); `card.json` holds every setting",
        "",
        "## Licence",
        "",
        *tree["licence"],
        "",
        "## Scores",
        "",
        *_score_lines(made, export["domain"], export["temperature"]),
    ]
    if tree["filter"] is not None:
        lines += ["", "## Filter", "", *_filter_lines(tree["filter"], export["confidence"])]
    if "counts" in export:
        lines += ["", "## Samples of each character", "", *_count_lines(export["counts"])]
    return "\n".join(lines) + "\n"


def _look_lines(made: Made, domain: str | None) -> list[str]:
    """In the look of which source the images are, where there are several; None: the last."""
    return [f"- drawn in the look of its domain `{_code(domain or made.domains[-1])}`"] if len(made.domains) > 1 else []


def _score_lines(made: Made, domain: str | None, temperature: float) -> list[str]:
    """The table where there is one, and what it does not speak of; domain: in whose look the export is (None: the
    last).
    """
    look = domain or made.domains[-1]
    command = ["etlgan", "score", made.run, "--checkpoint", str(made.step)]
    command += ["--domain", look] if len(made.domains) > 1 else []
    judge = f"`{_code(shlex.join(command))}`"
    if not made.judged:
        return [f"Nobody judged this run yet. {judge} does; export again, and the card is here."]
    scores = made.scores
    if not scores:
        steps = ", ".join(f"{step:,}" for step in made.judged[-3:])
        return [
            f"This run was judged at step {steps}, and this export is of step {made.step:,}. {judge} judges this one; "
            "export again, and the card is here."
        ]
    of = f", domain `{_code(str(scores['domain']))}`" if scores["domain"] else ""
    told = [f"Card `{scores['kind']}` of step {scores['step']:,}{of}."]
    others = [f"of step {made.step:,}"] if scores["step"] != made.step else []
    others += [f"in the look of domain `{_code(look)}`"] if of and scores["domain"] != look else []
    if others:
        told.append(f"This export is {' and '.join(others)}: {judge} judges that.")
    if temperature != 1:
        told.append(f"It judged temperature 1; this export was drawn at {temperature:g}.")
    return [" ".join(told), "", *_table(scores)]


def _table(scores: dict[str, Any]) -> list[str]:
    columns = {key: column for key, column in scores["columns"].items() if isinstance(column, dict)}
    told = {name for column in columns.values() for name in column}
    rows = [*filter(told.__contains__, BY_NAME), *sorted(told - BY_NAME.keys())]
    head = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    table = [
        f"| {_words(name)} | " + " | ".join(_written(name, column.get(name)) for column in columns.values()) + " |"
        for name in rows
    ]
    return [*head, *table]


def _words(name: str) -> str:
    return f"{BY_NAME[name].words} (`{name}`)" if name in BY_NAME else f"`{_code(name)}`"


def _written(name: str, value: Any) -> str:
    if not isinstance(value, int | float):
        return ""
    return written(BY_NAME[name].kind, value) if name in BY_NAME else f"{value:.4g}"


def below(out: Path) -> dict[str, int]:
    """Of a finished export: samples of each character that never reached the confidence asked for, and are in it."""
    filtered = read_json(out / CARD).get("filter")
    rows = filtered.items() if isinstance(filtered, dict) else ()
    return {character: row["kept_below"] for character, row in rows if row["kept_below"]}


def _filter_lines(filtered: dict[str, Any], confidence: float) -> list[str]:
    samples, drawn, below = (sum(row[key] for row in filtered.values()) for key in ("samples", "drawn", "kept_below"))
    worst = sorted(filtered, key=lambda character: -filtered[character]["drawn"] / filtered[character]["samples"])[:10]
    return [
        f"Drawn again until the judge read the character with {confidence:.0%} or more, at most ten times: {drawn:,} "
        f"images for {samples:,} samples; {below:,} never got there and are here as the best of their attempts "
        "(`confidence`, which every format but `etl9g` holds, tells which). A filter makes a set easier: styles that "
        "the judge finds hard are rarer in it.",
        "",
        "Most often drawn again: "
        + ", ".join(f"{c} {filtered[c]['drawn'] / filtered[c]['samples']:.2f} times a sample" for c in worst),
    ]


def _count_lines(counts: dict[str, int]) -> list[str]:
    values = set(counts.values())
    if len(values) == 1:
        return [f"{values.pop():,} each of {len(counts):,}: {''.join(counts)}"]
    return [", ".join(f"{character} {count:,}" for character, count in counts.items())]


def _code(text: str) -> str:
    return printable(text).replace("`", "'")
