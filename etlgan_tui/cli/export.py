"""`etlgan export`: a generated data set in the format that an OCR's trainer reads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, get_args

import typer

from etlgan_tui import looks
from etlgan_tui.cli import options, terminal
from etlgan_tui.cli.data.bar import progress_bar

if TYPE_CHECKING:
    from core.export.drawing import Reader
    from core.export.job import Job
    from core.export.request import Look, Precision
    from core.gan.sample import Sampler
    from core.rundir import RunDir
    from core.settings import RunConfig

_PER_CHAR, _PER_SHARD, _MOST_SHARDS = 1000, 10_000, 100_000
_LENGTH, _HANDS = 20, 1  # of lines
_ETL9G_FILES = 50  # that the real set has


class _Asked(NamedTuple):
    """What the options of `export` say, by the names of its parameters."""

    out: Path
    kind: str
    chars: str | None
    per_char: int | None
    frequencies: Path | None
    writers: bool
    look: Look
    black_on_white: bool
    min_confidence: float
    lines: Path | None
    random_lines: int | None
    length: int | None
    hands: int | None
    domain: str | None
    temperature: float
    seed: int
    shards: int | None
    shard: int | None
    precision: Precision
    resume: bool
    force: bool

    @property
    def of_lines(self) -> bool:
        return self.lines is not None or self.random_lines is not None


def export(
    text: options.Run,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    kind: Annotated[
        str, typer.Option("--format", metavar="NAME", help="png, json, idx, etl9g, npz, parquet or webdataset.")
    ] = "png",
    chars: Annotated[
        str | None, typer.Option(metavar="CHARS", help="Characters or a named set; default: all that the run knows.")
    ] = None,
    per_char: Annotated[
        int | None, typer.Option("--per-char", metavar="N", min=1, help="Samples a character; default 1,000.")
    ] = None,
    frequencies: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table character,count instead of --chars and --per-char.")
    ] = None,
    writers: Annotated[
        bool, typer.Option("--writers", help="One hand writes all characters once, then the next one does.")
    ] = False,
    look: Annotated[str, typer.Option(metavar="LOOK", help="clean, or scanned: paper, frames, neighbours.")] = "clean",
    black_on_white: Annotated[bool, typer.Option("--black-on-white", help="Ink is 0, as on paper.")] = False,
    min_confidence: Annotated[
        float,
        typer.Option("--min-confidence", metavar="P", min=0, max=1, help="Draw again what the judge doubts."),
    ] = 0.0,
    lines: Annotated[
        Path | None, typer.Option(metavar="TEXTFILE", help="Images of its lines, with boxes, instead of characters.")
    ] = None,
    random_lines: Annotated[
        int | None, typer.Option("--random-lines", metavar="N", min=1, help="N lines of random characters.")
    ] = None,
    length: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=200, help="Characters of a line, at most; default 20.")
    ] = None,
    hands: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1_000_000, help="Hands that write each line; default 1.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out characters that the run does not know, and say so.")
    ] = False,
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="In the look of this source, for runs that learned from several.")
    ] = None,
    temperature: options.Temperature = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**31 - 1, help="Seed of all styles.")] = 0,
    checkpoint: Annotated[str, typer.Option(metavar="WHICH", help="best, last, or a step.")] = "best",
    shards: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=_MOST_SHARDS, help="Parts; default: one for 10,000.")
    ] = None,
    shard: Annotated[
        int | None, typer.Option(metavar="I", min=0, help="Write only this part, from 0: one job of an array.")
    ] = None,
    precision: Annotated[str, typer.Option(metavar="P", help="fp32, or bf16: faster on newer CPUs.")] = "fp32",
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, max=1024, help="CPU threads that draw.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same export was cut off.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the export that is in OUT.")] = False,
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Write labelled characters, or lines of text, that a run draws.

    Styles cover the codes evenly; sample i depends on the seed and i alone, so that a cut-off export goes on to the
    same bytes, and jobs can write its shards at the same time. A card says what it was made from.
    """
    given = locals()
    asked = _Asked(**{name: given[name] for name in _Asked._fields})
    _check(asked)
    run = options.run(folder, text)
    config = options.config(run)
    from core.export.drawing import use_threads
    from core.gan.sample import Sampler

    use_threads(threads)
    sampler = Sampler.load(run, checkpoint=checkpoint)
    sampler.domain(domain)  # a name that the run does not know is told before anything is made
    known = _Known(sampler, skip=skip_unknown, file=lines or frequencies)
    job = _line_job(run, sampler, known, asked) if asked.of_lines else _job(run, config, sampler, known, asked)
    _carry_out(job, only=shard, resume=resume, force=force, as_json=as_json)


