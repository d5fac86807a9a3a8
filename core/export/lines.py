"""Lines of text: one hand a line, with the truth of every character's box, as trainers of line recognisers want them.

OUT/images/00000/00000017.png   dark ink on white, as high as one and a half characters
OUT/labels.txt                  `images/00000/00000017.png<TAB>text`, a line each (PaddleOCR's and EasyOCR's form)
OUT/lines.jsonl                 one object a line: image, text, width, height, hand, characters: [{text, box}];
                                a box is left, top, right, bottom in pixels, the last two just outside the ink
"""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.export import styles
from core.export.batch import Reports
from core.export.card import Made, write_card
from core.export.characters import VERSION
from core.export.drawing import ONE_HAND, sampled, together
from core.export.formats.base import Task, Whole, join_parts, part_path, put
from core.export.png import encode
from core.export.prefetch import drawn_ahead
from core.export.request import Precision, fingerprint, span
from core.export.typeset import Line, Typesetter
from core.gan.sample import Sampler
from core.glyphs.penman.noise import Noise, keys
from core.glyphs.repertoire import composed

BLOCK = 16  # lines drawn together on a CPU, always the same ones
LARGE_BLOCK = 128  # on a GPU: some hundreds or thousands of characters
PER_FOLDER = 10_000
PER_SHARD = 2_000
LARGEST_TEXT = 256 << 20  # bytes
WOBBLE = 0.3  # of a hand's noise: two あ of one line are not the same あ
CODE_WOBBLE = 0.06
_TEXT = 0x7E87  # a purpose of random numbers


