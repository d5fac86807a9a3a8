"""The whole update of D, Q and G as one unit that the loop calls: everything drawn on the device, no host sync inside.

An update is a function of tensors that stay where they are (weights, moments, its own number), so that a CUDA device
replays it as a captured graph, many updates a launch; elsewhere it runs as it is written.

One generated batch serves both sides: D's and G's gradients are taken from the same forward passes (simultaneous
updates), which saves a fifth of D's work against alternating ones.
"""

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.errors import RunError
from core.gan import augment, chains, checkpoint
from core.gan.adam import Adam
from core.gan.chance import Chance, Stream
from core.gan.device import Resolved
from core.gan.graphs import Replayed, cuda_capture, pieces
from core.gan.infogan import Losses, Real, etl_losses, gradient_penalty, unsupervised_losses
from core.gan.model import Latent, Opinion
from core.gan.networks import build_discriminator, build_generator
from core.gan.pool import Batch, Pool
from core.gan.world import ALONE, Gradients, World
from core.settings import RunConfig

LONGEST = 8  # updates in one graph where no penalty comes in between
STRIDE = 64  # updates asked for at once where graphs are replayed: some tens of milliseconds
REPORTED = ("d", "g", "info_cat", "info_con", "q_real", "q_fake")


class Nets(NamedTuple):
    """What a checkpoint holds of the model."""

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module  # moving average of G's weights: what samples are drawn from


