"""Lets a service live at another hour: with TEST_TIME_SHIFT seconds every Python with this on its path starts there.

Python imports this module by its name before any program.
"""

import os
from datetime import UTC, datetime, timedelta

if shift := os.environ.get("TEST_TIME_SHIFT"):
    import time_machine

    time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(shift)), tick=True).start()
