"""How the scalar functions of a tick are compiled: `@compiled` and `@compiled_apart`."""

from typing import Any

from numba import njit

# A tick makes no arrays, so nobody need count who holds them (NRT): a quarter of the time that
# compiling takes. Nor does C call any of its functions, whose wrappers take a seventh of it.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "_nrt": False,
    "no_cfunc_wrapper": True,
}
# A world's tick is one long function made of many short ones: inlined, it takes a third less time.
compiled = njit(forceinline=True, **_OPTIONS)
compiled_apart = njit(**_OPTIONS)  # of the body: longer ones, which many others call
