"""What `data.source` says: a kind, and where: `etl:PATH`, `etl:PATH,PATH`, `mnist:PATH`, or just a path.

Several of them joined by + are domains: `penman+etl:PATH`, or with names of one's own, `forms=PATH+notes=PATH`.
"""

import re
from pathlib import Path
from typing import NamedTuple

from core.errors import ConfigError
from core.rundir import expanded

_NAME = re.compile(r"[\w-]{1,32}")
_UNFIT = re.compile(r"[^\w-]+")

KINDS = ("etl", "mnist", "kmnist", "k49", "folder")


def parse(spec: str) -> tuple[str, list[Path]]:
    """(kind or "", paths); a path that is there is never cut at its commas. A ~ of nobody: ConfigError."""
    kind, separator, rest = spec.partition(":")
    if not separator or kind not in KINDS:
        kind, rest = "", spec
    whole = expanded(rest)
    if "," not in rest or whole.exists():
        return kind, [whole]
    return kind, [expanded(part) for part in rest.split(",") if part.strip()] or [whole]


class Domain(NamedTuple):
    """One of the sources of a mixture."""

    name: str  # unique in it
    spec: str  # as `parse` reads it
    named: bool = False  # by the user, with NAME=


def domains(spec: str) -> list[Domain]:
    """The sources that a spec joins, at least one; a path that is there is never cut at its +. ConfigError."""
    pieces, found = spec.split("+"), list[Domain]()
    while pieces:
        longest = next((n for n in range(len(pieces), 1, -1) if _there("+".join(pieces[:n]))), 1)
        found.append(_domain("+".join(pieces[:longest]).strip(), spec))
        pieces = pieces[longest:]
    names = [domain.name for domain in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"data.source={spec}: two domains are called {twice!r}; name them: A=SOURCE+B=SOURCE")
    return found


def _domain(text: str, spec: str) -> Domain:
    name, equals, rest = text.partition("=")
    if equals and _NAME.fullmatch(name.strip()) and not _exists(text):
        name, text = name.strip(), rest.strip()
    else:
        name = ""
    if not text:
        raise ConfigError(f"data.source={spec}: a source is missing before or after a '+' or '='")
    kind, paths = parse(text)
    usual = kind or ("-".join(text.split(":")) if text.startswith("penman") else paths[0].name)
    return Domain(name or _UNFIT.sub("-", usual).strip("-") or "domain", text, bool(name))


def _there(text: str) -> bool:
    """Whether all of a text (behind a NAME=) is one source whose paths exist."""
    name, equals, rest = text.partition("=")
    choices = [text] + [rest] * (equals != "" and _NAME.fullmatch(name.strip()) is not None)
    return any(_exists(choice) for choice in choices)


def _exists(text: str) -> bool:
    return all(path.exists() for path in parse(text.strip())[1])


def absolute(spec: str) -> str:
    """`etl:folder` -> `etl:/where/we/are/folder`: a run works elsewhere. A name that is no path stays."""
    parts = domains(spec)
    return "+".join((f"{part.name}=" if part.named else "") + _absolute(part.spec) for part in parts)


def _absolute(spec: str) -> str:
    kind, paths = parse(spec)
    if not kind and not all(path.exists() for path in paths):
        return spec
    return (f"{kind}:" if kind else "") + ",".join(str(path.absolute()) for path in paths)