class Engine:
    """Networks, optimisers and the step. The random numbers of step n depend on (seed, n) only."""

    def __init__(self, config: RunConfig, pool: Pool, classes: int, resolved: Resolved, world: World = ALONE) -> None:
        """`world`: who else computes its share of each batch; train.batch_size must divide by their number."""
        self.config, self.pool, self.classes, self.world = config, pool, classes, world
        self.device = torch.device(resolved.device)
        self.bf16 = resolved.precision == "bf16"
        torch.manual_seed(config.seed)
        self.generator = self._placed(build_generator(config, classes, pool.domains))
        self.discriminator = self._placed(build_discriminator(config, classes, pool.domains))
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        betas = config.train.beta1, config.train.beta2
        self.optimisers = {
            name: Adam(net.parameters(), betas=betas)
            for name, net in (("generator", self.generator), ("discriminator", self.discriminator))
        }
        mine = world.share(config.train.batch_size)  # numbers of the samples of a batch
        self._rows = torch.arange(mine.start, mine.stop, device=self.device)
        self._number = torch.zeros((), dtype=torch.int64, device=self.device)  # of the update to come
        self._sums = torch.zeros(len(REPORTED), device=self.device)
        self._summed = 0
        self._every = config.recipe.penalty_every if config.recipe.r1 or config.recipe.r2 else 0
        self._drops_out = config.recipe.name == "classic"
        self._chains: chains.Chains | None = None
        if self._compiles():
            self._compile()
        captures = self.device.type == "cuda" and config.train.graphs
        longest = self._every - 1 if self._every > 1 else LONGEST
        self._replayed = Replayed(self._update, longest=longest, capture=cuda_capture() if captures else None)
        self.stride = STRIDE if captures else 1  # updates that are best asked for at once

    def _placed(self, net: nn.Module) -> nn.Module:
        return net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _compiles(self) -> bool:
        """Whether what lies between convolutions is to be compiled."""
        recipe, train = self.config.recipe, self.config.train
        if self.device.type != "cuda" or recipe.unsupervised or train.compile == "off":
            return False
        return train.compile == "on" or train.steps * train.batch_size >= chains.LONG

    def _compile(self) -> None:
        """Take compiled chains, tried on an update that changes nothing; where that fails none, and say so."""
        print("compiling what lies between convolutions (train.compile)", flush=True)
        self._chains = chains.compiled()
        try:
            losses = self._losses(self._number, penalised=False)
            self._gradients("discriminator", losses.discriminator)
            self._gradients("generator", losses.generator)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # no C compiler, no Triton, a compiler's fault: training is possible without
            self._chains = None
            reason = (str(error) or type(error).__name__).splitlines()[0]
            print(f"cannot compile ({reason}); training goes on without", flush=True)

    @property
    def nets(self) -> Nets:
        return Nets(self.generator, self.discriminator, self.average)

    def advance(self, step: int, count: int = 1) -> None:
        """Updates number `step` .. `step + count - 1` (from 0)."""
        self._number.fill_(step)
        for penalised, length in pieces(step, count, self._every):
            for start in range(step, step + length, 1 if self._drops_out else length):
                if self._drops_out:  # dropout is the one thing that draws from torch's own generator
                    torch.manual_seed(_key(self.config.seed, start))
                self._replayed.run(penalised, 1 if self._drops_out else length)
            step += length
        self._summed += count

    def _update(self, penalised: bool) -> None:
        """Update number `_number`, which then goes up by one."""
        step = self._number
        losses = self._losses(step, penalised)
        reported = torch.stack([getattr(losses, name).detach() for name in REPORTED])
        # While the gradients of one side are averaged with other processes', the other side's are computed.
        of_d = self._averaged("discriminator", losses.discriminator)
        of_g = self._averaged("generator", losses.generator, reported)
        rate = self._rate(step)
        self.optimisers["discriminator"].step(of_d(), rate)
        *gradients, means = of_g()
        self.optimisers["generator"].step(gradients, rate * self.config.train.lr_generator)
        if self.world.leads:
            self._follow(step)
        self._sums += reported if means is None else means
        self._number += 1

    def read(self) -> dict[str, float]:
        """Means of what was reported since the last call, by name; the one place where the host waits."""
        means = (self._sums / max(self._summed, 1)).tolist()
        self._sums.zero_()
        self._summed = 0
        return dict(zip(REPORTED, means, strict=True))

    def fast(self) -> torch.autocast:
        """Convolutions in here are in bf16 where that is faster."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def wait(self) -> None:
        """Until the device has done what it was asked for."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that going on from here needs, by name. Random numbers need nothing: they hang on the step."""
        found = {"engine.sums": self._sums, "engine.summed": torch.tensor(self._summed)}
        for name, net in self.nets._asdict().items():
            found |= checkpoint.prefixed(name, net.state_dict())
        for name, optimiser in self.optimisers.items():
            found |= checkpoint.prefixed(f"adam_{name}", optimiser.tensors())
        return found

    def load(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `tensors`. Tensors of another model: RunError."""
        try:
            for name, net in self.nets._asdict().items():
                net.load_state_dict(checkpoint.part(name, tensors))
            for name, optimiser in self.optimisers.items():
                optimiser.load(checkpoint.part(f"adam_{name}", tensors))
            self._sums.copy_(tensors["engine.sums"])
            self._summed = int(tensors["engine.summed"])
        except (RuntimeError, KeyError, ValueError):  # torch's own words are a page long
            raise RunError("the checkpoint does not fit the networks of config.json; start a new run") from None

    def finite(self) -> bool:
        """Whether every loss since the last report and every weight is a number; the last update may break weights."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        return all(bool(torch.isfinite(tensor).all()) for tensor in (self._sums, *weights))

    def _losses(self, step: Tensor, penalised: bool) -> Losses:
        of_d = None if penalised else self._chains
        with chains.chained(self.generator, self._chains), chains.chained(self.discriminator, of_d):
            return self._all_losses(step, penalised)

    def _all_losses(self, step: Tensor, penalised: bool) -> Losses:
        chance = Chance(self.config.seed, step, self._rows)
        batch = self.pool.draw(chance)
        latent, weight = self._transferred(batch, self._latent(batch, chance), chance)
        with self.fast():
            fake = self.generator(latent)
        real, fake = self._augmented(batch, fake.to(torch.get_default_dtype()), chance)
        recipe = self.config.recipe
        if penalised:
            real = real._replace(images=real.images.detach().requires_grad_())
        conditioning = self._conditioning(step)
        on_real = self._opinion(real.images, real.label, conditioning, batch.domain)
        on_fake = self._opinion(fake, latent.label, conditioning, latent.domain)
        if recipe.unsupervised:
            losses = unsupervised_losses(real, latent, on_real, on_fake, recipe)
        else:
            losses = etl_losses(real, latent, on_real, on_fake, recipe, weight, self.world.mean)
        if penalised:
            penalty = self._penalty(real.images, on_real, fake, latent, conditioning)
            losses = losses._replace(discriminator=losses.discriminator + penalty)
        return losses

    def _latent(self, batch: Batch, chance: Chance) -> Latent:
        """Fakes take the real batch's labels, so that pairs are of one class; without labels they have their own."""
        model = self.config.model
        noise = chance.normal(Stream.NOISE, model.noise)
        codes = chance.uniform(Stream.CODES, model.codes) * 2 - 1
        if self.config.recipe.unsupervised:
            return Latent(noise, chance.below(Stream.LABEL, self.classes), codes)
        return Latent(noise, batch.label, codes, batch.domain)

    def _transferred(self, batch: Batch, latent: Latent, chance: Chance) -> tuple[Latent, Tensor | None]:
        """Some characters are asked for in a domain that has no image of them, and those do not teach D (weight 0).

        No real image can show D what such a pair looks like: taught on them it would learn to see the pair itself as
        generated. Untaught, it judges them by what it knows of the character and of the domain.
        """
        share = self.config.recipe.transfer
        if batch.domain is None or latent.domain is None or not share:
            return latent, None
        chosen = chance.uniform(Stream.TRANSFER, 1)[:, 0] < share
        chosen &= self.pool.unseen.number[batch.label] > 0
        domain = torch.where(chosen, self.pool.unseen.draw(batch.label, chance, Stream.UNSEEN), latent.domain)
        return latent._replace(domain=domain), (~chosen).to(torch.get_default_dtype())

    def _augmented(self, batch: Batch, fake: Tensor, chance: Chance) -> tuple[Real, Tensor]:
        probability = self.config.recipe.augment
        if not probability:
            return Real(batch.images, batch.label, batch.codes, None), fake
        on_real = augment.draw(chance, Stream.AUGMENT_REAL, probability)
        on_fake = augment.draw(chance, Stream.AUGMENT_FAKE, probability)
        real = Real(augment.apply(batch.images, on_real), batch.label, batch.codes, on_real.intact)
        return real, augment.apply(fake, on_fake)

    def _opinion(self, images: Tensor, label: Tensor, conditioning: Tensor | float, domain: Tensor | None) -> Opinion:
        """Convolutions in bf16 where that is faster; losses always in torch's default type, fp32."""
        with self.fast():
            opinion = self.discriminator(images, label, conditioning, domain)
        return Opinion(*(part.to(torch.get_default_dtype()) for part in opinion))

    def _penalty(
        self, real: Tensor, on_real: Opinion, fake: Tensor, latent: Latent, conditioning: Tensor | float
    ) -> Tensor:
        """Lazy R1 and R2 (Karras et al. 2020, appendix B): taken every so many steps, scaled up by as much."""
        recipe = self.config.recipe
        penalty = torch.zeros((), device=self.device)
        if recipe.r1:
            penalty = penalty + recipe.r1 / 2 * gradient_penalty(on_real.logit, real)
        if recipe.r2:
            images = fake.detach().requires_grad_()
            opinion = self._opinion(images, latent.label, conditioning, latent.domain)
            penalty = penalty + recipe.r2 / 2 * gradient_penalty(opinion.logit, images)
        return penalty * recipe.penalty_every

    def _averaged(self, name: str, loss: Tensor, *more: Tensor) -> Callable[[], Gradients]:
        """This side's gradients, and after them `more`, averaged over all processes when they are asked for."""
        return self.world.averaged(
            name, (*self._gradients(name, loss), *more), [*getattr(self, name).parameters(), *more]
        )

    def _gradients(self, name: str, loss: Tensor) -> Gradients:
        """Gradients of this side's parameters only; the other side's graph is walked, its weights are left alone."""
        parameters = list(getattr(self, name).parameters())
        return torch.autograd.grad(loss, parameters, retain_graph=name == "discriminator", allow_unused=True)

    def _conditioning(self, step: Tensor) -> Tensor | float:
        """Share of the class's part in D's logit: ramped from 0 to 1 (Shahbazi et al. 2022), or 0 throughout."""
        if not self.config.recipe.projection:
            return 0.0
        ramp = self.config.recipe.ramp * self.config.train.steps
        return (step / ramp).clamp(max=1) if ramp else 1.0

    def _rate(self, step: Tensor) -> Tensor:
        """D's: constant for the first half, then a cosine down to lr * lr_final."""
        train = self.config.train
        late = (2 * step / train.steps - 1).clamp(0, 1)
        return train.lr * (train.lr_final + (1 - train.lr_final) * (1 + torch.cos(math.pi * late)) / 2)

    @torch.no_grad()
    def _follow(self, step: Tensor) -> None:
        """Moving average of G with a time constant of recipe.ema * steps, shorter while there is little to average."""
        constant = ((step + 1) / 4).clamp(max=self.config.recipe.ema * self.config.train.steps)
        weight = 1 / constant.clamp(min=1)
        average: list[Tensor] = list(self.average.parameters())
        live: list[Tensor] = list(self.generator.parameters())
        torch._foreach_mul_(average, 1 - weight)
        torch._foreach_add_(average, torch._foreach_mul(live, weight))
        for mine, other in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(other)


def _key(seed: int, step: int) -> int:
    """One 63-bit seed for each (seed, step)."""
    return (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + 1) & (2**63 - 1)
