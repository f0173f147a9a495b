"""The options of a command as its help lists them: from its schema, so that they are told once."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from omegaconf import DictConfig, OmegaConf

_NAMES = 20  # columns of `name=value`
_WIDTH = 98


def options_text(schema: type, config: DictConfig) -> str:
    """Return the options of a command: `seed=6   One seed for everything.`, a line or more each.

    Groups, which are of type Any, are left out: Hydra lists them.

    Args:
        schema: A dataclass with a docstring for each field.
        config: Of that schema, as it was composed.
    """
    return "\n".join(_lines(name, text, config) for name, text in _documented(schema))


def _documented(schema: type, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield the full name and the docstring of each option, in the order of the fields."""
    texts: dict[str, str] = {}
    for kind in reversed(schema.__mro__[:-1]):
        texts |= _docstrings(kind)
    for field in fields(schema):
        if isinstance(field.type, type) and is_dataclass(field.type):
            yield from _documented(field.type, f"{above}{field.name}.")
        elif field.type is not Any:
            yield above + field.name, texts[field.name]


def _docstrings(kind: type) -> dict[str, str]:
    """Return the docstrings of a class's own fields, which Python itself does not keep."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: " ".join(ast.literal_eval(text.value).split())
        for field, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


def _lines(name: str, text: str, config: DictConfig) -> str:
    value = OmegaConf.select(config, name, default="???")  # which OmegaConf calls missing
    if isinstance(value, Enum):
        text = f"{text} One of {', '.join(type(value).__members__)}."
    head = _broken(f"  {name}={_words(value)}")
    wrapped = textwrap.wrap(text, _WIDTH - _NAMES)
    beside = wrapped.pop(0) if len(head) < _NAMES else ""
    rest = (" " * _NAMES + line for line in wrapped)
    return "\n".join([f"{head:{_NAMES}}{beside}".rstrip(), *rest])


def _broken(head: str) -> str:
    """Break a list that is too long for a line after one of its commas."""
    if len(head) <= _WIDTH:
        return head
    cut = head.rindex(",", 0, _WIDTH) + 1
    return f"{head[:cut]}\n{_broken('    ' + head[cut:])}"


def _words(value: Any) -> str:
    """Return a value as one types it."""
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if OmegaConf.is_list(value):
        return f"[{','.join(map(_words, value))}]"
    return str(value)
