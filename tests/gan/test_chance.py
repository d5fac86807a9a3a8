"""Counter-based random numbers: fair, independent, and the same for any split of a batch."""

import pytest
import torch
from scipy import stats

from core.gan.chance import Chance


def chance(seed: int = 3, step: int = 7, rows: torch.Tensor | None = None) -> Chance:
    return Chance(seed, torch.tensor(step), torch.arange(20_000) if rows is None else rows)


def test_a_batch_cut_in_two_draws_what_the_whole_draws() -> None:
    whole = chance()
    parts = [chance(rows=torch.arange(0, 9_000)), chance(rows=torch.arange(9_000, 20_000))]
    assert torch.equal(whole.uniform(0, 5), torch.cat([part.uniform(0, 5) for part in parts]))
    assert torch.equal(whole.normal(1, 3), torch.cat([part.normal(1, 3) for part in parts]))
    assert torch.equal(whole.below(2, 10), torch.cat([part.below(2, 10) for part in parts]))


def test_the_order_of_asking_does_not_matter() -> None:
    one, other = chance(), chance()
    first = one.uniform(0, 2)
    other.normal(1, 4)
    assert torch.equal(first, other.uniform(0, 2))


def test_uniform_is_uniform_and_stays_below_one() -> None:
    drawn = chance().uniform(0, 4)
    assert drawn.dtype == torch.float32
    assert 0 <= float(drawn.min()) <= float(drawn.max()) < 1
    assert stats.kstest(drawn.flatten().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_normal_is_normal(columns: int) -> None:
    drawn = chance().normal(0, columns)
    assert drawn.shape == (20_000, columns)
    assert stats.kstest(drawn.flatten().numpy(), "norm").pvalue > 1e-3


def test_below_reaches_every_number_of_its_own_limit() -> None:
    limits = torch.tensor([1, 3, 700]).repeat(7_000)[:20_000]
    drawn = chance().below(0, limits)
    for limit in (1, 3, 700):
        mine = drawn[limits == limit]
        assert len(set(mine.tolist())) == limit
        assert int(mine.max()) == limit - 1
    counts = torch.bincount(chance().below(1, 10)).numpy()
    assert stats.chisquare(counts).pvalue > 1e-3


def test_seeds_steps_streams_rows_and_columns_are_unrelated() -> None:
    base = chance().uniform(0, 2)
    others = [
        chance(seed=4).uniform(0, 1)[:, 0],
        chance(step=8).uniform(0, 1)[:, 0],
        chance().uniform(1, 1)[:, 0],
        base[:, 1],
        base[:, 0].roll(1),
    ]
    for other in others:
        assert abs(float(torch.corrcoef(torch.stack([base[:, 0], other]))[0, 1])) < 0.03
