"""The one error of this package: bytes that are not what an ETL file should hold."""

from core.errors import DataError


class EtlFormatError(DataError):
    """An ETL file, zip or record that cannot be read; the message names the file, the record and the next step."""
