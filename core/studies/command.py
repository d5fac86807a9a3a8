"""`etlgan` as a process of its own, from the same Python and the same installation."""

import sys

ETLGAN = [sys.executable, "-P", "-c", "from etlgan_tui.cli import main; main()"]
