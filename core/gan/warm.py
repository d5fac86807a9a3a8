"""Warm start: another run's weights as the beginning of this one, rows of the tables found by character and domain."""

from collections.abc import Sequence

import torch
from torch import Tensor

from core.errors import RunError
from core.gan.checkpoint import part, read
from core.gan.engine import Nets
from core.gan.saved import Checkpoint, names

BY_CHARACTER = ("embedding.weight", "q_label.weight", "q_label.bias")  # a row a character, or two blocks of such rows
BY_DOMAIN = "domain.weight"

Names = Sequence[str]


@torch.no_grad()
def begin(nets: Nets, start: Checkpoint, characters: Names, domains: Names) -> None:
    """Give `nets` the weights of `start`, in place. Characters it never saw keep their fresh rows.

    From one domain to several: each begins with the look that there was. From several to one: the domain of that name,
    or else their mean, becomes part of every character. Other networks: RunError.
    """
    tensors = read(start)
    theirs = names(start.facts, "characters"), names(start.facts, "domains", ("",))
    for name, net in nets._asdict().items():
        source = part(name, tensors)
        source = _folded(source, theirs[1], domains)
        for key, mine in net.state_dict().items():
            rows = _rows(key, (characters, domains), theirs)
            if key == BY_DOMAIN:
                mine[:] = source[key].mean(0) if key in source else 0  # what a new domain begins with
            if key == BY_DOMAIN and key not in source:
                continue
            if key not in source or not _copied(mine, source[key], rows):
                raise RunError(
                    f"train.init_from: {start.path} holds other networks than this run's ({name}.{key} differs); "
                    "give both the same model.* and recipe.* settings"
                )


def _folded(source: dict[str, Tensor], theirs: Names, ours: Names) -> dict[str, Tensor]:
    """A domain's vector added to the characters' where this run has one domain only."""
    if BY_DOMAIN not in source or len(ours) > 1:
        return source
    looks = source[BY_DOMAIN]
    look = looks[list(theirs).index(ours[0])] if ours[0] in theirs else looks.mean(0)
    rest = {key: tensor for key, tensor in source.items() if key != BY_DOMAIN}
    return rest | {"embedding.weight": source["embedding.weight"] + look}


def _rows(key: str, ours: tuple[Names, Names], theirs: tuple[Names, Names]) -> list[tuple[int, int]] | None:
    """(our row, their row) of what both know, in up to two blocks of rows; None where a tensor is no such table."""
    kind = 0 if key in BY_CHARACTER else 1 if key == BY_DOMAIN else None
    if kind is None:
        return None
    mine, old = ours[kind], {name: row for row, name in enumerate(theirs[kind])}
    return [
        (block * len(mine) + row, block * len(old) + old[name])
        for block in range(2)
        for row, name in enumerate(mine)
        if name in old
    ]


def _copied(mine: Tensor, source: Tensor, rows: list[tuple[int, int]] | None) -> bool:
    """False where the shapes do not allow it."""
    if rows is None:
        fits = mine.shape == source.shape
        if fits:
            mine.copy_(source)
        return fits
    if mine.shape[1:] != source.shape[1:]:
        return False
    for to, of in rows:
        if to < len(mine) and of < len(source):
            mine[to] = source[of]
    return True
