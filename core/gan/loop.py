"""Training from start (or checkpoint) to end: decide, then work.

Facts go out as events; pictures and checkpoints as files.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from core import config as configs
from core.errors import RunError
from core.events import AnyEvent, Sampled, Saved, Scored, Step
from core.gan import checkpoint, grid, infogan, profile, warm
from core.gan.anchors import anchored, anchored_codes
from core.gan.clock import Clock
from core.gan.device import Resolved
from core.gan.engine import Engine
from core.gan.ink import from_ink
from core.gan.model import Latent
from core.gan.painter import Painter
from core.gan.pool import Pool
from core.gan.saved import initial
from core.gan.world import ALONE, World
from core.glyphs.glyphset import GlyphSet
from core.rundir import RunDir
from core.settings import RunConfig

QUALITY_IMAGES = 1000  # generated images that Q reads to rank checkpoints when no scorer is given

Emit = Callable[[AnyEvent], None]


class Scores(NamedTuple):
    """What a scorer says."""

    numbers: dict[str, float | None]  # by the first one checkpoints are ranked
    passed: bool | None = None  # whether train.target is reached


Scorer = Callable[[Callable[[NDArray[np.int64], int], NDArray[np.uint8]]], Scores]


class Training:
    """One attempt of one run."""

    def __init__(
        self,
        config: RunConfig,
        run: RunDir,
        glyphs: GlyphSet,
        resolved: Resolved,
        emit: Emit,
        world: World = ALONE,
    ) -> None:
        self.config, self.run, self.emit, self.glyphs, self.resolved = config, run, emit, glyphs, resolved
        self.world = world
        images, labels = glyphs.part(held_out=False)
        self.classes = len(glyphs.characters)
        device = torch.device(resolved.device)
        domain = glyphs.domain_of(held_out=False)
        domains = len(glyphs.domains)
        looks = labels if domain is None else labels * domains + domain  # an anchor is a rank among images of one look
        anchors = anchored_codes(images, looks, anchored(config))
        pool = Pool(images, labels, anchors, device, domain=domain, domains=domains, balanced=config.recipe.balanced)
        self.engine = Engine(config, pool, self.classes, resolved, world)
        model = config.model
        self.latents = grid.fixed_latents(
            classes=self.classes,
            noise=model.noise,
            codes=model.codes,
            seed=config.seed,
            device=device,
            domains=domains,
        )
        self.rows = grid.row_names(glyphs.characters[: self.latents.rows], labelled=config.recipe.labelled)
        self.painter = Painter(run, aside=device.type == "cuda")
        self.clock = Clock()
        self.problems: list[str] = []  # of its checkpoints, for who watches
        self.step = self._begun()

    def _begun(self) -> int:
        """All go on from what the leader has; the step it is of."""
        step = self._resumed() if self.world.leads else 0
        found = self.world.leaders(self.engine.tensors() | {"step": torch.tensor(step)})
        if not self.world.leads:
            self.engine.load({name: tensor for name, tensor in found.items() if name != "step"})
        return int(found["step"])

    def _resumed(self) -> int:
        """Go on from the newest checkpoint that loads; the step it is of, or 0 (with the weights of a warm start)."""
        found = checkpoint.newest_readable(self.run, self.problems.append)
        if found is None:
            if self.config.train.init_from:
                start = initial(self.config, self.run.path.parent)
                warm.begin(self.engine.nets, start, self.glyphs.characters, self.glyphs.domains)
            return 0
        if found[0].facts.get("data") != self.glyphs.fingerprint:
            raise RunError("the data is not what this run was trained on (other fingerprint); start a new run for it")
        self.engine.load(found[1])
        return found[0].step

    def go_on(self, stopping: Callable[[], bool], scorer: Scorer | None = None) -> bool:
        """Train until train.steps, or until `stopping()`; True if it was stopped. A non-finite loss: RunError.

        Processes that train together decide alike; the leader alone draws, scores and saves.
        """
        train, start = self.config.train, self.step
        watched = train.profile  # updates that the profiler is to see, once an attempt
        while True:
            stopped = self.world.agreed(stopping())
            last = self.step >= train.steps or stopped
            fresh = self.step > start
            if fresh and (self._due(train.report_every) or self.step >= train.steps):
                self._report()
            if last or self._due(train.sample_every, train.save_every, train.score_every):
                with self.clock.of("training"):
                    self.engine.wait()
                if self.world.leads:
                    self._write(scorer, last=last, fresh=fresh)
                self.world.together()  # the leader may take long, and may fail
            if last:
                return self.step < train.steps
            count = min(self.engine.stride, self._undecided())
            if watched and self.step >= start + profile.AFTER:
                count = min(watched, self._undecided())
                self._watch(count)
                self.step, watched = self.step + count, 0
                continue
            with self.clock.of("training"):
                self.engine.advance(self.step, count)
            self.step += count
            self.clock.images += count * train.batch_size

    def _write(self, scorer: Scorer | None, *, last: bool, fresh: bool) -> None:
        """Scores and a checkpoint, then pictures, each at its time: who asked for a stop may not wait for all of it."""
        train = self.config.train
        scores = scorer is not None and (last or self._due(train.score_every or train.save_every))
        if fresh and (last or scores or self._due(train.save_every)):
            self._save(scorer, scores)
        if last or self._due(train.sample_every):
            with self.clock.of("pictures"):
                self._draw()
                self._show(wait=last)

    def _due(self, *rhythm: int) -> bool:
        """Whether one of these numbers of steps is full; 0: never."""
        return any(every and self.step % every == 0 for every in rhythm)

    def _watch(self, count: int) -> None:
        """So many updates under the leader's profiler."""
        if self.world.leads:
            print(profile.profiled(self.engine, self.step, count, self.run.profile), end="", flush=True)
        else:
            self.engine.advance(self.step, count)

    def _undecided(self) -> int:
        """Steps until something is to be reported, drawn, saved or ended."""
        train = self.config.train
        rhythm = (train.report_every, train.sample_every, train.save_every, train.score_every or train.save_every)
        return min(train.steps - self.step, *(every - self.step % every for every in rhythm))

    def _report(self) -> None:
        with self.clock.of("training"):  # reading the sums waits for the device
            means = self.engine.read()
        if not all(math.isfinite(value) for value in means.values()):
            names = ", ".join(name for name, value in means.items() if not math.isfinite(value))
            raise RunError(
                f"{names} became non-finite by step {self.step}; try a lower train.lr or train.precision=fp32"
            )
        told: dict[str, float | None] = {**means}
        if self.config.recipe.unsupervised and not self.config.recipe.label_real:
            told["q_real"] = None  # no code of an unsupervised Q is anybody's name
        seconds, rate = self.clock.seconds, self.clock.rate()
        with self.clock.of("events"):
            self._show(wait=False)
            self.emit(Step(step=self.step, time=time.time(), seconds=seconds, images_per_s=rate, **told))

    def pictures(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The fixed latents as the moving average draws them now: (rows * C, S, S) and (codes * rows * C, S, S)."""
        average = self.engine.average
        return grid.generate(average, self.latents.grid), grid.generate(average, self.latents.traversal)

    def _draw(self) -> None:
        average = self.engine.average
        with self.engine.fast():  # half the time; two of 255 grey levels off at most
            self.painter.paint(self.step, "grid", grid.drawn(average, self.latents.grid))
            if self.config.model.codes:
                self.painter.paint(self.step, "traversal", grid.drawn(average, self.latents.traversal))

    def _show(self, *, wait: bool) -> None:
        """Tell of pictures that are on the disk."""
        for picture in self.painter.finished(wait=wait):
            rows = self.rows * (picture.images // len(self.rows) // grid.COLUMNS)
            self.emit(Sampled(step=picture.step, time=time.time(), path=picture.path, kind=picture.kind, rows=rows))

    def _save(self, scorer: Scorer | None, due: bool) -> None:
        if not self.engine.finite():
            raise RunError(f"losses or weights became non-finite by step {self.step}; try a lower train.lr")
        with self.clock.of("scores"):
            quality = self._quality(scorer, due)
        with self.clock.of("checkpoints"):
            self._keep(quality, judged=scorer is not None)

    def _keep(self, quality: float, *, judged: bool) -> None:
        facts: dict[str, Any] = {
            "characters": list(self.glyphs.characters),
            "data": self.glyphs.fingerprint,
            "resolved": self.resolved._asdict(),
            "model": configs.to_tree(self.config)["model"],
            "recipe": self.config.recipe.name,
            "pixels": self.config.data.size,
            "domains": list(self.glyphs.domains),
            "judged": judged,
        }
        best = checkpoint.save(
            self.run, self.step, self.engine.tensors(), facts, quality=quality, keep=self.config.train.keep
        )
        path = str(self.run.checkpoint(self.step).relative_to(self.run.path))
        self.emit(Saved(step=self.step, time=time.time(), path=path, best=best))

    def _quality(self, scorer: Scorer | None, due: bool) -> float:
        """What checkpoints are ranked by: a scorer's first score where there is one, 0 for those between its looks."""
        if scorer is None:
            return self._own_quality()
        return self._scored(scorer) if due else 0.0

    def _scored(self, scorer: Scorer) -> float:
        scores = scorer(self._sampled)
        self.emit(
            Scored(
                step=self.step,
                time=time.time(),
                scores=scores.numbers,
                seconds=self.clock.seconds,
                passed=scores.passed,
            )
        )
        return next((value for value in scores.numbers.values() if value is not None), 0.0)

    def _sampled(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.uint8]:
        """(n,) labels -> (n, S, S) as the moving average draws them (in the last domain's look), for a scorer."""
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(labels), self.config.model.noise, generator=random)
        codes = torch.rand(len(labels), self.config.model.codes, generator=random) * 2 - 1
        domains = len(self.glyphs.domains)
        domain = torch.full((len(labels),), domains - 1) if domains > 1 else None
        latent = Latent(noise, torch.from_numpy(labels), codes, domain)
        with self.engine.fast():
            return grid.generate(self.engine.average, latent.to(self.engine.device))

    @torch.no_grad()
    def _own_quality(self) -> float:
        """Share of generated images that Q reads as asked: no judge, but enough to tell a broken checkpoint."""
        labels = np.arange(QUALITY_IMAGES) % self.classes
        images = torch.from_numpy(self._sampled(labels, seed=0)).to(self.engine.device)
        asked = torch.from_numpy(labels)
        with self.engine.fast():
            opinion = self.engine.discriminator.eval()(from_ink(images[:, None]), asked.to(self.engine.device))
        self.engine.discriminator.train()
        return infogan.accuracy(opinion.label.cpu().double(), asked, self.classes).item()
