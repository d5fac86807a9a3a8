"""The animation, and all pictures of a run in one call from real events and sample files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import events
from core.events import Sampled, Started, Step
from core.figures.finish import draw_all
from core.figures.progress import BYTES, progress_gif
from core.rundir import RunDir
from core.settings import RunConfig

KANA = list("あいうえおかきくけこ")


def tiling(seed: int, *, rows: int = 10, columns: int = 10, size: int = 32, ink: int = 0) -> np.ndarray:
    """(R S, C S) uint8: bars, different for each seed; ink 0 on paper 255, or the other way round."""
    picture = np.full((rows * size, columns * size), 255 - ink, np.uint8)
    picture[seed % size :: size] = ink
    return picture


def write(folder: Path, count: int, **shape: int) -> list[tuple[int, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    samples = [(100 * i, folder / f"{100 * i:08d}.png") for i in range(count)]
    for i, (_, path) in enumerate(samples):
        Image.fromarray(tiling(i, **shape)).save(path)
    return samples


def frames(path: Path) -> tuple[list[np.ndarray], list[int]]:
    pictures, durations = [], []
    with Image.open(path) as image:
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            pictures.append(np.asarray(image.convert("L")))
            durations.append(image.info["duration"])
    return pictures, durations


def body(frame: np.ndarray) -> np.ndarray:
    """A frame without the caption."""
    return frame[62:]


def test_few_frames_all_appear_and_the_last_one_is_held(tmp_path: Path) -> None:
    count = progress_gif(write(tmp_path, 5), tmp_path / "p.gif", rows=KANA, seconds={400: 75.0})
    pictures, durations = frames(tmp_path / "p.gif")
    assert count == len(pictures) == 5
    assert len({picture.tobytes() for picture in pictures}) == 5
    assert durations[-1] > 10 * durations[0]
    assert pictures[0][62:, 24:60].min() < 60, "no labels"
    assert pictures[0][20:55].min() < 60, "no caption"


def test_a_long_run_has_sixty_frames_with_both_ends(tmp_path: Path) -> None:
    samples = write(tmp_path, 200, rows=2, columns=2)
    assert progress_gif(samples, tmp_path / "p.gif", rows=KANA[:2]) == 60
    alone = []
    for sample in (samples[0], samples[-1]):
        progress_gif([sample], tmp_path / "one.gif", rows=KANA[:2])
        alone.append(frames(tmp_path / "one.gif")[0][0])
    pictures, _ = frames(tmp_path / "p.gif")
    np.testing.assert_array_equal(pictures[0], alone[0])
    np.testing.assert_array_equal(pictures[-1], alone[1])


def test_broken_samples_are_left_out_wherever_the_file_breaks_off(tmp_path: Path) -> None:
    samples = write(tmp_path, 8)
    whole = samples[2][1].read_bytes()
    for number, length in enumerate([0, 7, 20, len(whole) // 2, len(whole) * 3 // 4]):
        samples[number][1].write_bytes(whole[:length])
    samples[-1][1].unlink()
    Image.fromarray(tiling(0, rows=4)).save(samples[5][1])
    assert progress_gif(samples, tmp_path / "p.gif", rows=KANA) == 1


def test_nothing_readable_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not a picture")
    assert progress_gif([(1, tmp_path / "a.png"), (2, tmp_path)], tmp_path / "p.gif") == 0
    assert progress_gif([], tmp_path / "p.gif") == 0
    assert not (tmp_path / "p.gif").exists()


def test_white_ink_on_black_comes_out_as_dark_on_light(tmp_path: Path) -> None:
    progress_gif(write(tmp_path / "dark", 3), tmp_path / "dark.gif", rows=KANA)
    progress_gif(write(tmp_path / "light", 3, ink=255), tmp_path / "light.gif", rows=KANA)
    for dark, light in zip(frames(tmp_path / "dark.gif")[0], frames(tmp_path / "light.gif")[0], strict=True):
        np.testing.assert_array_equal(dark, light)
        assert np.median(dark) == 255


@pytest.mark.parametrize("rows", [KANA[:7], []])
def test_a_tiling_of_unknown_cells_is_shown_whole(tmp_path: Path, rows: list[str]) -> None:
    assert progress_gif(write(tmp_path, 2), tmp_path / "p.gif", rows=rows) == 2
    assert body(frames(tmp_path / "p.gif")[0][0]).min() == 0


def test_thousands_of_rows_stay_a_small_picture(tmp_path: Path) -> None:
    samples = write(tmp_path, 2, rows=600, columns=8)
    progress_gif(samples, tmp_path / "p.gif", rows=["あ"] * 600)
    assert max(frames(tmp_path / "p.gif")[0][0].shape) < 1000


def test_even_noise_stays_below_the_limit(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    samples = [(i, tmp_path / f"{i}.png") for i in range(45)]
    for _, path in samples:
        Image.fromarray(noise.integers(0, 256, (320, 320), np.uint8)).save(path, compress_level=1)
    count = progress_gif(samples, tmp_path / "p.gif", rows=KANA)
    assert 8 <= count < 45
    assert (tmp_path / "p.gif").stat().st_size < BYTES


def make_run(path: Path) -> RunDir:
    """A run that was resumed at step 200: what was said past it is void."""
    run = RunDir(path)
    write(run.samples, 5)
    lines: list[events.AnyEvent] = []
    for attempt, steps in ((1, (100, 200, 300)), (2, (300, 400))):
        lines.append(
            Started(step=steps[0] - 100, time=0.0, attempt=attempt, device="cpu", precision="fp32", threads=1,
                    batch_size=2, classes=10, steps=400, data="x")
        )  # fmt: skip
        for step in steps:
            lines += [
                Step(step=step, time=0.0, seconds=1.0, images_per_s=None, d=1.0, g=1.0, info_cat=1.0, info_con=None,
                     q_real=0.5, q_fake=0.5),
                Sampled(step=step, time=0.0, path="../../etc/passwd", kind="grid", rows=KANA),
            ]  # fmt: skip
    run.events.write_bytes(b"".join(map(events.encode, lines)))
    return run


def test_all_pictures_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    grid = np.zeros((10, 4, 32, 32), np.uint8)
    drawn = draw_all(
        run, config=RunConfig(), rows=KANA, grid=grid, traversal=np.stack([grid, grid]), codes=["slant", "code 2"]
    )
    assert set(drawn.paths) == {run.grid, run.losses, run.progress, run.traversal}
    assert not drawn.problems
    for path in drawn.paths:
        with Image.open(path) as image:
            assert image.format == path.suffix[1:].upper()
    assert len(frames(run.progress)[0]) == 4, "steps 100, 200, 300 and 400, each once"
    assert not list(run.path.glob(".*")), "a temporary file was left behind"


def test_no_codes_no_samples_no_events(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    grid = np.zeros((10, 4, 32, 32), np.uint8)
    drawn = draw_all(run, config=RunConfig(), rows=KANA, grid=grid, traversal=grid[None][:0])
    assert set(drawn.paths) == {run.grid, run.losses}
    assert not drawn.problems


def test_a_picture_that_cannot_be_written_costs_none_of_the_others(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.grid.mkdir()
    drawn = draw_all(run, config=RunConfig(), rows=KANA, grid=np.zeros((10, 4, 32, 32), np.uint8))
    assert set(drawn.paths) == {run.losses, run.progress}
    assert len(drawn.problems) == 1
    assert "grid.png" in drawn.problems[0]
