"""`etlgan score`: what an independent reader says about a run's characters."""

from __future__ import annotations

from typing import Annotated

import typer

from etlgan_tui.cli import options, terminal


def score(
    text: options.Run,
    per_char: Annotated[int, typer.Option("--per-char", metavar="N", min=2, help="Images a character to judge.")] = 500,
    checkpoint: Annotated[str, typer.Option(metavar="WHICH", help="best, last, or a step.")] = "best",
    as_json: options.Json = False,
    folder: options.HomeFolder = None,
) -> None:
    """Let the judge read generated characters, beside held-out real ones.

    The judge is a small network of another kind than the discriminator. For embedded data it learns from writers of its
    own; for other data from the run's training split. It never sees the held-out images.
    """
    run = options.run(folder, text)
    config = options.config(run)
    from core.gan.sample import Sampler
    from core.judge.score import quick_card

    sampler = Sampler.load(run, checkpoint=checkpoint)
    terminal.tell(f"run {run.id}, step {sampler.step}: {per_char} images a character")

    def progress(done: int, total: int) -> None:
        if done % 100 == 0:
            terminal.tell(f"training the judge: {done} of {total} steps")

    card = quick_card(
        lambda labels, seed: sampler.draw(labels, seed=seed), config.data, per_char=per_char, progress=progress
    )
    if as_json:
        sides = {"generated": card.generated._asdict(), "real": card.real._asdict()}
        terminal.say_json({"run": run.id, "step": sampler.step, **sides, "spread": card.spread, "images": card.images})
        return
    head = ("", "generated", "held-out real")
    rows = [
        ("read as asked", f"{card.generated.overall:.2%}", f"{card.real.overall:.2%}"),
        ("worst character", *(f"{side.worst:.1%} ({side.worst_character})" for side in (card.generated, card.real))),
        ("spread within a character", f"{card.spread:.2f}", "1"),
    ]
    for line in terminal.table(head, rows, right=frozenset(head[1:])):
        terminal.say(line)
