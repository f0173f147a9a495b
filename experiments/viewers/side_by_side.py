"""Two runs side by side: the data of their replay pages on one page, in step.

A page holds the data of its run as JSON, which is read here and never run. The two have to begin
alike, as runs of the same world, level and seed do; from where they part, each goes its own way.
"""

import json
import re
from pathlib import Path
from typing import Any

from experiments.running.cli import BadInput
from experiments.running.record import write_atomically
from experiments.viewers.page import VERSION, html_of

_PAGE_DATA = re.compile(r'<script type="application/json" id="story">(.*?)</script>', re.DOTALL)
_SAME = ("mission", "scene")


def page_of(run: Path) -> Path:
    """Return the replay page of a run.

    Raises:
        BadInput: If there is none.
    """
    page = run / "replay.html"
    if not page.is_file():
        raise BadInput(
            f"expected the folder of a run, with a replay.html in it, got '{run}'; a run says "
            "where its folder is when it ends, and writes the page a few seconds after it begins"
        )
    return page


def page_data_of(run: Path) -> dict[str, Any]:
    """Return the data of a run's own page.

    Raises:
        BadInput: If there is no page, or one of another version.
    """
    found = _PAGE_DATA.search(page_of(run).read_text(encoding="utf-8", errors="replace"))
    try:
        (data,) = json.loads(found[1])["runs"] if found else [{}]
        if data["version"] == VERSION and data["title"] and data["world"]:
            list(map(_begins, data["episodes"]))
            return data
    except (ValueError, LookupError, TypeError, AttributeError):
        pass  # whatever it is, it is not one of ours
    raise BadInput(
        f"expected a replay.html of this version in '{run}', got another kind of page; live the "
        "run again, with the options in its .hydra/overrides.yaml"
    )


def write_beside(run: Path, other: Path) -> Path:
    """Write a page that shows two runs in step into the folder of the first, and return its path.

    Args:
        run: Folder of the run that is shown on the left.
        other: Folder of the run that is shown on the right.

    Raises:
        BadInput: If one has no page of this version, or they do not begin alike.
    """
    runs = [page_data_of(run), page_data_of(other)]
    shared = _shared(*runs)
    if not shared:
        titles = " and ".join(f"'{data['title']}'" for data in runs)
        raise BadInput(
            "expected two runs of which an episode begins alike (the same world, level and seed), "
            f"got {titles}; live one of them again, with what shall differ as the only difference"
        )
    beside = [
        data | {"options": options, "episodes": episodes}
        for data, options, episodes in zip(
            runs, _options(run, other), zip(*shared, strict=True), strict=True
        )
    ]
    page = run / f"replay_beside_{other.resolve().name}.html"
    write_atomically(page, html_of(beside))
    return page


def _shared(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[dict, dict]]:
    """Return the episodes of two runs that have the same number and begin alike."""
    if one["world"] != other["world"]:
        return []
    there = {episode["episode"]: episode for episode in other["episodes"]}
    pairs = [(episode, there.get(episode["episode"])) for episode in one["episodes"]]
    return [(left, right) for left, right in pairs if right and _begins(left) == _begins(right)]


def _begins(episode: dict[str, Any]) -> list[Any]:
    """Return what holds as an episode begins: its mission, and the truth of its first tick."""
    states = {name: changes[0][1] for name, changes in episode["states"].items()}
    return [states, *(episode[name] for name in _SAME)]


def _options(run: Path, other: Path) -> tuple[str, str]:
    """Return in words what each run was asked for that the other was not, with its folder."""
    asked = [_asked(run), _asked(other)]
    own = [[option for option in asked[i] if option not in asked[1 - i]] for i in range(len(asked))]
    words = [", ".join(options) or "no other options" for options in own]
    return f"{run.resolve().name}: {words[0]}", f"{other.resolve().name}: {words[1]}"


def _asked(run: Path) -> list[str]:
    """Return the options of the command that made a run."""
    path = run / ".hydra" / "overrides.yaml"
    lines = (
        path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    )
    return [line.removeprefix("- ") for line in lines if line.startswith("- ")]
