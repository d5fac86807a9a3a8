"""What `data.source` says: a kind, and where: `etl:PATH`, `etl:PATH,PATH`, `mnist:PATH`, or just a path."""

from pathlib import Path

KINDS = ("etl", "mnist", "kmnist", "k49", "folder")


def parse(spec: str) -> tuple[str, list[Path]]:
    """(kind or "", paths); a path that is there is never cut at its commas."""
    kind, separator, rest = spec.partition(":")
    if not separator or kind not in KINDS:
        kind, rest = "", spec
    whole = Path(rest).expanduser()
    if "," not in rest or whole.exists():
        return kind, [whole]
    return kind, [Path(part).expanduser() for part in rest.split(",") if part.strip()] or [whole]


def absolute(spec: str) -> str:
    """`etl:folder` -> `etl:/where/we/are/folder`: a run works elsewhere. A name that is no path stays."""
    kind, paths = parse(spec)
    if not kind and not all(path.exists() for path in paths):
        return spec
    return (f"{kind}:" if kind else "") + ",".join(str(path.absolute()) for path in paths)
