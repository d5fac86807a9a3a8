"""Kana from Latin letters, while they are typed: `ka` is か at once, the `k` of an unfinished syllable stays a letter.

The syllables themselves are jaconv's; here is only what typing adds: when a syllable is finished, and whose an n is.
"""

from __future__ import annotations

import re
from typing import Literal

Script = Literal["hiragana", "katakana", "off"]
SCRIPTS: tuple[Script, ...] = ("hiragana", "katakana", "off")

_LONG = "-"  # ー, after kana or a syllable
_LETTERS = re.compile(r"[a-z'-]+", re.IGNORECASE)
_SYLLABLE = re.compile(r"([b-df-hj-np-tv-z]*)([aiueo])")
_NS = re.compile(r"(?<![xX])n+'?", re.IGNORECASE)
_DOUBLES = re.compile(r"([b-df-hj-mp-tv-z])\1|tc|[xl]t")  # consonants that rightly make a small っ


def usual_script(known: frozenset[str]) -> Script:
    """What letters should become for a run of these characters; none where it knows the letters themselves."""
    if any("a" <= character <= "z" for character in known):
        return "off"
    if any("ぁ" <= character <= "ん" for character in known):
        return "hiragana"
    return "katakana" if any("ァ" <= character <= "ン" for character in known) else "off"


def typed(text: str, script: Script) -> str:
    """Finished syllables only: `hon` -> ほn, `honda` -> ほんだ, `konna` -> こんな, `kon'i` -> こんい."""
    if script == "off":
        return text
    return _LETTERS.sub(lambda found: _converted(found, script, last=found.end() == len(text)), text)


def finished(text: str, script: Script) -> str:
    """The same with the end taken as the end: ほn is ほん, and letters that are no syllable yet are left out."""
    if script == "off":
        return text
    text = typed(text, script)
    rest = _LETTERS.search(text)
    if not rest or rest.end() != len(text):
        return text
    ns = _kana("n", script) * (rest[0].lower() in ("n", "nn"))
    return text[: rest.start()] + ns


def _converted(found: re.Match[str], script: Script, *, last: bool) -> str:
    """One stretch of letters; `last`: it may go on."""
    letters = found[0].lower()
    if not any(letter.isalpha() for letter in letters):  # a mark by itself: ー after kana
        kana_before = found.start() > 0 and "ぁ" <= found.string[found.start() - 1] <= "ー"
        return "ー" * len(letters) if kana_before and set(letters) == {_LONG} else found[0]
    letters = _NS.sub(lambda ns: _freed(ns, last=last and ns.end() == len(letters)), letters)
    letters = _SYLLABLE.sub(lambda syllable: _syllable(syllable, script), letters)
    letters = letters.replace("N", _kana("n", script)).replace("A", "")
    return re.sub(rf"(?<=[^a-z'-]){_LONG}", "ー", letters) if letters != found[0].lower() else found[0]


def _freed(ns: re.Match[str], *, last: bool) -> str:
    """n's -> N for each ん, A for an apostrophe that did its work, n for the one that a vowel or y takes along."""
    text = ns[0]
    if text.endswith("'"):
        return "N" * (len(text) // 2) + "A"
    if last and len(text) < 3:
        return text
    if ns.string[ns.end() : ns.end() + 1] in tuple("aiueoy"):
        return "N" * (len(text) // 2) + "n"
    return text if last else "N" * ((len(text) + 1) // 2)


def _syllable(found: re.Match[str], script: Script) -> str:
    """jaconv's kana; letters in front that no syllable has are left where they are."""
    consonants, vowel = found.groups()
    for at in range(len(consonants) + 1):
        kana = _kana(consonants[at:] + vowel, script)
        if kana.isascii() or any(sign.isascii() for sign in kana):
            continue
        if ("っ" in kana or "ッ" in kana) and not _DOUBLES.match(consonants[at:]):
            continue
        return consonants[:at] + kana
    return found[0]


def _kana(letters: str, script: Script) -> str:
    import jaconv  # here: the first paint of the dashboard does without

    kana: str = jaconv.alphabet2kana(letters)
    return jaconv.hira2kata(kana) if script == "katakana" else kana
