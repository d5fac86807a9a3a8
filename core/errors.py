"""What can go wrong that a user can mend. Every message says what, where, and what to do."""


class EtlganError(Exception):
    """A mistake in the input or the surroundings, told in one line; caught only at the edge (CLI or dashboard)."""


class ConfigError(EtlganError):
    """A configuration that cannot be run: unknown key, value out of its limits, unknown preset."""


class DataError(EtlganError):
    """Data that cannot be read or does not hold what was asked for."""


class RunError(EtlganError):
    """A run that cannot be found, started, stopped, resumed or sampled."""


class StoreError(EtlganError):
    """An index (`runs.db`) that cannot be opened, read or written."""


class LostError(RunError):
    """Another process of the same run went away or gave no answer. Whoever started them all knows why."""


def of_memory(error: BaseException) -> bool:
    """Whether there was too little memory, of a device or of the machine, however that is put."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in ("out of memory", "allocate memory"))
