"""What the user always asks of the cluster: the table `[cluster]` of their own `etlgan.toml`.

[cluster]
partition = "gpu"
account = "ocr"
"""

import tomllib
from typing import Any

from core.errors import ConfigError
from core.rundir import config_root


def usual_resources() -> dict[str, Any]:
    """{"cluster.partition": "gpu", ...}; {} without such a table. A file that cannot be read: ConfigError."""
    path = config_root() / "etlgan.toml"
    try:
        table = tomllib.loads(path.read_text()).get("cluster", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(table, dict):
        raise ConfigError(f'{path}: cluster must be a table: [cluster], then lines such as partition = "gpu"')
    return {f"cluster.{name}": value for name, value in table.items()}
