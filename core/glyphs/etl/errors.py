"""The one error of this package: bytes that are not what an ETL file should hold."""

from core.errors import DataError


class EtlFormatError(DataError):
    """An ETL file, zip or record that cannot be read; the message names the file, the record and the next step."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str) -> str:
    """Names inside archives are anybody's: what would move a terminal's cursor is shown as `?`."""
    return "".join(character if character.isprintable() else "?" for character in text)
