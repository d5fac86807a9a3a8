"""The real trainer, with a judge that learns for a moment: as test_judging.py has it."""

import sys
from pathlib import Path

from core import trainer
from core.judge import classifier, judges

JUDGE = {"JUDGE_IMAGES": 40, "JUDGE_STEPS": (45, 0)}
BATCH = 24

if __name__ == "__main__":
    for name, value in JUDGE.items():
        setattr(judges, name, value)
    classifier.BATCH = BATCH
    sys.exit(trainer.main(Path(sys.argv[1])))
