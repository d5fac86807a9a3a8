"""How a row of updates is cut into launches."""

import pytest

from core.gan.graphs import WARM_UP, Replayed, Update, pieces


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
