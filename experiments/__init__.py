"""Objects you run: `python -m experiments.run +env=trip` and its neighbours."""

import signal
import sys

from experiments.running.early import quit_early

# Python says "-m" only while it looks for a command, so who imports us keeps what they have.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, quit_early)