class _Known:
    """Characters that the run can draw; others are refused, or left out and told."""

    def __init__(self, sampler: Sampler, *, skip: bool, file: Path | None = None) -> None:
        """`file`: where they are asked for, if not on the command line."""
        self.all, self.skipped, self._skip, self._sampler = sampler.characters, "", skip, sampler
        self._file = file

    def only(self, characters: Iterable[str]) -> list[str]:
        """The known ones. Others: RunError that names them, or they are left out."""
        asked = list(characters)
        unknown = dict.fromkeys(character for character in asked if character not in self.all)
        if unknown and not self._skip:
            self._refuse(list(unknown))
        self.skipped = "".join(dict.fromkeys(self.skipped + "".join(unknown)))
        return [character for character in asked if character in self.all]

    def _refuse(self, unknown: list[str]) -> None:
        from core.errors import RunError

        try:
            self._sampler.labels(unknown)  # its error names them and what the run knows
        except RunError as error:
            where = f"{self._file}: " if self._file else ""
            raise RunError(f"{where}{error}; --skip-unknown leaves out what it does not know") from None

    def text(self, line: str) -> str:
        """A line without what was left out; blanks stay."""
        known = set(self.only(character for character in line if not character.isspace()))
        return "".join(character for character in line if character in known or character.isspace()).strip()

    def named(self, spec: str | None) -> list[str]:
        """The characters of a set."""
        from core.glyphs import repertoire

        return list(self.all) if spec is None else self.only(repertoire.characters(spec))


def _check(asked: _Asked) -> None:
    """What can be told to be wrong before anything is loaded. ConfigError."""
    from core.errors import ConfigError
    from core.export.request import Look, Precision

    for option, said, known in (("look", asked.look, Look), ("precision", asked.precision, Precision)):
        if said not in get_args(known):
            raise ConfigError(f"--{option} {said}: must be {' or '.join(get_args(known))}")
    if asked.resume and asked.force:
        raise ConfigError("--resume and --force: choose one")
    if asked.force and asked.shard is not None:
        raise ConfigError("--force: would remove the other shards; replace an export without --shard")
    if asked.writers and asked.min_confidence:
        raise ConfigError(
            "--writers: a hand keeps its noise, so nothing can be drawn again; leave out --min-confidence"
        )
    if asked.frequencies and (asked.chars or asked.per_char):
        raise ConfigError("--frequencies: says which characters and how many; leave out --chars and --per-char")
    if asked.lines and asked.random_lines:
        raise ConfigError("--lines and --random-lines: choose one")
    for_characters = {
        "--per-char": asked.per_char, "--frequencies": asked.frequencies, "--writers": asked.writers,
        "--min-confidence": asked.min_confidence, "--look": asked.look != "clean", "--format": asked.kind != "png",
    }  # fmt: skip
    if asked.of_lines and (given := [option for option, value in for_characters.items() if value]):
        raise ConfigError(f"lines are clean PNG files in one hand each; leave out {', '.join(given)}")
    if asked.lines and asked.chars:
        raise ConfigError("--lines: the file says which characters; leave out --chars")
    if not asked.of_lines and (asked.length or asked.hands):
        raise ConfigError("--length and --hands: go with --random-lines and --lines")


def _job(run: RunDir, config: RunConfig, sampler: Sampler, known: _Known, asked: _Asked) -> Job:
    from core.export import request as requests
    from core.export.card import made_from
    from core.export.characters import Characters

    if asked.frequencies is not None:
        table = requests.read_frequencies(asked.frequencies)
        counts = {character: table[character] for character in known.only(table)}
    else:
        counts = dict.fromkeys(known.named(asked.chars), asked.per_char or _PER_CHAR)
    told = requests.checked(counts)
    request = requests.Request(
        format=asked.kind,
        counts=told,
        seed=asked.seed,
        writers=asked.writers,
        look=asked.look,
        confidence=asked.min_confidence,
        domain=asked.domain,
        temperature=asked.temperature,
        black_on_white=asked.black_on_white,
        precision=asked.precision,
        shards=_shards(sum(counts.values()), asked.shards, most=_ETL9G_FILES if asked.kind == "etl9g" else 0),
    )
    _tell(known, run, sampler, f"{looks.counted(request.total, 'image')} of {looks.counted(len(told), 'character')}")
    reader = _reader(run, config, sampler, request.domain) if request.confidence else None
    return Characters(asked.out, sampler, request, made_from(run, sampler.config, sampler.step), reader=reader)


