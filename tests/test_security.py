"""Nothing is unpickled, nothing goes through a shell, archives are never unpacked by their own names, modes obey."""

import ast
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import presets
from core.errors import RunError
from core.rundir import Home
from core.runs import launcher
from core.runs.find import find
from core.runs.meta import edit_meta, read_meta
from core.runs.state import state_of

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "etlgan_tui").rglob("*.py")])
UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"system", "popen", "extractall", "eval", "exec", "load_module", "unpack_archive", "getoutput"}


def faults(tree: ast.AST) -> Iterator[str]:
    """What no module may do, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from (f"line {node.lineno}: {name}" for name in names if name.split(".")[0] in UNPICKLING)
        if isinstance(node, ast.Call):
            yield from _call_faults(node)


def _call_faults(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    arguments = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if arguments.get("shell", "False") != "False" or arguments.get("allow_pickle", "False") != "False":
        yield f"line {node.lineno}: {name}({arguments})"
    if name == "torch.load":
        yield f"line {node.lineno}: {name}"
    last = name.rsplit(".", 1)[-1]
    if last in CALLS and (last not in ("eval", "exec") or "." not in name):  # nn.Module.eval is another thing
        yield f"line {node.lineno}: {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_unpickles_or_opens_a_shell(path: Path) -> None:
    assert list(faults(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "run('x', shell=True)",
        "np.load(f, allow_pickle=True)",
        "eval(x)",
        "os.system('x')",
        "archive.extractall()",
        "torch.load(x)",
    ],
)
def test_the_check_finds_what_it_looks_for(code: str) -> None:
    assert list(faults(ast.parse(code)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    monkeypatch.setenv("ETLGAN_TRAINER", "fake_trainer")
    monkeypatch.setenv("FAKE_DELAY", "0")
    monkeypatch.delenv("ETLGAN_DB", raising=False)
    return Home(tmp_path / "home")


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a/b", "$(touch x)", "`x`; rm -rf .", "%s{0}"])
def test_names_and_tags_never_become_paths_or_commands(home: Home, name: str, tmp_path: Path) -> None:
    run = launcher.start(home, presets.resolve("digits", {"train.steps": 1}), name=name, tags=(name,))
    while state_of(run).live:
        time.sleep(0.01)
    edit_meta(run, name=name, tags=(name,), note=name)
    assert run.path.parent == home.runs
    assert read_meta(run).name == name
    assert find(home, name) == run
    assert sorted(each.name for each in tmp_path.iterdir()) == ["home"]
    assert len(list(home.runs.iterdir())) == 1
    with pytest.raises(RunError):
        find(home, "../" + run.id)


def test_files_of_a_run_obey_the_umask(home: Home) -> None:
    before = os.umask(0o077)
    try:
        run = launcher.start(home, presets.resolve("digits", {"train.steps": 2}))
        launcher.edit_meta(run, note="n")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [run.path, *run.path.rglob("*")]}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
