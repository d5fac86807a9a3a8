"""How a row of updates is cut into launches."""

import pytest
import torch

from core.gan.graphs import WARM_UP, CaptureError, Replayed, Update, pieces, refusals_told


@pytest.mark.parametrize("every", [0, 1, 2, 8])
@pytest.mark.parametrize("step", [0, 3, 7, 8])
@pytest.mark.parametrize("count", [1, 5, 20])
def test_pieces_are_all_updates_in_order_and_of_their_kind(every: int, step: int, count: int) -> None:
    kinds = [penalised for penalised, length in pieces(step, count, every) for _ in range(length)]
    assert kinds == [bool(every) and number % every == 0 for number in range(step, step + count)]


def test_updates_are_warmed_up_then_replayed_many_at_once() -> None:
    said: list[str] = []

    def capture(update: Update) -> Update:
        said.append("capture")

        def replay() -> None:
            said.append("replay")
            update()

        return replay

    replayed = Replayed(lambda penalised: said.append("P" if penalised else "."), longest=4, capture=capture)
    replayed.run(False, WARM_UP + 9)
    assert said == ["."] * WARM_UP + ["capture", "replay", *"....", "replay", *"....", "capture", "replay", "."]
    said.clear()
    replayed.run(True, 1)
    assert said == ["P"]


def test_a_refused_capture_costs_one_line_and_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def capture(update: Update) -> Update:  # noqa: ARG001
        raise CaptureError("operation not permitted when stream is capturing\nmore")

    replayed = Replayed(lambda penalised: said.append("P" if penalised else "."), longest=4, capture=capture)
    replayed.run(False, WARM_UP + 5)
    replayed.run(True, WARM_UP + 2)
    assert said == ["."] * (WARM_UP + 5) + ["P"] * (WARM_UP + 2)
    assert capsys.readouterr().out == (
        "the update cannot be captured as a CUDA graph (operation not permitted when stream is capturing); "
        "training goes on without\n"
    )


def test_what_fails_for_another_reason_is_told() -> None:
    def capture(update: Update) -> Update:
        update()
        return update

    count = 0

    def broken(_penalised: bool) -> None:
        nonlocal count
        count += 1
        if count > WARM_UP:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Replayed(broken, longest=4, capture=capture).run(False, 10)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA error: operation not permitted when stream is capturing"), CaptureError),
        (RuntimeError("Cannot call CUDAGeneratorImpl::current_seed during CUDA graph capture."), CaptureError),
        (torch.cuda.OutOfMemoryError("CUDA out of memory while capturing"), torch.cuda.OutOfMemoryError),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
    ],
)
def test_only_refusals_are_refusals(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as told, refusals_told():
        raise error
    assert type(told.value) is expected
