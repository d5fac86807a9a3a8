"""Preparation step by step: what each switch adds."""

from dataclasses import replace

from core.glyphs.prepare import AS_IT_IS, Preparation

STEPS = {
    "paper": ("paper",),
    "fragments": ("fragments",),
    "crop, centre": ("crop", "centre", "margin", "zoom_limit"),
    "gain": ("gain",),
}


def steps(options: Preparation) -> dict[str, Preparation]:
    """From the raw cell to the result, one more switch at a time; steps that are off are left out."""
    start = replace(AS_IT_IS, invert=options.invert, black_on_white=options.black_on_white)
    shown = {"raw": start}
    for title, names in STEPS.items():
        if any(getattr(options, name) != getattr(start, name) for name in names):
            start = replace(start, **{name: getattr(options, name) for name in names})
            shown[title] = start
    return shown
