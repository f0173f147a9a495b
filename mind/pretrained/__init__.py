"""Language models and adapters that come with the mind: folders in Hugging Face and PEFT format."""

from pathlib import Path

_FOLDER = Path(__file__).parent
NO_ADAPTER = "none"
# Folders by what they are called.
_ADAPTERS = {"grounded": "smollm2_grounded", "foraging": "smollm2_foraging"}
_OF_WORLDS = {"forage": "foraging"}


def folder(name: str) -> str:
    """Return the path of a bundled model, from whatever folder a run is started.

    Raises:
        ValueError: If there is no such model.
    """
    path = _FOLDER / name
    if not (path / "config.json").is_file():
        known = ", ".join(sorted(card.parent.name for card in _FOLDER.glob("*/config.json")))
        raise ValueError(
            f"bundled model must be one of [{known}], got '{name}'; "
            "give the path of one that python -m experiments.train_mind has made, "
            "with mind/language_model=transformers mind.language_model.path=FOLDER"
        )
    return str(path)


def adapter_of(world: str) -> str:
    """Return what the adapter that comes along for a world is called."""
    return _OF_WORLDS.get(world, "grounded")


def adapter_folder(name: str) -> str:
    """Return the path of an adapter that comes along; whatever else is named is a path already."""
    return str(_FOLDER / _ADAPTERS[name]) if name in _ADAPTERS else name
