"""How the scalar functions of a tick are compiled: `@compiled`."""

from typing import Any

from numba import njit

# A tick is one long function made of many short ones: inlined, it takes a third less time. It
# makes no arrays, so nobody need count who holds them (NRT): a quarter of what is left.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "forceinline": True, "_nrt": False}
compiled = njit(**_OPTIONS)
