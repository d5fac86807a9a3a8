"""`ls`, `show`, `logs`, `name`, `tag`, `note`, `rm`, `restore`, `reindex`, and the bad weather they must stand."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from core.rundir import Home, RunDir
from core.runs import launcher
from core.runs.find import find, run_ids
from core.runs.state import state_of
from etlgan_tui.family import family

from .conftest import PROGRAM, SHORT, Said, Typed, complains


@pytest.fixture
def run(etlgan: Typed, home: Home) -> RunDir:
    """A finished run."""
    assert etlgan("run", "hiragana-a-ka", "--name", "first", *SHORT).code == 0
    return find(home, "first")


def copied(run: RunDir, home: Home, run_id: str, **meta: object) -> RunDir:
    """A run directory copied from elsewhere, under another id."""
    copy = home.run(run_id)
    shutil.copytree(run.path, copy.path)
    copy.meta.write_text(json.dumps(json.loads(run.meta.read_text()) | {"id": run_id, **meta}))
    return copy


def test_ls_newest_first_with_the_state_in_words(etlgan: Typed, run: RunDir, home: Home) -> None:
    old = copied(run, home, "200101-000000-aaa", name="old", created=1577836800.0, tags=["keep"])
    (old.events).write_bytes(old.events.read_bytes().rsplit(b"\n", 2)[0] + b"\n")  # without its Finished
    old.exit.unlink()
    said = etlgan("ls")
    head, newest, oldest = said.out.splitlines()
    assert head.split()[:4] == ["state", "name", "run", "step"]
    assert newest.startswith("✓ finished")
    assert "first" in newest
    assert "12/12" in newest
    assert oldest.startswith("✗ crashed")
    assert "keep" in oldest
    assert "\x1b" not in said.out


def test_ls_draws_children_below_their_parent(etlgan: Typed, run: RunDir, home: Home) -> None:
    for number, parent in enumerate(["sweep-0123abcd", run.id, "sweep-0123abcd", "200102-000000-aaa", "no run"]):
        run_id = f"20010{number + 1}-000000-aaa"
        copied(run, home, run_id, name=f"n{number + 1}", created=1.0 + number, parent=parent)
    copied(run, home, "200106-000000-aaa", name="n6", created=6.0, parent="200106-000000-aaa")
    drawn = [line[line.index("  ") :].strip().split("  ")[0] for line in etlgan("ls").out.splitlines()[1:]]
    assert drawn == ["first", "└ n2", "└ n4", "n6", "n5", "2 runs", "├ n3", "└ n1"]
    assert "no run" in etlgan("ls").out
    assert [row["name"] for row in json.loads(etlgan("ls", "--json").out)][-1] == "n1"


def test_a_family_that_goes_in_a_circle_loses_nobody() -> None:
    members = family([("a", "b"), ("b", "c"), ("c", "a"), ("d", "d"), ("e", "a")])
    assert sorted(member.id for member in members) == list("abcde")
    assert [member.id for member in members if not member.depth] == ["c", "d"]


def test_ls_filters_limits_and_counts(etlgan: Typed, run: RunDir, home: Home) -> None:
    for number in range(5):
        copied(run, home, f"20010{number + 1}-000000-aaa", name=f"old{number}", created=float(number), tags=["t"])
    assert len(etlgan("ls").out.splitlines()) == 7
    said = etlgan("ls", "--limit", "2")
    assert len(said.out.splitlines()) == 3
    assert "4 older ones" in said.err
    assert len(etlgan("ls", "--limit", "2", "--all").out.splitlines()) == 7
    assert [row["name"] for row in json.loads(etlgan("ls", "old3", "--json").out)] == ["old3"]
    assert len(json.loads(etlgan("ls", "--tag", "t", "--json").out)) == 5
    said = etlgan("ls", "no such thing")
    assert (said.code, said.out) == (0, "")
    assert "no such thing" in said.err


def test_ls_as_json(etlgan: Typed, run: RunDir) -> None:
    (row,) = json.loads(etlgan("ls", "--json").out)
    assert (row["id"], row["step"], row["steps"], row["state"]["kind"]) == (run.id, 12, 12, "finished")
    assert row["config"]["data"]["chars"] == "hiragana-a-ka"


def test_ls_leaves_nothing_in_a_folder_without_runs(etlgan: Typed, home: Home) -> None:
    said = etlgan("ls")
    assert (said.code, said.out) == (0, "")
    assert "`etlgan run` starts one" in said.err
    assert not home.root.exists()


def test_columns_line_up_with_full_width_names(etlgan: Typed, run: RunDir, home: Home) -> None:
    copied(run, home, "200101-000000-aaa", name="ひらがな")
    lines = etlgan("ls").out.splitlines()
    starts = {cell_len(line[: line.index(word)]) for line, word in zip(lines[1:], (run.id, "200101"), strict=True)}
    assert len(starts) == 1


def test_names_are_never_markup_or_escapes(etlgan: Typed, run: RunDir, home: Home) -> None:
    copied(run, home, "200101-000000-aaa", name="[red]x[/red]\x1b[31m\x07", note="a\x1b]0;title\x07b", tags=["\x1b[2J"])
    for said in (etlgan("ls"), etlgan("show", "200101")):
        assert "[red]x[/red]" in said.out
        assert not set(said.out) & set("\x1b\x07")


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b'"x"', b'{"version": 99}', b'{"train": {"steps": 0}}', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "torn", "text", "newer", "limits", "bytes", "deep"],
)
def test_a_damaged_config_hides_nothing_else(etlgan: Typed, run: RunDir, home: Home, damage: bytes) -> None:
    broken = copied(run, home, "200101-000000-aaa", name="broken")
    broken.config.write_bytes(damage)
    said = etlgan("ls")
    assert said.code == 0
    assert len(said.out.splitlines()) == 3
    said = etlgan("show", "broken")
    assert said.code == 0
    assert "config.json" in said.out
    said = etlgan("resume", "broken")
    assert said.code in (1, 2)
    assert said.err.count("\n") == 1
    assert etlgan("rm", "broken").code == 0


def test_a_run_directory_copied_from_elsewhere(etlgan: Typed, run: RunDir, home: Home) -> None:
    lock = json.loads(run.lock.read_text())
    copy = copied(run, home, "200101-000000-aaa", name="guest")
    copy.lock.write_text(json.dumps(lock | {"host": "another-machine", "pid": 1}))
    assert "finished" in etlgan("show", "guest").out
    (row,) = json.loads(etlgan("ls", "guest", "--json").out)
    assert row["state"]["kind"] == "finished"


@pytest.mark.usefixtures("run")
def test_an_index_from_a_newer_version(etlgan: Typed, home: Home) -> None:
    with sqlite3.connect(home.database) as database:
        database.execute("PRAGMA user_version = 99")
    complains(etlgan("ls"), "runs.db", "newer", "reindex", code=1)
    assert etlgan("show", "last").code == 0
    said = etlgan("run", "--name", "second", *SHORT)  # the index may not hold up a run
    assert said.code == 0
    assert "newer" in said.err
    assert etlgan("reindex").code == 0
    assert len(json.loads(etlgan("ls", "--json").out)) == 2


@pytest.mark.usefixtures("run")
def test_a_damaged_or_lost_index_is_made_anew(etlgan: Typed, home: Home) -> None:
    before = etlgan("ls", "--json").out
    for path in home.root.glob("runs.db*"):
        path.unlink()
    assert etlgan("ls", "--json").out == before
    for path in home.root.glob("runs.db-*"):
        path.unlink()
    home.database.write_bytes(b"not a database" * 1000)
    said = etlgan("ls", "--json")
    assert said.out == before
    assert "runs.db" in said.err
    assert "1 run indexed" in etlgan("reindex").out


def test_show(etlgan: Typed, run: RunDir) -> None:
    run.grid.write_bytes(b"")
    said = etlgan("show", "last")
    for word in (run.id, "first", "finished", "step 12/12", "train.steps", str(run.grid), "commit", "torch"):
        assert word in said.out, word
    facts = json.loads(etlgan("show", run.id[:8], "--json").out)
    assert facts["changed"] == {"preset": "hiragana-a-ka", "train.steps": 12}
    assert facts["pictures"] == [str(run.grid)]
    assert facts["last"]["step"] == 12
    assert facts["environment"]["argv"]


def test_which_run(etlgan: Typed, run: RunDir, home: Home) -> None:
    copied(run, home, run.id[:-1] + "?", name="first2")
    complains(etlgan("show", run.id[:-1]), "begins 2 ids", code=1)
    complains(etlgan("show", "fist"), "'first'", code=1)
    complains(etlgan("show", "../../etc"), "no run", code=1)
    complains(etlgan("show", ""), "no run", code=1)


def test_logs_are_plain_and_folded(etlgan: Typed, run: RunDir) -> None:
    log = (
        b"\x1b[31mred\x1b[0m\n10%\r20%\r30%\n"
        + b"x" * 10_000_000
        + b"END\n\x1b]0;title\x07\0nul\xff\n[b]not bold[/b]\nlast"
    )
    run.console.write_bytes(log)
    lines = etlgan("logs", "last").out.splitlines()
    assert lines[:2] == ["red", "30%"]
    assert len(lines[2]) <= 4096
    assert lines[2].endswith("END")
    assert lines[3:] == ["nul�", "[b]not bold[/b]", "last"]
    assert etlgan("logs", "last", "-n", "2").out.splitlines() == ["[b]not bold[/b]", "last"]
    assert etlgan("logs", "last", "-n", "0").out == ""


def test_logs_follow_until_the_run_ends(
    process: Callable[..., subprocess.Popen[str]], etlgan: Typed, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.01")
    run_id = etlgan("run", "--detach", "--set", "train.steps=150").out.strip()
    follower = process("logs", "-f", run_id)
    with home.run(run_id).console.open("ab") as console:
        console.write(b"half a li")
        console.flush()
        console.write(b"ne\n")
    out, err = follower.communicate(timeout=30)
    assert (follower.returncode, err) == (0, "")
    assert "half a line" in out.splitlines()
    assert not state_of(home.run(run_id)).live


def test_a_name_that_another_run_has_is_told(etlgan: Typed, home: Home) -> None:
    ids = [etlgan("run", "--detach", "--set", "train.steps=2", "--name", name).out.split()[0] for name in ("a", "b")]
    assert "also" not in etlgan("name", ids[0], "c").err
    assert f"that is also the name of {ids[1]}" in etlgan("name", ids[0], "b").err
    assert find(home, "b").id == max(ids)


def test_name_tag_note(etlgan: Typed, run: RunDir) -> None:
    etlgan("name", "last", "better")
    etlgan("tag", "better", "good", "下書き", "good")
    etlgan("tag", "better", "--", "-good")
    assert etlgan("note", "better", "as [scanned]").out == f"{run.id}  better  [下書き]  as [scanned]\n"
    (row,) = json.loads(etlgan("ls", "--json").out)
    assert (row["name"], row["tags"], row["note"]) == ("better", ["下書き"], "as [scanned]")
    complains(etlgan("name", "better", "last"), "newest run", code=1)


def test_rm_and_restore(etlgan: Typed, run: RunDir, home: Home) -> None:
    complains(etlgan("rm", "first", "no-such"), "'no-such'", code=1)
    assert run_ids(home) == [run.id]  # all of them are known, or none goes
    said = etlgan("rm", "first", "last")
    assert said.out == f"{home.trash / run.id}\n"
    assert json.loads(etlgan("ls", "--json").out) == []
    complains(etlgan("restore", "../runs"), "no run", code=1)
    assert etlgan("restore", run.id).code == 0
    assert [row["id"] for row in json.loads(etlgan("ls", "--json").out)] == [run.id]


def test_rm_that_fails_half_way_tells_the_truth(
    etlgan: Typed, run: RunDir, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, remove = copied(run, home, "200101-000000-aaa", name="other"), launcher.remove

    def only_one(home: Home, which: RunDir) -> object:
        if which == run:
            raise PermissionError(13, "Permission denied", "trash")
        return remove(home, which)

    monkeypatch.setattr(launcher, "remove", only_one)
    said = etlgan("rm", "other", "first")
    assert said.code == 1
    assert "Permission denied" in said.err
    assert [row["id"] for row in json.loads(etlgan("ls", "--json").out)] == [run.id]
    assert not other.path.exists()


@pytest.mark.usefixtures("run")
def test_a_locale_without_unicode_crashes_nothing(process: Callable[..., subprocess.Popen[str]], etlgan: Typed) -> None:
    etlgan("name", "last", "ひら")
    plain = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    for arguments in (["ls"], ["show", "last"], ["presets"], ["run", "hiragana", "--dry-run"]):
        child = process(*arguments, **plain)
        out, err = child.communicate(timeout=30)
        said = Said(child.returncode, out, err)
        assert said.code == 0, said
        assert "\\u" in said.out
        assert said.out.isascii()


def test_a_reader_that_goes_away_is_no_error(process: Callable[..., subprocess.Popen[str]]) -> None:
    child = process("presets", "--fields", "--json")
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == ""
    child.wait(timeout=30)


def test_results_that_cannot_be_written_are_told_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "presets"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
