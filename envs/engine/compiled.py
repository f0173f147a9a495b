"""How the scalar functions of a tick are compiled: `@compiled`."""

from typing import Any

from numba import njit

# A tick is one long function made of many short ones: inlined, it takes a third less time. It
# makes no arrays, so nobody need count who holds them (NRT): a quarter of what is left. Nor does
# C call any of them, and its wrappers take a seventh of the time to compile.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "forceinline": True,
    "_nrt": False,
    "no_cfunc_wrapper": True,
}
compiled = njit(**_OPTIONS)
