"""What a process that lives long gives back of its memory."""

import ctypes
import sys


def give_back_memory() -> None:
    """Return to the system what was freed, where the C library is glibc (malloc_trim(3)).

    Batches of a hundred sizes else leave pieces that no other fits into: gigabytes in minutes.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
