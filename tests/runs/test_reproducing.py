"""Runs told apart, made again, packed and brought in; with the fake trainer where training does not matter."""

import json
import os
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core import config as configs
from core import presets
from core.errors import RunError
from core.events import AnyEvent, Finished, Saved, encode
from core.rundir import Home, RunDir, read_json, write_json
from core.runs import bundle, differences, launcher, rerun, unbundle
from core.runs.environment import SOURCES, environment, sources_hash, stat_of_changes
from core.runs.find import run_ids
from core.runs.meta import RunMeta, write_meta

from .conftest import ended

SHORT = {"train.steps": 12}


@pytest.fixture
def run(home: Home, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    monkeypatch.setenv("FAKE_DELAY", "0")
    found = launcher.start(home, presets.resolve("digits", SHORT), name="あ first")
    assert ended(found).kind == "finished"
    return found


def test_the_environment_is_complete(run: RunDir) -> None:
    env = read_json(run.env)
    assert {"cwd", "argv", "seed", "host", "os", "cpu", "cores", "memory", "gpus", "python", "executable"} <= set(env)
    assert {"torch", "numpy", "scipy", "pillow", "msgspec", "etlgan"} <= set(env["versions"])
    assert env["code"]["sha256"] == sources_hash()
    assert env["config"] == configs.to_tree(presets.resolve("digits", SHORT))
    assert env["memory"] > 1 << 28


def test_variables_that_change_arithmetic_are_kept_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    variables = environment(presets.resolve("", {}))["variables"]
    assert variables["OMP_NUM_THREADS"] == "3"
    assert "SECRET_TOKEN" not in variables


@pytest.mark.parametrize("commit", ["--output=/tmp/x", "HEAD", "", "a" * 39])
def test_only_commits_are_given_to_git(tmp_path: Path, commit: str) -> None:
    assert stat_of_changes(tmp_path, commit, "b" * 40) == []


def test_differences_have_a_section_each_and_equal_runs_none(run: RunDir, home: Home) -> None:
    other = launcher.start(home, presets.resolve("digits", SHORT | {"train.lr": 0.25}))
    ended(other)
    env = read_json(other.env)
    env["versions"]["torch"] = "0.1"
    env["code"] = {"sha256": "other", "commit": "c" * 40, "diff": ""}
    write_json(other.env, env | {"resolved": {"data": "elsewhere", "device": "cpu"}})
    found = {(each.section, each.name): each.values for each in differences.between([run, other])}
    assert found["configuration", "train.lr"][1] == "0.25"
    assert found["data", "fingerprint"] == ("-", "elsewhere")
    assert found["code", "commit"][1] == "c" * 40
    assert found["environment", "versions.torch"][1] == "0.1"
    assert differences.between([run, run]) == []


def test_a_setting_newer_than_a_run_had_its_default(run: RunDir, home: Home) -> None:
    older = home.run("older")
    older.path.mkdir()
    tree = read_json(run.config)
    del tree["train"]["lr_generator"]
    write_json(older.config, tree)
    assert not [each for each in differences.between([run, older]) if each.section == "configuration"]
    write_json(run.config, tree | {"train": tree["train"] | {"lr_generator": 5.0}})
    found = {each.name: each.values for each in differences.between([run, older])}
    assert found["train.lr_generator"] == ("5", "1")


def test_damaged_files_are_named(run: RunDir, home: Home) -> None:
    other = home.run("other")
    other.path.mkdir()
    other.config.write_bytes(b"{")
    found = {each.name: each.values for each in differences.between([run, other])}
    assert found["config.json"] == ("-", "missing or damaged")


def test_on_another_commit_a_rerun_says_so_and_what_differs(run: RunDir) -> None:
    here = str(SOURCES.parent)
    commits = subprocess.run(["git", "-C", here, "rev-list", "-2", "HEAD"], capture_output=True, text=True, check=False)
    if commits.returncode or len(commits.stdout.split()) < 2:
        pytest.skip("not a clone with two commits")
    now, before = commits.stdout.split()
    write_json(run.env, read_json(run.env) | {"code": {"commit": before, "sha256": "old", "diff": "+x\n"}})
    again = rerun.plan(run)
    assert f"etlgan's code is another: commit {before[:12]} then, {now[:12]} now" in again.notes
    assert any(note.startswith("uncommitted then") and "(1 lines)" in note for note in again.notes)
    assert "changed" in again.changes[-2]  # N files changed
    assert again.changes[-1] == f"every line: git -C {here} diff {before[:12]} {now[:12]}"


def test_what_was_resolved_is_used_again(run: RunDir) -> None:
    env = read_json(run.env)
    resolved = {"device": "cpu", "precision": "bf16", "threads": 3, "data": "abc"}
    write_json(run.env, env | {"resolved": resolved, "cpu": "an older one", "code": {"sha256": "old"}})
    again = rerun.plan(run)
    assert (again.config.train.device, again.config.train.precision, again.config.train.threads) == ("cpu", "bf16", 3)
    assert again.data == "abc"
    assert any("etlgan's code is another" in note for note in again.notes)
    assert again.changes == []  # without two commits there is nothing that could be compared
    assert any("cpu was an older one" in note for note in again.notes)
    write_json(run.env, env | {"resolved": resolved | {"threads": "\x1b[2J"}})
    with pytest.raises(RunError, match=r"env.json: resolved: train.threads"):
        rerun.plan(run)


def test_a_run_whose_end_was_moved_says_that_it_cannot_be_made_again(run: RunDir, home: Home) -> None:
    launcher.resume(home, run, steps=20)
    ended(run)
    assert any("its schedule then was another" in note for note in rerun.plan(run).notes)


def test_where_two_runs_part(run: RunDir, home: Home) -> None:
    other = launcher.start(home, presets.resolve("digits", SHORT))
    ended(other)
    assert rerun.first_difference(run, other) == ""
    text = other.events.read_bytes()
    other.events.write_bytes(text.replace(b'"d":0.25', b'"d":0.2500001'))
    assert "step 4): d 0.25 against 0.2500001" in rerun.first_difference(run, other)
    other.events.write_bytes(text + encode(Saved(step=12, time=1.0, path="x", best=False)))
    assert "says more" in rerun.first_difference(run, other)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"train.batch_size": 7}, "train.batch_size is 7, was"),
        ({"recipe.r1": 0.5, "seed": 4}, "seed is 4, was 0"),
        ({"model.noise": 3}, "model.noise is 3"),
        ({"data.chars": "hiragana"}, "data.chars is hiragana, was digits"),
        ({"train.save_every": 7, "train.report_every": 3, "train.keep": 9, "train.threads": 1}, ""),
    ],
)
def test_a_changed_configuration_is_not_resumed(
    run: RunDir, home: Home, changes: dict[str, object], refused: str
) -> None:
    config = configs.override(configs.decode(run.config.read_bytes()), changes)
    run.config.write_bytes(configs.encode(config))
    before = run.events.read_bytes()
    if not refused:
        launcher.resume(home, run, steps=14)
        assert ended(run).kind == "finished"
        return
    with pytest.raises(RunError, match=refused):
        launcher.resume(home, run, steps=14)
    assert run.events.read_bytes() == before


