"""Objects you run: `python -m experiments.run +env=trip` and its neighbours."""

import os
import signal
import sys

_INTERRUPTED = 130  # exit status


def quit_early(*_: object) -> None:
    """Answer Ctrl-C before a command has begun: its imports would each have their traceback."""
    os.write(2, b"\ninterrupted\n")
    os._exit(_INTERRUPTED)


# Python says "-m" only while it looks for a command, so who imports us keeps what they have.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, quit_early)
