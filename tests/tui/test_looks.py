"""Values as plain text."""

from etlgan_tui import looks
from etlgan_tui.screens import run_lines


def test_runs_of_one_name_are_told_apart() -> None:
    runs = [("261129-014645-myq", "a-1"), ("261129-014645-kzq", "b"), ("261129-005449-etw", "a-1"), ("261128-1-x", "")]
    assert looks.told_apart(runs) == ["myq a-1", "b", "etw a-1", "261128-1-x"]
    assert looks.told_apart([]) == []


def test_names_leave_room_for_what_is_never_cut() -> None:
    assert run_lines.name_cells(40, wide=False) == 14
    assert run_lines.name_cells(20, wide=False) == 8
    assert run_lines.name_cells(80, wide=False) == run_lines.name_cells(0, wide=False) == run_lines.SHORT_NAME
    assert run_lines.name_cells(160, wide=True) == run_lines.LONG_NAME
