"""Whether what was set is of the kind that a constructor takes: a number, a list, a part.

Annotations of constructors are the schema. What Python itself would say of ``soul.needs=3``, and
sometimes only after an hour, is ``'int' object has no attribute 'setpoints_of'``.
"""

import inspect
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

_PART = "_target_"
_SCALARS = (bool, int, float, type(None))
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something that was set to what its constructor cannot take.

    Attributes:
        key: Its name, below the part that was looked at: ``"needs.weights"``.
        value: What it was set to.
        hint: What the constructor takes.
    """

    key: str
    value: Any
    hint: Any

    def words(self, name: str, groups: Collection[str] = ()) -> str:
        """Return in one line what was expected, what came, and what to do.

        Args:
            name: By which it is set: ``"soul.needs.weights"``.
            groups: Names of parts that are chosen by ``NAME=CHOICE``.
        """
        got = "null" if self.value is None else repr(self.value)
        advice = _advice(self.hint, self.value, name, groups)
        return f"{name} must be {_kind(self.hint)}, got {got}; {advice}"


def misfits(node: Any, *, strict: bool = False) -> Iterator[Misfit]:
    """Yield what does not fit, in a part and in the parts that it is made of.

    Args:
        node: A resolved configuration with a ``_target_``; anything else has no misfits.
        strict: Whether numbers and null are no text; else the constructor is left to say so, which
            may know what the text can be.
    """
    if not _is_part(node):
        return
    hints = _hints_of(node[_PART])
    for name, value in node.items():
        if name in hints:
            yield from _misfits_of(value, hints[name], name, strict)
        if node.get("_recursive_", True):
            for one in misfits(value, strict=strict):
                yield Misfit(f"{name}.{one.key}", one.value, one.hint)


def _misfits_of(value: Any, hint: Any, key: str, strict: bool) -> Iterator[Misfit]:
    """Yield a value that does not fit, or the entries of it that do not."""
    entries = _of_entries(hint)
    if entries is not None and isinstance(value, Mapping) and not _is_part(value):
        for name, one in value.items():
            yield from _misfits_of(one, entries, f"{key}.{name}", strict)
    elif not _fits(value, hint, strict):
        yield Misfit(key, value, hint)


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and _PART in value


def _hints_of(target: str) -> dict[str, Any]:
    """Return the annotations of a constructor that can be looked up; Hydra finds what is amiss."""
    from hydra.utils import get_object

    try:
        made = get_object(target)
        return get_type_hints(made.__init__ if isinstance(made, type) else made)
    except Exception:  # of an import, or a name that only a type checker knows
        return {}


def _of_entries(hint: Any) -> Any:
    """Return what the values of a mapping are to be; None where no mapping is wanted."""
    for one in _alternatives(hint):
        if _is(one, Mapping) and len(get_args(one)) == 2:
            return get_args(one)[1]
    return None


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is(hint: Any, kind: type) -> bool:
    origin = get_origin(hint) or hint
    return isinstance(origin, type) and issubclass(origin, kind)


def _is_text(hint: Any) -> bool:
    return any(_is(hint, kind) for kind in (str, PurePath, Enum)) or _is_path_like(hint)


def _is_path_like(hint: Any) -> bool:
    return getattr(get_origin(hint) or hint, "__name__", "") == "PathLike"


# ---- Whether it fits ----


def _fits(value: Any, hint: Any, strict: bool) -> bool:
    """Return whether a value is of a kind; whatever is a part of its own may become anything."""
    if _is_part(value) or isinstance(value, Enum) or hint is type(None):
        return True  # what takes nothing at all says why
    return any(_fits_one(value, one, strict) for one in _alternatives(hint))


def _fits_one(value: Any, hint: Any, strict: bool) -> bool:
    if get_origin(hint) is Literal:
        return not strict or value in get_args(hint)
    if hint is type(None):
        return value is None
    if hint in (bool, int, float):
        return _is_number(value, hint)
    if _is_text(hint):
        return isinstance(value, str) or (not strict and isinstance(value, _SCALARS))
    if is_typeddict(hint) or _is(hint, Mapping):
        return isinstance(value, Mapping)
    if _is(hint, Collection) and get_origin(hint):
        return isinstance(value, list) and _elements_fit(value, hint, strict)
    return not _is_a_part(hint)


def _is_number(value: Any, hint: type) -> bool:
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    return isinstance(value, int) or (hint is float and isinstance(value, float))


def _elements_fit(value: list[Any], hint: Any, strict: bool) -> bool:
    kinds = [one for one in get_args(hint) if one is not Ellipsis]
    return len(kinds) != 1 or all(_fits(one, kinds[0], strict) for one in value)


def _is_a_part(hint: Any) -> bool:
    """Return whether only an object of a class, or something that can be called, will do."""
    origin = get_origin(hint) or hint
    return isinstance(origin, type) and origin not in (object, Any)


# ---- Saying so ----


def _kind(hint: Any) -> str:
    """Return in words what is taken."""
    return " or ".join(dict.fromkeys(map(_kind_of_one, _alternatives(hint))))


def _kind_of_one(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if hint in _KINDS:
        return _KINDS[hint]
    if _is(hint, PurePath) or _is_path_like(hint):
        return "a path"
    if _is(hint, Enum):
        return f"one of {', '.join(str(one.value) for one in hint)}"
    if is_typeddict(hint) or _is(hint, Mapping):
        return "values by name"
    if _is(hint, Collection) and get_origin(hint):
        return "a list"
    return f"a part ({getattr(hint, '__name__', hint)})"


def _advice(hint: Any, value: Any, name: str, groups: Collection[str]) -> str:
    one = next(one for one in _alternatives(hint) if one is not type(None))
    if value is None:
        return "leave it out"
    if _is_text(one):
        return f"put it into quotes of its own, {name}=\"'{value}'\""
    if is_typeddict(one) or _is(one, Mapping):
        return f"set one of them, {name}.NAME=VALUE"
    if _is(one, Collection) and get_origin(one):
        return f"put it into brackets, {name}=[{value}]"
    if one in _KINDS or not _is_a_part(one):
        return f"give one, or leave {name} out"
    return f"leave it out, or {_instead(one, name, groups)}"


def _instead(kind: Any, name: str, groups: Collection[str]) -> str:
    """Return how another part is had; of a kind that is one of several, no options are known."""
    last = name.rpartition(".")[2]
    if last in groups:
        return f"choose another with {last}=NAME"
    if getattr(kind, "_is_protocol", False):
        return f"give one with a _target_, '{name}={{_target_: ...}}'"
    return f"set its options, as in {name}.{next(iter(inspect.signature(kind).parameters))}=VALUE"
