"""Our themes; every colour of the dashboard comes from the variables that they set.

Hues of the two colour-blind-safe ones: Okabe and Ito, Color Universal Design (2008); no two of them are told apart by
red against green alone.
"""

from __future__ import annotations

from textual.theme import Theme

# With 16 colours a cursor's dark letters are black, and terminals show bold black as grey: hard to read on a bar.
PLAIN_CURSOR = {"block-cursor-text-style": "none"}

DARK = Theme(
    name="etlgan",
    primary="#6cb6ff",
    secondary="#f2a65a",
    accent="#b392f0",
    success="#7ccf8a",
    warning="#e5c07b",
    error="#f47067",
    foreground="#d8dee6",
    background="#12151a",
    surface="#181c22",
    panel="#222831",
    dark=True,
    variables=PLAIN_CURSOR,
)
LIGHT = Theme(
    name="etlgan-light",
    primary="#0b5cad",
    secondary="#a8500a",
    accent="#6f42c1",
    success="#1a7f37",
    warning="#8a6100",
    error="#b3261e",
    foreground="#1b1f24",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e6e3db",
    dark=False,
    variables=PLAIN_CURSOR,
)
SAFE = Theme(
    name="etlgan-colour-blind-safe",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#cc79a7",
    success="#009e73",
    warning="#f0e442",
    error="#d55e00",
    foreground="#e8e8e8",
    background="#101010",
    surface="#181818",
    panel="#262626",
    dark=True,
    variables=PLAIN_CURSOR,
)
SAFE_LIGHT = Theme(
    name="etlgan-colour-blind-safe-light",
    primary="#0072b2",
    secondary="#a86e00",
    accent="#9c4a78",
    success="#00704f",
    warning="#7a6a00",
    error="#b34700",
    foreground="#161616",
    background="#ffffff",
    surface="#f5f5f5",
    panel="#e4e4e4",
    dark=False,
    variables=PLAIN_CURSOR,
)
THEMES = (DARK, LIGHT, SAFE, SAFE_LIGHT)
