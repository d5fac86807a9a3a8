"""The whole update of D, Q and G as one unit that the loop calls: everything drawn on the device, no host sync inside.

One generated batch serves both sides: D's and G's gradients are taken from the same forward passes (simultaneous
updates), which saves a fifth of D's work against alternating ones.
"""

import copy
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.errors import RunError
from core.gan import augment, checkpoint
from core.gan.device import Resolved
from core.gan.infogan import Losses, Real, classic_losses, etl_losses, gradient_penalty
from core.gan.model import Latent, Opinion
from core.gan.networks import build_discriminator, build_generator
from core.gan.pool import Batch, Pool

REPORTED = ("d", "g", "info_cat", "info_con", "q_real", "q_fake")


class Nets(NamedTuple):
    """What a checkpoint holds of the model."""

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module  # moving average of G's weights: what samples are drawn from


class Engine:
    """Networks, optimisers and the step. The random numbers of step n depend on (seed, n) only."""

    def __init__(self, config: RunConfig, pool: Pool, classes: int, resolved: Resolved) -> None:
        self.config, self.pool, self.classes = config, pool, classes
        self.device = torch.device(resolved.device)
        self.bf16 = resolved.precision == "bf16"
        torch.manual_seed(config.seed)
        self.generator = self._placed(build_generator(config, classes))
        self.discriminator = self._placed(build_discriminator(config, classes))
        self.average = copy.deepcopy(self.generator).requires_grad_(False).eval()
        self.optimisers = {
            name: torch.optim.Adam(
                net.parameters(),
                lr=config.train.lr,
                betas=(config.train.beta1, config.train.beta2),
                fused=self.device.type != "mps",
            )
            for name, net in (("generator", self.generator), ("discriminator", self.discriminator))
        }
        self._sums = torch.zeros(len(REPORTED), device=self.device)
        self._summed = 0

    def _placed(self, net: nn.Module) -> nn.Module:
        return net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    @property
    def nets(self) -> Nets:
        return Nets(self.generator, self.discriminator, self.average)

    def step(self, step: int) -> None:
        """Update number `step` (from 0)."""
        torch.manual_seed(_key(self.config.seed, step))
        self._set_rate(step)
        losses = self._losses(step)
        self._differentiate(self.discriminator, losses.discriminator, keep_graph=True)
        self._differentiate(self.generator, losses.generator, keep_graph=False)
        for optimiser in self.optimisers.values():
            optimiser.step()
        self._follow(step)
        self._sums += torch.stack([getattr(losses, name).detach() for name in REPORTED])
        self._summed += 1

    def read(self) -> dict[str, float]:
        """Means of what was reported since the last call, by name; the one place where the host waits."""
        means = (self._sums / max(self._summed, 1)).tolist()
        self._sums.zero_()
        self._summed = 0
        return dict(zip(REPORTED, means, strict=True))

    def tensors(self) -> dict[str, Tensor]:
        """Everything that going on from here needs, by name. Random numbers need nothing: they hang on the step."""
        found = {"engine.sums": self._sums, "engine.summed": torch.tensor(self._summed)}
        for name, net in self.nets._asdict().items():
            found |= checkpoint.prefixed(name, net.state_dict())
        for name, optimiser in self.optimisers.items():
            found |= checkpoint.prefixed(f"adam_{name}", checkpoint.optimiser_tensors(optimiser))
        return found

    def load(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `tensors`. Tensors of another model: RunError."""
        try:
            for name, net in self.nets._asdict().items():
                net.load_state_dict(checkpoint.part(name, tensors))
            for name, optimiser in self.optimisers.items():
                checkpoint.load_optimiser(optimiser, checkpoint.part(f"adam_{name}", tensors))
            self._sums.copy_(tensors["engine.sums"])
            self._summed = int(tensors["engine.summed"])
        except (RuntimeError, KeyError, ValueError):  # torch's own words are a page long
            raise RunError("the checkpoint does not fit the networks of config.json; start a new run") from None

    def finite(self) -> bool:
        """Whether every loss since the last report and every weight is a number; the last update may break weights."""
        weights = [*self.generator.parameters(), *self.discriminator.parameters()]
        return all(bool(torch.isfinite(tensor).all()) for tensor in (self._sums, *weights))

    def _losses(self, step: int) -> Losses:
        batch = self.pool.draw(self.config.train.batch_size)
        latent = self._latent(batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            fake = self.generator(latent)
        real, fake = self._augmented(batch, fake.float())
        recipe = self.config.recipe
        penalised = step % recipe.penalty_every == 0 and (recipe.r1 or recipe.r2)
        if penalised:
            real = real._replace(images=real.images.detach().requires_grad_())
        conditioning = self._conditioning(step)
        on_real = self._opinion(real.images, real.label, conditioning)
        on_fake = self._opinion(fake, latent.label, conditioning)
        if recipe.name == "classic":
            losses = classic_losses(latent, on_real, on_fake, recipe)
        else:
            losses = etl_losses(real, latent, on_real, on_fake, recipe)
        if penalised:
            penalty = self._penalty(real.images, on_real, fake, latent.label, conditioning)
            losses = losses._replace(discriminator=losses.discriminator + penalty)
        return losses

    def _latent(self, batch: Batch) -> Latent:
        """Fakes take the real batch's labels, so that pairs are of one class; classic draws its own."""
        model, count = self.config.model, len(batch.label)
        noise = torch.randn(count, model.noise, device=self.device)
        codes = torch.rand(count, model.codes, device=self.device) * 2 - 1
        if self.config.recipe.name == "classic":
            return Latent(noise, torch.randint(self.classes, (count,), device=self.device), codes)
        return Latent(noise, batch.label, codes)

    def _augmented(self, batch: Batch, fake: Tensor) -> tuple[Real, Tensor]:
        probability = self.config.recipe.augment
        intact = torch.ones(len(batch.label), device=self.device)
        if not probability:
            return Real(batch.images, batch.label, batch.codes, intact), fake
        on_real = augment.draw(len(intact), probability, self.device)
        on_fake = augment.draw(len(intact), probability, self.device)
        real = Real(augment.apply(batch.images, on_real), batch.label, batch.codes, on_real.intact)
        return real, augment.apply(fake, on_fake)

    def _opinion(self, images: Tensor, label: Tensor, conditioning: float) -> Opinion:
        """Convolutions in bf16 where that is faster; losses always in fp32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            opinion = self.discriminator(images, label, conditioning)
        return Opinion(*(part.float() for part in opinion))

    def _penalty(self, real: Tensor, on_real: Opinion, fake: Tensor, label: Tensor, conditioning: float) -> Tensor:
        """Lazy R1 and R2 (Karras et al. 2020, appendix B): taken every so many steps, scaled up by as much."""
        recipe = self.config.recipe
        penalty = torch.zeros((), device=self.device)
        if recipe.r1:
            penalty = penalty + recipe.r1 / 2 * gradient_penalty(on_real.logit, real)
        if recipe.r2:
            images = fake.detach().requires_grad_()
            penalty = penalty + recipe.r2 / 2 * gradient_penalty(
                self._opinion(images, label, conditioning).logit, images
            )
        return penalty * recipe.penalty_every

    def _differentiate(self, net: nn.Module, loss: Tensor, *, keep_graph: bool) -> None:
        """Gradients of this side's parameters only; the other side's graph is walked, its weights are left alone."""
        parameters = list(net.parameters())
        gradients = torch.autograd.grad(loss, parameters, retain_graph=keep_graph, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient

    def _conditioning(self, step: int) -> float:
        """Share of the class's part in D's logit: ramped from 0 to 1 (Shahbazi et al. 2022)."""
        ramp = self.config.recipe.ramp * self.config.train.steps
        return min(1.0, step / ramp) if ramp else 1.0

    def _set_rate(self, step: int) -> None:
        """Constant for the first half, then a cosine down to lr * lr_final."""
        train = self.config.train
        late = max(0.0, 2 * step / train.steps - 1)
        share = train.lr_final + (1 - train.lr_final) * (1 + math.cos(math.pi * min(late, 1.0))) / 2
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = train.lr * share

    def _follow(self, step: int) -> None:
        """Moving average of G with a time constant of recipe.ema * steps, shorter while there is little to average."""
        constant = min(self.config.recipe.ema * self.config.train.steps, (step + 1) / 4)
        weight = 1.0 if constant <= 1 else 1 / constant
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), weight)
            for mine, live in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                mine.copy_(live)


def _key(seed: int, step: int) -> int:
    """One 63-bit seed for each (seed, step)."""
    return (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + 1) & (2**63 - 1)
