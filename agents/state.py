"""The state of a being: nested dicts of plain values and arrays, and the file that keeps it.

The file is an `.npz`: each array under its path of names ("soul/levels"), and all that is plain as
JSON in UTF-8 under "plain". It holds no pickle.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from body.types import Intent, Manner, Skill, Target
from mind.types import Decision, Exchange

State = Mapping[str, Any]

_PLAIN = "plain"


def save_state(state: State, path: str | Path) -> None:
    """Write a state into a file, all of it or nothing.

    Args:
        state: Of strings as names; its values are states, arrays, or what JSON can hold.
        path: The file; one that is there already is replaced.
    """
    path = Path(path)
    plain = np.frombuffer(json.dumps(_plain(state)).encode(), np.uint8)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{_PLAIN: plain}, **dict(_arrays(state)))
    unfinished.replace(path)


def read_state(path: str | Path) -> dict[str, Any]:
    """Return the state that `save_state` wrote into a file.

    Raises:
        ValueError: If the file is not one of these, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            state = cast(dict[str, Any], json.loads(file[_PLAIN].tobytes()))
            for name in file.files:
                if name != _PLAIN:
                    *parts, last = name.split("/")
                    _inner(state, parts)[last] = file[name]
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the readers
        reason = " ".join(str(error).split())[:120]
        raise ValueError(
            f"expected a being's state in {path}, got something else or a damaged file "
            f"({type(error).__name__}: {reason}); save it again"
        ) from error
    return state


def _arrays(state: State, path: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            yield path + name, value
        elif isinstance(value, Mapping):
            yield from _arrays(cast(State, value), f"{path}{name}/")


def _plain(state: State) -> dict[str, Any]:
    return {
        name: _plain(cast(State, value)) if isinstance(value, Mapping) else value
        for name, value in state.items()
        if not isinstance(value, np.ndarray)
    }


def _inner(state: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    for part in parts:
        state = state[part]
    return state


def check_same_being(mine: State, given: State) -> None:
    """Refuse a state that is not of a being like this one.

    Args:
        mine: What `Being.state` returns of the being into which it is to be loaded.
        given: What it returned of the one that was saved.

    Raises:
        ValueError: If a part is missing, or world, bodies or memory are others.
    """
    if missing := mine.keys() - given.keys():
        raise ValueError(
            "a being's state must hold what Being.state returned, got one without "
            f"{', '.join(sorted(missing))}; save it again"
        )
    if given["world"] != mine["world"]:
        raise ValueError(
            f"a being's state must be of world '{mine['world']}', got one of '{given['world']}'; "
            "make the being for that world"
        )
    here, then = mine["remembered"], given["remembered"]
    if then.keys() != here.keys():
        raise ValueError(
            f"a being's state must be of {', '.join(here)}, got one of {', '.join(then)}; "
            "make as many avatars, of the same name"
        )
    if then != here:
        raise ValueError(
            f"memory must hold as many experiences as when the state was saved, {then}, got "
            f"{here}; use a copy of its file from then"
        )


# ---- Records ----


def arrays_of(record: Any) -> dict[str, NDArray[Any]]:
    """Return the fields of a dataclass that are arrays, as copies; none of None."""
    values = (
        {} if record is None else {one.name: getattr(record, one.name) for one in fields(record)}
    )
    return {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}


def decision_state(decision: Decision) -> dict[str, Any]:
    """Return a decision as plain values."""
    return asdict(decision)


def decision_from(state: State) -> Decision:
    """Return the decision of which `decision_state` returned this."""
    parts: dict[str, Any] = {
        "intent": intent_from(state["intent"]),
        "goals": tuple(state["goals"]),
        "memories": tuple(state["memories"]),
        "exchanges": tuple(map(_exchange_from, state["exchanges"])),
        "weighed": tuple((words, p, worth) for words, p, worth in state.get("weighed", ())),
    }
    return Decision(**{**state, **parts})


def _exchange_from(state: State) -> Exchange:
    offered = ((answer, known) for answer, known in state.get("offered", ()))
    parts: dict[str, Any] = {"offered": tuple(offered)}
    return Exchange(**{**state, **parts})


def intent_state(intent: Intent | None) -> dict[str, Any] | None:
    """Return an intent as plain values; None of None."""
    return asdict(intent) if intent else None


def intent_from(state: State | None) -> Intent | None:
    """Return the intent of which `intent_state` returned this."""
    if state is None:
        return None
    return Intent(
        skill=Skill(state["skill"]),
        target=Target(**state["target"]) if state["target"] else None,
        manner=Manner(state["manner"]),
        reason=state["reason"],
    )
