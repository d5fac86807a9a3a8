"""The playground: type, and see the run's generator write it; move its codes, change the hand, keep what you like."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll

from core.rundir import RunDir
from core.runs.meta import printable, read_meta
from etlgan_tui import arranging, romaji
from etlgan_tui.arranging import Asked, Drawn
from etlgan_tui.background import Errand
from etlgan_tui.looks import counted
from etlgan_tui.sampling import Loaded, Wanted, WarmSampler, newest_step
from etlgan_tui.screens.playing import Playing
from etlgan_tui.widgets.bar import TopBar
from etlgan_tui.widgets.keys import KeyBar
from etlgan_tui.widgets.lines import Lines
from etlgan_tui.widgets.sheet import Leaf, SheetView
from etlgan_tui.widgets.slider import Slider
from etlgan_tui.widgets.typing_line import TypingLine

LOOK_TICKS = 4  # ticks between two looks for a newer checkpoint
MOST_TYPED = 200  # characters
_GRAPHICS_PIXELS = 4  # a column: what textual-image takes for one
_ROMAJI = {
    "hiragana": "; romaji becomes hiragana: ka → か",
    "katakana": "; romaji becomes katakana: ka → カ",
    "off": "",
}


class PlaygroundScreen(Playing):
    """One run's. Its sampler lives as long as the screen."""

    AUTO_FOCUS = "TypingLine"
    HELP_NOTES = """\
Type, and the run's generator writes it. Romaji becomes kana where
the run knows kana (ka → か, n' → ん); kanji come from an input
method, the clipboard, or Ctrl+L. Up and down go between the line
and the sliders, left and right move a slider. In one hand, the
whole text has one noise and one style; in many, each column has its
own. What is kept lies in the run's folder, under kept/."""

    def __init__(self, run: RunDir, *, seed: int | None = None) -> None:
        super().__init__(run, seed)
        self.ended = False  # the sampler died, and was not started again
        self._asked: Asked | None = None
        self._newest: int | None = None
        self._title = read_meta(run).name
        self._said: tuple[str, str] = ("", "")

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield Lines(id="playground-heading")
        yield TypingLine(placeholder="", max_length=MOST_TYPED, id="typed")
        yield Lines(id="playground-told")
        with Container(id="board"):
            yield SheetView(id="writing")
            yield VerticalScroll(id="codes", can_focus=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self._sampler = WarmSampler(self.run)
        self._loading = Errand(self, self._sampler.load, done=self._show_loaded, failed=self._failed)
        self._drawing = Errand(self, self._draw, done=self._show, failed=self._failed)
        self._looking = Errand(self, lambda: newest_step(self.run), done=self._show_newest, failed=self.tell)
        self.query_one(SheetView).mode = self.etlgan.picture_mode
        self._loading.ask()
        self.tell_state()

    def load(self) -> None:
        if not self._loading.busy:
            self._loading.ask()

    def on_unmount(self) -> None:
        self._sampler.close()

    @property
    def _live(self) -> bool:
        """Whether there is anything to show it on: answers may come while the screen or the app ends."""
        return bool(self.query(SheetView))

    def tick(self, count: int) -> None:
        if not self._live:
            return
        sheet = self.query_one(SheetView)
        if sheet.mode != self.etlgan.picture_mode:
            sheet.mode = self.etlgan.picture_mode
            self._lay_out()
        if self.loaded and not self.ended and self._sampler.pid is None and not self._loading.busy:
            self._drawing.ask()  # which tells what it died of
        if count % LOOK_TICKS == 0 and not self._looking.busy:
            self._looking.ask()

    # --- asking and showing ---

    def ask(self) -> None:
        """Draw what is wanted now; what was asked before and has not begun is not drawn any more."""
        if self.loaded is None or self.ended:
            return
        known = frozenset(self.loaded.characters)
        text = self.query_one(TypingLine).text or "".join(self.loaded.characters[:10])
        spelling, one = arranging.spelled(text, known), self.one_hand
        distinct = spelling.distinct if one else spelling.distinct[: arranging.MOST_ROWS]
        count = 1 if one else arranging.hands(len(distinct))
        wanted = Wanted(distinct, tuple(self.codes), tuple(self.seeds[-1] + hand for hand in range(count)))
        self._asked = Asked(wanted, spelling, one)
        self.tell_state()
        if distinct:
            self._drawing.ask()
        else:
            self.drawn = None
            self.query_one(SheetView).show(None, told="none of these characters is known to this run")

    def _draw(self) -> Drawn | None:
        """In a thread: the newest wish."""
        asked, loaded = self._asked, self.loaded
        if asked is None or loaded is None or not asked.wanted.characters:
            return None
        return Drawn(asked, loaded.step, self._sampler.draw(asked.wanted))

    def _show(self, drawn: Drawn | None) -> None:
        if drawn is not None and self._live:
            self.drawn = drawn
            if self.problem:
                self.problem = ""
                self.tell_state()
            self._lay_out()

    def _lay_out(self) -> None:
        """The newest picture, as large as there is room for."""
        if self.drawn is None or not self._live:
            return
        sheet = self.query_one(SheetView)
        images, labels, tile = arranging.arranged(self.drawn, width=sheet.size.width, height=sheet.size.height)
        if sheet.mode == "graphics":
            images = arranging.enlarged(images, _GRAPHICS_PIXELS * tile)
        sheet.show(Leaf(images, tuple(map(printable, labels)), (), tile))

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._lay_out)

    def _show_loaded(self, loaded: Loaded) -> None:
        if not self._live:
            return
        first = self.loaded is None
        self.loaded, self.ended, self.problem = loaded, False, ""
        if len(loaded.code_names) != len(self.codes) or first:
            self.codes = [0.0] * len(loaded.code_names)
            self._show_sliders(loaded)
        line = self.query_one(TypingLine)
        line.known = frozenset(loaded.characters)
        if first:
            line.script = romaji.usual_script(line.known)
        if loaded.passed_over:
            self.notify("\n".join(loaded.passed_over), severity="warning", title="Passed over", markup=False)
        self.ask()

    def _show_sliders(self, loaded: Loaded) -> None:
        codes = self.query_one("#codes", VerticalScroll)
        codes.remove_children()
        codes.mount_all(Slider(name, number) for number, name in enumerate(map(printable, loaded.code_names)))
        codes.display = bool(loaded.code_names)

    def _show_newest(self, step: int | None) -> None:
        """A checkpoint came: the first is loaded at once, a newer one when it is asked for."""
        if not self._live:
            return
        came, self._newest = step != self._newest, step
        if came and step is not None and self.loaded is None and not self.ended and not self._loading.busy:
            self._loading.ask()
        self.tell_state()

    def _failed(self, problem: str) -> None:
        """The sampler says why not, or it has died: then once, and how to go on."""
        if not self._live:
            return
        if self._sampler.pid is None:
            problem = f"{problem}; Ctrl+R starts it again"
            if not self.ended:
                self.notify(problem, severity="error", timeout=10, markup=False)
            self.ended = True
        self.problem = problem
        if self.loaded is None:
            self.query_one(SheetView).show(None, told="")
        self.tell_state()

    def tell_state(self) -> None:
        """The heading, and the line below what is typed."""
        told = self.problem or self._hint()
        said = (self._heading(), told)
        if said != self._said:
            self._said = said
            self.query_one("#playground-heading", Lines).update(said[0])
            below = self.query_one("#playground-told", Lines)
            below.update(told)
            below.set_class(bool(self.problem), "-problem")
        line = self.query_one(TypingLine)
        line.placeholder = f"type here{_ROMAJI[line.script]}" if self.loaded else ""

    def _heading(self) -> str:
        if self.loaded is None:
            return f"{self._title}  {self.run.id}"
        newer = self._newest is not None and self._newest > self.loaded.step and not self.loaded.passed_over
        parts = [
            f"step {self.loaded.step:,}" + (f" (Ctrl+R: step {self._newest:,})" if newer else ""),
            self._noise(),
            counted(len(self.loaded.characters), "character"),
            self.run.id,
        ]
        return "  ·  ".join(part for part in (self._title, *parts) if part)

    def _noise(self) -> str:
        seeds = self._asked.wanted.seeds if self._asked else ()
        return f"noise {seeds[0]}" if len(seeds) == 1 else f"noises {seeds[0]} to {seeds[-1]}" if seeds else ""

    def _hint(self) -> str:
        if self.loaded is None:
            return "loading the newest checkpoint ..." if self._loading.busy else ""
        unknown = self._asked.spelling.unknown if self._asked else ()
        if unknown:
            return f"not known to this run: {' '.join(map(printable, unknown))}  (Ctrl+L: what is)"
        rows = len(self._asked.spelling.distinct) if self._asked else 0
        typed = self.query_one(TypingLine).value
        full = f"; the line is full with {MOST_TYPED} characters" if len(typed) >= MOST_TYPED else ""
        if self.one_hand:
            return f"one hand: the same noise and codes for every character{full}"
        cut = f"; the first {arranging.MOST_ROWS} of {rows} characters" if rows > arranging.MOST_ROWS else ""
        return f"many hands: a column is one noise{cut}{full}"
