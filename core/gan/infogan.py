"""The method: what D, G and Q are asked to minimise. Tensors in, tensors out; no I/O, no devices, no optimisers.

Sources: InfoGAN (Chen et al. 2016), ss-InfoGAN (Spurr et al. 2017), ADC-GAN (Hou et al. 2022), ReACGAN (Kang et al.
2021), relativistic pairing with R1/R2 (Mescheder et al. 2018; R3GAN, Huang et al. 2024).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from core.gan.model import Latent, Opinion
from core.settings import RecipeConfig

Over = Callable[[Tensor], Tensor]  # a total of these samples -> its mean over the processes that share a batch


_LEAST = 1e-6  # a mean of whole numbers that is smaller is 0, and so is what it divides


def alone(total: Tensor) -> Tensor:
    """These samples are the whole batch."""
    return total


class Real(NamedTuple):
    """A batch of training images as D sees them."""

    images: Tensor  # (B, 1, S, S) in [-1, 1], augmented where the recipe asks for it
    label: Tensor  # (B,)   0 .. K-1
    codes: Tensor  # (B, A) anchored codes measured on the image, in [-1, 1]
    intact: Tensor | None  # (B,) 1 where augmentation left the measured properties alone, else 0; None: everywhere


class Losses(NamedTuple):
    """Scalars (fp32): what D and Q minimise, what G minimises, and what is reported."""

    discriminator: Tensor  # everything that D's and Q's parameters minimise
    generator: Tensor  # everything that G's parameters minimise
    d: Tensor  # adversarial part, D's side
    g: Tensor  # adversarial part, G's side
    info_cat: Tensor  # categorical information loss on generated images, nats
    info_con: Tensor  # continuous information loss on generated images
    q_real: Tensor  # Q's accuracy on real images; 0 where real labels are not used
    q_fake: Tensor  # Q's accuracy on generated images


def adversarial_d(kind: str, real: Tensor, fake: Tensor, weight: Tensor | None = None, over: Over = alone) -> Tensor:
    """D's loss from logits (B,). relativistic: pairs (RpGAN); the others: each image on its own.

    weight (B,), 0 or 1, of the generated images, or None: all alike.
    """
    if kind == "relativistic":
        return _mean(F.softplus(fake - real), weight, over)
    return F.softplus(-real).mean() + _mean(F.softplus(fake), weight, over)


def adversarial_g(kind: str, real: Tensor, fake: Tensor) -> Tensor:
    """G's loss from logits (B,), non-saturating."""
    return F.softplus(real - fake).mean() if kind == "relativistic" else F.softplus(-fake).mean()


def label_loss(logits: Tensor, label: Tensor, *, double_softmax: bool = False) -> Tensor:
    """Cross-entropy in nats: ln K for uniform logits. With `double_softmax` it cannot fall below ln(e + K - 1) - 1."""
    return F.cross_entropy(logits.softmax(1) if double_softmax else logits, label)


def code_loss(mean: Tensor, codes: Tensor, weight: Tensor | None = None, over: Over = alone) -> Tensor:
    """Squared error, summed over codes, batch mean: -log of a fixed-variance Gaussian, up to constants; 0 if C = 0.

    mean, codes (B, C); weight (B,), 0 or 1, or None. Knowing nothing of uniform codes costs C / 3.
    """
    return _mean((mean - codes).square().sum(1), weight, over)


def generated_label_loss(logits: Tensor, label: Tensor, classes: int, recipe: RecipeConfig) -> Tensor:
    """G's categorical information loss: be read as the class and, with 2K logits, as a real one (ADC-GAN eq. 8)."""
    if logits.shape[1] == classes:
        return label_loss(logits, label, double_softmax=recipe.double_softmax)
    return F.cross_entropy(logits, label) - F.cross_entropy(logits, label + classes)


def answers(logits: Tensor, classes: int) -> Tensor:
    """(B, K) -> (B,) the most likely of K classes; where the head knows 2K, real and generated class count as one."""
    if logits.shape[1] != classes:
        logits = torch.logaddexp(logits[:, :classes], logits[:, classes:])
    return logits.argmax(1)