# --- bundles ---


@pytest.fixture
def whole(home: Home) -> RunDir:
    """A run that has finished, as files."""
    run = home.run("261124-010203-abc")
    run.checkpoints.mkdir(parents=True)
    config = presets.resolve("digits", SHORT)
    run.config.write_bytes(configs.encode(config))
    write_meta(run, RunMeta(run.id, "あ", 5.0))
    write_json(run.env, {"host": "here"})
    write_json(run.exit, {"attempt": 1, "returncode": 0})
    said: list[AnyEvent] = [Saved(step=10, time=1.0, path="checkpoints/00000010.safetensors", best=True)]
    said.append(Finished(step=12, time=1.0, attempt=1, state="finished", message=""))
    run.events.write_bytes(b"".join(map(encode, said)))
    run.checkpoint(10).write_bytes(b"tensors")
    write_json(run.checkpoint(10).with_suffix(".json"), {"format": 1, "step": 10})
    run.grid.write_bytes(b"picture")
    return run


@pytest.fixture
def packed(whole: RunDir, tmp_path: Path) -> Path:
    bundle.pack(whole, tmp_path / "out.zip")
    return tmp_path / "out.zip"


def test_there_and_back(whole: RunDir, packed: Path, tmp_path: Path) -> None:
    elsewhere, before = Home(tmp_path / "elsewhere"), os.umask(0o027)
    try:
        brought = unbundle.bring_in(elsewhere, packed).run
    finally:
        os.umask(before)
    for name in ("config.json", "meta.json", "env.json", "events.jsonl", "exit.json", "grid.png"):
        assert (brought.path / name).read_bytes() == (whole.path / name).read_bytes()
        assert stat.S_IMODE((brought.path / name).stat().st_mode) == 0o640
    assert stat.S_IMODE(brought.path.stat().st_mode) == 0o750
    assert brought.checkpoint(10).read_bytes() == b"tensors"
    assert not brought.lock.exists()
    assert ended(brought).kind == "finished"
    with pytest.raises(RunError, match="already; it is not replaced"):
        unbundle.bring_in(elsewhere, packed)
    launcher.remove(elsewhere, brought)
    with pytest.raises(RunError, match="already; it is not replaced"):
        unbundle.bring_in(elsewhere, packed)
    assert [each.name for each in elsewhere.runs.iterdir()] == []


def test_a_run_that_is_here_already_comes_in_under_a_new_id(whole: RunDir, packed: Path, home: Home) -> None:
    brought = [unbundle.bring_in(home, packed, as_new=True).run for _ in range(3)]
    assert len({run.id for run in [whole, *brought]}) == 4
    assert sorted(run_ids(home)) == sorted(run.id for run in [whole, *brought])
    for run in brought:
        assert read_json(run.meta) == read_json(whole.meta) | {"id": run.id}
        assert run.events.read_bytes() == whole.events.read_bytes()
        assert read_json(whole.meta)["id"] == whole.id


