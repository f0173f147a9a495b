"""The options of a command as its help lists them: from its schema, so that they are told once."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import Field, field, fields, is_dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf

# What is known of a field besides its type.
PATH = "path"  # it names a file or folder: `~` and variables are filled in
OF_WORLD = "of_world"  # only some worlds take it
NEEDS = "needs"  # which part of a world the command cannot do without, and what there is instead
FIXED = "fixed"  # it is no option, and why: a part of the configuration refers to it
_KINDS = {"float": "number", "bool": "true or false"}  # by Python's names
_NAMES = 20  # columns of `name=value`
_WIDTH = 79


def path(default: Any = MISSING) -> Any:
    """Return a field of a schema that names a file or folder, or several of them in a list."""
    if isinstance(default, list):
        return field(default_factory=lambda: default, metadata={PATH: True})
    return field(default=default, metadata={PATH: True})


def fixed(value: Any, why: str) -> Any:
    """Return a field of a schema that is not for the user to set, and why."""
    return field(default=value, metadata={FIXED: why})


def world_with(part: str, instead: str) -> Any:
    """Return a field for a world's name, of a command that needs a part which only some have.

    Args:
        part: One of its spec's `entry_points`.
        instead: What there is in a world without it.
    """
    return field(default=MISSING, metadata={NEEDS: (part, instead)})


def options_text(schema: type, config: DictConfig) -> str:
    """Return the options of a command: `seed=6   One seed for everything. [int]`, a line or more.

    Groups, which are of type Any, are left out: Hydra lists them.

    Args:
        schema: A dataclass with a docstring for each field.
        config: Of that schema, as it was composed.
    """
    return "\n".join(
        _lines(name, f"{text} [{_kind(one)}]", config) for name, text, one in _documented(schema)
    )


def option_rows(schema: type, config: DictConfig) -> list[tuple[str, str, str, str]]:
    """Return name, type, value and meaning of each option that `options_text` lists."""
    return [
        (name, _kind(one), _words(OmegaConf.select(config, name, default="???")), text)
        for name, text, one in _documented(schema)
    ]


def _documented(schema: type, above: str = "") -> Iterator[tuple[str, str, Field]]:
    """Yield full name, docstring and field of each option, in the order of the fields."""
    texts: dict[str, str] = {}
    for kind in reversed(schema.__mro__[:-1]):
        texts |= _docstrings(kind)
    for one in fields(schema):
        if isinstance(one.type, type) and is_dataclass(one.type):
            yield from _documented(one.type, f"{above}{one.name}.")
        elif one.type is not Any and FIXED not in one.metadata:
            yield above + one.name, texts[one.name], one


def _kind(one: Field) -> str:
    """Return what values an option takes: ``int``, ``path or null``, ``none, video or human``."""
    if isinstance(one.type, type) and issubclass(one.type, Enum):
        *others, last = one.type.__members__
        return f"{', '.join(others)} or {last}"
    words = one.type.__name__ if type(one.type) is type else str(one.type)
    named = {"str": "path"} if PATH in one.metadata else {"str": "text"}
    return re.sub(r"\w+", lambda word: (_KINDS | named).get(word[0], word[0]), words).replace(
        " | None", " or null"
    )


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
    if OmegaConf.is_dict(value):
        return f"{{{','.join(f'{key}:{_words(one)}' for key, one in value.items())}}}"
    return str(value)