def _line_job(run: RunDir, sampler: Sampler, known: _Known, asked: _Asked) -> Job:
    from core.errors import ConfigError
    from core.export import lines
    from core.export.card import made_from
    from core.export.request import MOST

    texts = () if asked.lines is None else lines.read_texts(asked.lines, length=asked.length or _LENGTH)
    known.only(dict.fromkeys(character for text in texts for character in text if not character.isspace()))
    request = lines.LinesRequest(
        texts=tuple(filter(None, (known.text(text) for text in texts))),
        characters=() if texts else tuple(known.named(asked.chars)),
        random=asked.random_lines or 0,
        length=asked.length or _LENGTH,
        hands=asked.hands or _HANDS,
        seed=asked.seed,
        domain=asked.domain,
        temperature=asked.temperature,
        precision=asked.precision,
    )
    if request.total == 0 or not (request.texts or request.characters):
        raise ConfigError("nothing is left to write: this run knows none of these characters")
    if request.total > MOST:
        raise ConfigError(f"{request.total:,} lines are more than an export can number ({MOST:,})")
    _tell(known, run, sampler, looks.counted(request.total, "line"))
    shards = _shards(request.total, asked.shards, each=lines.PER_SHARD)
    made = made_from(run, sampler.config, sampler.step)
    return lines.Lines(asked.out, sampler, request, made, shards=shards, skipped=known.skipped)


def _shards(total: int, wanted: int | None, *, each: int = _PER_SHARD, most: int = 0) -> int:
    """Never more than there are samples."""
    usual = min(-(-total // each), most or _MOST_SHARDS)
    return max(1, min(wanted or usual, total))


def _reader(run: RunDir, config: RunConfig, sampler: Sampler, domain: str | None) -> Reader:
    """The judge of the run's data. A checkpoint of other characters than config.json says: ConfigError, as `score`."""
    from core.errors import ConfigError
    from core.export.characters import reader_of
    from core.glyphs import repertoire
    from core.judge.judges import judge_for

    if sampler.characters != repertoire.characters(config.data.chars):
        raise ConfigError(
            f"run {run.id}: its checkpoint knows other characters than its config.json ({config.data.chars}); "
            "no judge of that data can read them: leave out --min-confidence"
        )

    def progress(done: int, total: int) -> None:
        if done % 100 == 0:
            terminal.tell(f"training the judge: {done} of {total} steps")

    return reader_of(judge_for(config.data, domain=sampler.domain(domain), progress=progress))


def _tell(known: _Known, run: RunDir, sampler: Sampler, what: str) -> None:
    terminal.tell(f"run {run.id}, step {sampler.step}: {what}")
    if known.skipped:
        from core.glyphs.repertoire import shown as named

        shown = " ".join(map(named, known.skipped[:40])) + " ..." * (len(known.skipped) > 40)
        terminal.tell(terminal.clean(f"etlgan: left out {len(known.skipped)} unknown: {shown}"))


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The ten largest, largest first."""
    return sorted(counts.items(), key=lambda each: -each[1])[:10]


def _carry_out(job: Job, *, only: int | None, resume: bool, force: bool, as_json: bool) -> None:
    from core.errors import ConfigError
    from core.export.card import below
    from core.export.job import carry_out

    if only is not None and only >= job.shards:
        raise ConfigError(f"--shard {only}: there are {job.shards}, from 0 on; --shards sets their number")
    start = time.perf_counter()
    try:
        with progress_bar("written") as progress:
            outcome = carry_out(job, only=only, resume=resume, force=force, progress=progress)
    except KeyboardInterrupt:
        terminal.tell(f"stopped; the same command with --resume {'instead of --force ' if force else ''}goes on")
        raise
    seconds = time.perf_counter() - start
    doubted = below(job.out) if outcome.complete else {}
    if as_json:
        facts = {"out": str(job.out), "samples": job.total, "shards": job.shards, "seconds": seconds}
        terminal.say_json(facts | outcome._asdict() | {"below_confidence": doubted})
        return
    if doubted:
        worst = ", ".join(f"{character} {count:,}" for character, count in _most(doubted))
        terminal.tell(
            f"etlgan: {sum(doubted.values()):,} of them never reached --min-confidence and are in the set, "
            f"the best of ten attempts each: {worst}; their confidence is told beside them (not in etl9g)"
        )
    if outcome.written:
        terminal.tell(f"{outcome.written:,} in {terminal.duration(seconds)}, {outcome.written / seconds:,.0f} a second")
    if outcome.complete:
        terminal.say(f"{job.total:,} in {terminal.clean(job.out)}")
    else:
        terminal.say(
            f"{outcome.missing:,} of {job.shards:,} shards are still to be written to {terminal.clean(job.out)}"
        )