class LinesRequest(NamedTuple):
    """Everything that decides the bytes, but for the checkpoint."""

    texts: tuple[str, ...]  # none: random ones
    characters: tuple[str, ...]  # of random lines
    random: int  # how many lines of random characters, where there are no texts
    length: int  # characters of a line, at most
    hands: int  # that write each text
    seed: int = 0
    domain: str | None = None
    temperature: float = 1.0
    precision: Precision = "fp32"

    @property
    def total(self) -> int:
        return (len(self.texts) or self.random) * self.hands

    def text(self, line: int) -> str:
        """What line number `line` says."""
        if self.texts:
            return self.texts[line // self.hands]
        draw = Noise(keys(self.seed, _TEXT, line // self.hands)).uniform(1 + self.length)[0]
        count = 1 + int(draw[0] * self.length)
        return "".join(self.characters[int(each * len(self.characters))] for each in draw[1 : 1 + count])


def read_texts(path: Path, *, length: int) -> list[str]:
    """The lines of a UTF-8 file that hold anything, cut after `length` characters. Unreadable or empty: DataError."""
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise DataError(f"{path}: has more than {LARGEST_TEXT >> 20} MiB; split it")
        text = composed(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    lines = (" ".join(line.split()) for line in text.splitlines())
    pieces = [line[at : at + length].strip() for line in lines for at in range(0, len(line), length)]
    found = [piece for piece in pieces if piece]
    if not found:
        raise DataError(f"{path}: holds no text")
    return found


class Lines:
    """A job for `core.export.job.carry_out`."""

    def __init__(
        self, out: Path, sampler: Sampler, request: LinesRequest, made: Made, *, shards: int = 1, skipped: str = ""
    ) -> None:
        self.out, self.sampler, self.request, self.made = out, sampler, request, made
        self.total, self.shards, self.skipped = request.total, shards, skipped
        self.block = BLOCK if sampler.on_cpu else LARGE_BLOCK
        self.typesetter = Typesetter(sampler.size, seed=request.seed)
        facts = {"version": VERSION, "lines": request, "shards": shards, "checkpoint": made.checkpoint}
        self.fingerprint = fingerprint(facts)
        self._task = Task(out, (), self.total, shards, self.typesetter.height, 0, (), judged=False)

    def span(self, shard: int) -> tuple[int, int]:
        return span(self.total, self.shards, shard)

    def written(self, shards: Sequence[int], progress: Callable[[int], None]) -> Reports:
        for shard in shards:
            self._write(shard, progress)
            yield shard, {}

    def _write(self, shard: int, progress: Callable[[int], None]) -> None:
        with (
            Whole(part_path(self._task, shard, "jsonl")) as truth,
            Whole(part_path(self._task, shard, "txt")) as labels,
            closing(self.blocks(*self.span(shard))) as blocks,
        ):
            for block in blocks:
                for number, line in block:
                    name = f"images/{number // PER_FOLDER:05}/{number:08}.png"
                    (self.out / name).parent.mkdir(parents=True, exist_ok=True)
                    put(self.out / name, encode(255 - line.ink))
                    truth.write(_truth(name, number, line))
                    labels.write(f"{name}\t{line.text}\n".encode())
                progress(len(block))

    def blocks(self, first: int, end: int) -> Generator[list[tuple[int, Line]], None, None]:
        """Lines first .. end - 1 with their numbers, some at a time. To be closed, as `drawn_ahead`."""

        def block(start: int) -> list[tuple[int, Line]]:
            numbers = range(start, min(start + self.block, self.total))
            texts = [self.request.text(number) for number in numbers]
            drawn = self._glyphs(texts, numbers)
            kept = [place for place, number in enumerate(numbers) if first <= number < end]
            return [(numbers[at], self.typesetter.line(texts[at], drawn[at], numbers[at])) for at in kept]

        return drawn_ahead(block, range(first - first % self.block, end, self.block))

    def _glyphs(self, texts: Sequence[str], hands: Sequence[int]) -> list[NDArray[np.uint8]]:
        """(n characters that are not blank, S, S) for each of the lines."""
        written = [[c for c in text if not c.isspace()] for text in texts]
        ends = np.cumsum([len(line) for line in written])
        labels = self.sampler.labels([c for line in written for c in line])
        hand = np.repeat(np.asarray(hands, np.int64), [len(line) for line in written])
        place = np.concatenate([np.arange(len(line)) for line in written])
        noise, codes = self._style(hand, place)
        chunk = together(self.sampler)
        rows = np.arange(-(-len(labels) // chunk) * chunk) % len(labels)  # whole chunks, whatever the texts
        images = [
            sampled(self.sampler, self.request, labels[part], codes[part], noise[part])
            for part in rows.reshape(-1, chunk)
        ]
        return np.split(np.concatenate(images)[: len(labels)], ends[:-1])

    def _style(self, hand: NDArray[np.int64], place: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """(n, Z) noise and (n, C) codes: the hand's, and a little of the moment's."""
        count, seed = self.sampler.config.model.noise, self.request.seed
        nobody = np.full(len(hand), ONE_HAND)
        own = styles.noise(seed, nobody, hand, 0, count)
        moment = styles.noise(seed, hand, place, 1, count + self.sampler.codes)
        noise = np.sqrt(1 - WOBBLE**2) * own + WOBBLE * moment[:, :count]
        codes = styles.codes(seed, nobody, hand, self.sampler.codes) + CODE_WOBBLE * moment[:, count:]
        return noise, np.clip(codes, -1, 1)

    def finish(self, _reports: list[dict[str, Any]]) -> None:
        join_parts(self._task, "jsonl", "lines.jsonl")
        join_parts(self._task, "txt", "labels.txt")
        request = self.request
        facts = {
            "kind": "lines", "samples": self.total, "format": "lines", "seed": request.seed, "look": "clean",
            "black_on_white": True, "texts": len(request.texts), "length": request.length, "hands": request.hands,
            "domain": request.domain, "temperature": request.temperature, "precision": request.precision,
            "shards": self.shards,
            "characters": "".join(dict.fromkeys("".join(request.texts) or "".join(request.characters))),
            "skipped_characters": self.skipped,
        }  # fmt: skip
        write_card(self.out, self.made, facts, filtered=None, identity=self.fingerprint)


def _truth(name: str, number: int, line: Line) -> bytes:
    characters = [{"text": character, "box": list(box)} for character, box in line.boxes]
    height, width = line.ink.shape
    tree = {"image": name, "text": line.text, "width": width, "height": height, "hand": number}
    return (json.dumps(tree | {"characters": characters}, ensure_ascii=False) + "\n").encode()
