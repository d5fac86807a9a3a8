"""Values as plain text."""

from etlgan_tui import looks


def test_runs_of_one_name_are_told_apart() -> None:
    runs = [("261129-014645-myq", "a-1"), ("261129-014645-kzq", "b"), ("261129-005449-etw", "a-1"), ("261128-1-x", "")]
    assert looks.told_apart(runs) == ["myq a-1", "b", "etw a-1", "261128-1-x"]
    assert looks.told_apart([]) == []