def accuracy(logits: Tensor, label: Tensor, classes: int) -> Tensor:
    """Share of right answers."""
    return (answers(logits, classes) == label).to(logits.dtype).mean()


def etl_losses(
    real: Real,
    latent: Latent,
    on_real: Opinion,
    on_fake: Opinion,
    recipe: RecipeConfig,
    weight: Tensor | None = None,
    over: Over = alone,
) -> Losses:
    """Recipe `etl`: labels supervise Q on real images; codes are recovered from generated images.

    weight (B,) of each generated image in D's own loss; None: 1. The mean of each loss over processes with equal
    shares of a batch is the loss of the batch.
    """
    classes = _classes(on_real, recipe)
    d = adversarial_d(recipe.adversarial, on_real.logit, on_fake.logit, weight, over)
    g = adversarial_g(recipe.adversarial, on_real.logit, on_fake.logit)
    anchored = real.codes.shape[1]
    info_con = code_loss(on_fake.codes, latent.codes)
    q_total = recipe.label_real * label_loss(on_real.label, real.label) + recipe.code * info_con
    if recipe.fake_targets:
        q_total = q_total + recipe.label_real * label_loss(on_fake.label, latent.label + classes)
    if anchored:
        q_total = q_total + recipe.code * code_loss(on_real.codes[:, :anchored], real.codes, real.intact, over)
    info_cat = generated_label_loss(on_fake.label, latent.label, classes, recipe)
    return Losses(
        discriminator=d + q_total,
        generator=g + recipe.label_fake * info_cat + recipe.code * info_con,
        d=d,
        g=g,
        info_cat=info_cat,
        info_con=info_con,
        q_real=accuracy(on_real.label, real.label, classes),
        q_fake=accuracy(on_fake.label, latent.label, classes),
    )


def unsupervised_losses(real: Real, latent: Latent, on_real: Opinion, on_fake: Opinion, recipe: RecipeConfig) -> Losses:
    """Recipes `classic`, `infogan` (Chen et al. 2016, eq. 6): no labels; all of G, Q, trunk minimise information loss.

    With label_real Q also learns the true labels of real images (as ss-InfoGAN does): the same recipe, labels added.
    """
    d = adversarial_d(recipe.adversarial, on_real.logit, on_fake.logit)
    if recipe.name == "classic":
        d = d / 2  # as the public script has it
    g = adversarial_g(recipe.adversarial, on_real.logit, on_fake.logit)
    info_cat = label_loss(on_fake.label, latent.label, double_softmax=recipe.double_softmax)
    info_con = code_loss(on_fake.codes, latent.codes)
    information = recipe.label_fake * info_cat + recipe.code * info_con
    taught = label_loss(on_real.label, real.label, double_softmax=recipe.double_softmax) if recipe.label_real else 0.0
    return Losses(
        discriminator=d + information + recipe.label_real * taught,
        generator=g + information,
        d=d,
        g=g,
        info_cat=info_cat,
        info_con=info_con,
        q_real=accuracy(on_real.label, real.label, on_real.label.shape[1]),
        q_fake=accuracy(on_fake.label, latent.label, on_fake.label.shape[1]),
    )


def gradient_penalty(logit: Tensor, images: Tensor) -> Tensor:
    """Mean squared norm of d logit / d image over the batch: R1 on real, R2 on generated images. Differentiable."""
    (gradient,) = torch.autograd.grad(logit.sum(), images, create_graph=True)
    return gradient.to(torch.get_default_dtype()).square().sum((1, 2, 3)).mean()


def _mean(values: Tensor, weight: Tensor | None, over: Over) -> Tensor:
    """Of values (B,) with weight 1; 0 where there is none. Weights of other processes count in what is divided by."""
    if weight is None:
        return values.mean()
    return (values * weight).sum() / over(weight.sum()).clamp(min=_LEAST)


def _classes(opinion: Opinion, recipe: RecipeConfig) -> int:
    width = opinion.label.shape[1]
    return width // 2 if recipe.fake_targets else width
