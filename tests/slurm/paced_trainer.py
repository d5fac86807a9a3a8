"""The real trainer, slowed down: it rests PACE seconds at every event, and computes the same to the last digit."""

import os
import sys
import time
from pathlib import Path

from core import trainer
from core.events import AnyEvent

PACE = float(os.environ.get("PACE", "0"))
emit = trainer.EventLog.emit


def rest(log: trainer.EventLog, event: AnyEvent) -> None:
    emit(log, event)
    time.sleep(PACE)


trainer.EventLog.emit = rest  # type: ignore[method-assign, assignment]
sys.exit(trainer.main(Path(sys.argv[1])))