def test_the_same_run_packs_to_the_same_bytes_and_nothing_is_overwritten(whole: RunDir, packed: Path) -> None:
    with pytest.raises(RunError, match="is there already"):
        bundle.pack(whole, packed)
    before = packed.read_bytes()
    bundle.pack(whole, packed, replace=True)
    assert packed.read_bytes() == before


def test_a_live_run_is_not_packed(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_DELAY", "0.1")
    live = launcher.start(home, presets.resolve("digits", {"train.steps": 5000}))
    with pytest.raises(RunError, match="is running"):
        bundle.pack(live, tmp_path / "out.zip")


def rewritten(packed: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The bundle with other files in it, as somebody else's program could write it."""
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def listed(files: dict[str, bytes], name: str, content: bytes) -> None:
    """Put a file in and tell the manifest the truth about it."""
    import hashlib

    tree = json.loads(files["manifest.json"])
    tree["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    files[name], files["manifest.json"] = content, json.dumps(tree).encode()


def with_manifest(**changes: object) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | changes).encode()

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda files: listed(files, "../../evil", b"x"), "is no file of a run"),
        (lambda files: listed(files, "/etc/evil", b"x"), "is no file of a run"),
        (lambda files: listed(files, "checkpoints/../../evil.json", b"x"), "is no file of a run"),
        (lambda files: listed(files, "checkpoints/00000010.pt", b"x"), "is no file of a run"),
        (lambda files: listed(files, "alive.lock", b"{}"), "is no file of a run"),
        (lambda files: listed(files, "config.json", b"{}{"), "config.json: "),
        (lambda files: files.update({"grid.png": b"pictur!"}), "SHA-256 differs"),
        (lambda files: files.update({"grid.png": b"longer than it was"}), "not as long as"),
        (lambda files: files.pop("grid.png"), "only in one of manifest and archive"),
        (lambda files: files.pop("events.jsonl"), "only in one of manifest and archive"),
        (lambda files: files.pop("manifest.json"), "no bundle of etlgan"),
        (with_manifest(id="../../x"), "is no id of a run"),
        (with_manifest(id="\x1b[2J"), "is no id of a run"),
        (with_manifest(format=2), "update etlgan"),
        (with_manifest(files=[1]), "manifest.json is damaged"),
        (with_manifest(files={"config.json": {"bytes": 1 << 60, "sha256": "a" * 64}}), "has no|unpack to more"),
        (lambda files: files.update({"manifest.json": b"[" * 100_000}), "manifest.json is damaged"),
        (lambda files: files.update({"manifest.json": b" " * (5 << 20)}), "would be 5,242,880 bytes"),
    ],
)
def test_hostile_bundles_are_refused_and_leave_nothing(
    packed: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], why: str
) -> None:
    rewritten(packed, change)
    before = {path for path in tmp_path.rglob("*") if "elsewhere" not in path.parts}
    with pytest.raises(RunError, match=why) as caught:
        unbundle.bring_in(Home(tmp_path / "elsewhere"), packed)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert [path for path in (tmp_path / "elsewhere").rglob("*") if path.name != "runs"] == []
    assert {path for path in tmp_path.rglob("*") if "elsewhere" not in path.parts} == before


def test_links_duplicates_and_bombs_are_refused(packed: Path, tmp_path: Path) -> None:
    elsewhere, content = Home(tmp_path / "elsewhere"), packed.read_bytes()

    def appended(name: str, kind: int, data: bytes, method: int = zipfile.ZIP_STORED) -> None:
        packed.write_bytes(content)
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = (kind | 0o777) << 16, method
        with zipfile.ZipFile(packed, "a") as archive:
            archive.writestr(info, data)

    appended("losses.png", stat.S_IFLNK, b"/etc/passwd")
    with pytest.raises(RunError, match="is a link or a device"):
        unbundle.bring_in(elsewhere, packed)
    with pytest.warns(UserWarning, match="Duplicate"):
        appended("config.json", stat.S_IFREG, b"{}")
    with pytest.raises(RunError, match=r"it holds 'config\.json' twice"):
        unbundle.bring_in(elsewhere, packed)
    appended("losses.png", stat.S_IFREG, b"x" * 1000, zipfile.ZIP_LZMA)
    with pytest.raises(RunError, match="packed in a way that bundles do not use"):
        unbundle.bring_in(elsewhere, packed)
    packed.write_bytes(content)
    rewritten(packed, lambda files: files.update({"losses.png": b"\x00" * (50 << 20)}))
    with pytest.raises(RunError, match="only in one of"):  # before a byte of it is unpacked
        unbundle.bring_in(elsewhere, packed)
    assert not elsewhere.runs.exists()


def test_what_is_no_bundle(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / "text").write_text("hello")
    with zipfile.ZipFile(tmp_path / "empty", "w"):
        pass
    for name, why in (("text", "ZIP"), ("empty", "no manifest"), ("missing", "no such file"), (".", "ZIP")):
        with pytest.raises(RunError, match=why):
            unbundle.bring_in(home, tmp_path / name)
    assert not home.runs.exists()
