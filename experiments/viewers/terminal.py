"""What a person sees while a run is lived: a live view, or plain lines where nobody watches."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from envs.engine.view import VIEW
from envs.forage.vocabulary import FOODS, Color, Object  # which has all objects that there are
from experiments.running.callbacks import EpisodeEnd, EpisodeStart, Score, StepRecord, told_by
from experiments.running.cli import near
from experiments.running.record import score_record
from experiments.running.usable import money, never_usable
from experiments.viewers.reel import bearing
from mind.reasoning.question_answering import UNKNOWN, Answer
from mind.reasoning.verification import Support

_FRAMES_PER_SECOND = 12
_ROWS_SHOWN = 20
_TABLE_WIDTH = 80  # of a terminal that the table of results needs
_SELDOM_WIDTH = 10  # that each further column needs
_SPARED = 25  # columns of a terminal that a narrow table does without
_HYPHENS = {"episode": "epi-\nsode", "stumbles": "stum-\nbles", "decisions": "deci-\nsions",
            "thought": "thou-\nght"}  # fmt: skip
_ROOM_BESIDE = (0, 54, 76)  # columns of a terminal that one, two and three views need
_LETTERS = 240  # of one thought or speech
_SPEECHES_SHOWN = 4  # of an episode
_GLYPHS = {
    Object.UNSEEN: "  ", Object.EMPTY: "· ", Object.FLOOR: "· ", Object.WALL: "██",
    Object.DOOR: "▐▌", Object.KEY: "¬o", Object.BALL: "()", Object.BOX: "[]", Object.GOAL: "**",
    Object.LAVA: "≈≈", Object.CABLE: "~~", Object.RUG_EDGE: "▂▂", Object.ICE: "░░",
    Object.KERB: "__", Object.RAIL: "══", Object.CUP: "U'", Object.TABLE: "╥╥", Object.PERSON: "☻ ",
    Object.WET: "≈≈", Object.GRAVEL: "∴∴", Object.SPRING: "oO", Object.FIRE: "^^",
    Object.BED: "zz",
}  # fmt: skip
_COLOURS = {
    Color.RED: "red", Color.GREEN: "green", Color.BLUE: "bright_blue", Color.PURPLE: "magenta",
    Color.YELLOW: "yellow", Color.GREY: "bright_black",
}  # fmt: skip
_PLANTS = {Object.BERRY: "b", Object.APPLE: "a", Object.MUSHROOM: "m", Object.NUT: "n"}
_DOORS = {0: "╎╎", 1: "▐▌", 2: "▐×"}  # open, closed, locked
_DOOR_WORDS = ("open ", "shut ", "locked ")
_NEEDS_NO_WORDS = (Object.UNSEEN, Object.EMPTY, Object.FLOOR)
_UPRIGHT = "▲ "
_POSTURES = {"crouch": "△ ", "stumble": "◢ ", "down": "▬ ", "rising": "▴ "}
_OUTCOMES = {"success": "green", "failure": "red", "time up": "yellow", "interrupted": "dim"}
_ALARMING = {
    "fall": "bold red", "stumble": "yellow", "slip": "yellow", "recovery": "green",
    "bump": "yellow", "nothing_there": "yellow", "refused": "yellow", "still_full": "yellow",
    "locked": "yellow", "picked_up": "green", "put_down": "green", "opened": "green",
    "made_ill": "bold red", "burned": "red", "collapsed": "bold red", "gave_energy": "green",
    "gave_protein": "green", "gave_water": "green",
}  # fmt: skip
_LOGGED = ("fall", "burned", "collapsed", "gave_energy", "gave_protein", "gave_water",
           "gave_nothing", "made_ill")  # fmt: skip
_NEEDS = ("energy", "protein", "water", "warmth", "rest", "dignity", "cup", "gut")
_TOUCHES = ("bump", "nothing_there", "refused", "still_full", "locked", "got_it", "put_down",
            "opened")  # fmt: skip
_REACH_M = 0.4  # lean at either end of the balance bar


class LiveView:
    """A view of the first avatar that is redrawn in place.

    Args:
        console: A terminal.
        episodes: How many episodes there will be.
    """

    wants_frames = False

    def __init__(self, console: Console, episodes: int):
        self._episodes = episodes
        self._mission = ""
        self._thought = ""
        self._speech = ""
        self._happened: deque[Text] = deque(maxlen=5)
        self._endings: list[EpisodeEnd] = []
        self._drawn_at = 0.0
        waking = Text("waking up ...", style="dim")
        self._live = Live(waking, console=console, auto_refresh=False, transient=True)
        self._live.start()

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Show the new mission."""
        if start.avatar == 0:
            self._mission = printable(start.mission)
            self._thought = self._speech = ""
            self._happened.clear()

    def on_step(self, step: StepRecord) -> None:
        """Show the moment, unless the last one is still fresh."""
        if step.avatar != 0:
            return
        if decision := step.trace.decision:
            self._thought = printable(decision.thoughts)
            self._speech = printable(decision.speech) or self._speech
        clock = step.world.clock(step.tick)
        if step.heard:
            self._happened.append(_line(f"{clock} hears {printable(step.heard)}", "cyan"))
        for event in told_by(step.events, step.senses):
            style = _ALARMING.get(event.kind, "")
            self._happened.append(_line(f"{clock} {event.words()}", style))
        if time.monotonic() - self._drawn_at >= 1 / _FRAMES_PER_SECOND:
            self._live.update(self._picture(step), refresh=True)
            self._drawn_at = time.monotonic()

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Count the episode."""
        self._endings.append(end)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def _picture(self, step: StepRecord) -> Panel:
        view = Panel(seen(step), title="sees", border_style="bright_black", expand=False)
        inner = Group(
            Text(step.trace.intent_words or step.action, style="bold cyan"),
            Text(self._thought, style="italic dim", overflow="fold"),
            Text(f"“{self._speech}”" if self._speech else "", style="white"),
        )
        width = self._live.console.width
        body = _arranged(width, view, felt(step), Group(*self._happened))
        return Panel(
            Group(body, legend(step), inner, self._progress(step)),
            title=Text(self._mission, style="bold"),
            subtitle=Text(f"{step.world.lived(step.tick)}  {_stance(step)}", style="dim"),
            border_style="cyan",
        )

    def _progress(self, step: StepRecord) -> Table:
        bar = ProgressBar(total=self._episodes, completed=len(self._endings), width=12)
        reached = sum(end.outcome == "success" for end in self._endings)
        title, name = step.world.tallies[0]
        count = sum(end.score.count(name) for end in self._endings)
        row = Table.grid(padding=(0, 2))
        heading = f"episode {step.episode} ({step.episode + 1} of {self._episodes})"
        counted = f"{reached} reached, {count} {title}"
        row.add_row(Text(heading), bar, Text(counted, style="dim"))
        return row


def _arranged(width: int, *parts: RenderableType) -> RenderableType:
    """Return what is seen, felt and has happened: side by side as far as there is room for it."""
    beside = sum(width >= least for least in _ROOM_BESIDE)
    table = Table.grid(padding=(0, 2))
    for column in range(beside):
        table.add_column(no_wrap=column < 2, overflow="ellipsis", ratio=1 if column == 2 else None)
    table.add_row(*parts[:beside])
    return Group(table, *parts[beside:])


class PlainView:
    """A few lines for each episode, for logs.

    Args:
        console: Where they go.
        episodes: How many episodes there will be.
    """

    wants_frames = False

    def __init__(self, console: Console, episodes: int):
        self._console = console
        self._episodes = episodes
        self._said: set[str] = set()

    def on_episode_start(self, start: EpisodeStart) -> None:
        """Say what is asked."""
        self._said.clear()
        number = f"episode {start.episode} ({start.episode + 1} of {self._episodes})"
        self._say(f"{number}: {printable(start.mission)}")

    def on_step(self, step: StepRecord) -> None:
        """Print the first speeches, what is heard, and whatever hurts or feeds."""
        clock = f"  {step.world.clock(step.tick)}"
        if step.heard:
            self._say(f"{clock} hears {printable(step.heard)}")
        speech = step.trace.decision.speech if step.trace.decision else ""
        if speech and speech not in self._said and len(self._said) < _SPEECHES_SHOWN:
            self._said.add(speech)
            self._say(f"{clock} says: {printable(speech)}")
        for event in step.events:
            if event.kind in _LOGGED:
                self._say(f"{clock} {event.words()}")

    def on_episode_end(self, end: EpisodeEnd) -> None:
        """Say how it ended."""
        score = end.score
        counts = [f"{title} {score.count(name)}" for title, name in end.world.tallies]
        futile = f" ({score.futile_decisions} in vain)" if score.futile_decisions else ""
        counted = ", ".join([*counts, f"decisions {score.decisions}{futile}"])
        self._say(f"  {end.world.lived(score.ticks)}, {end.outcome}; {counted}")

    def close(self) -> None:
        """Nothing is open."""

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Return untrusted text as one line of at most 240 characters that cannot steer a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LETTERS else line[: _LETTERS - 3] + "..."


def sureness(answer: Answer) -> str:
    """Return how sure an answer is, of which one where it was kept back, and what memory says."""
    withheld = " and ".join(f"“{printable(one)}”" for one in dict.fromkeys(answer.withheld))
    if withheld and answer.said == UNKNOWN:
        off = answer.support is Support.OFF_THE_POINT
        return f"{withheld} is off the point" if off else f"its memory does not bear out {withheld}"
    name = "stated confidence" if answer.stated else "answer probability"
    of = "" if answer.text == answer.said else f" of “{printable(answer.said)}”"
    borne_out = ", borne out by memory" if answer.support is Support.SUPPORTED else ""
    instead = f", in place of {withheld}" if withheld else ""
    return f"{name}{of} {answer.confidence:.0%}{borne_out}{instead}"


def seen(step: StepRecord) -> Text:
    """Return what the avatar sees, looking up, as coloured glyphs of two columns each."""
    picture = Text()
    for row in range(VIEW):
        for column in range(VIEW):
            picture.append_text(_glyph(step, column, row))
        picture.append("\n" if row + 1 < VIEW else "")
    return picture


def legend(step: StepRecord) -> Text:
    """Return what the glyphs of all that is in view stand for, the avatar's own first."""
    words = {_glyph(step, VIEW // 2, VIEW - 1).plain: "the body"}
    for row, column in np.ndindex(VIEW, VIEW):
        obj, state = (int(step.senses["image"][column, row, part]) for part in (0, 2))
        if obj not in _NEEDS_NO_WORDS:
            of_a_door = _DOOR_WORDS[state] if obj == Object.DOOR else ""
            of_a_plant = f" with {state} ripe" if obj in FOODS else ""
            name = f"{of_a_door}{step.world.objects[obj].replace('_', ' ')}{of_a_plant}"
            words.setdefault(_glyph(step, column, row).plain, name)
    shown = (f"{glyph.strip()}\u00a0{word}".replace(" ", "\u00a0") for glyph, word in words.items())
    return Text("  ".join(shown), style="dim")


def _glyph(step: StepRecord, column: int, row: int) -> Text:
    if (column, row) == (VIEW // 2, VIEW - 1):
        return Text(_POSTURES.get(step.stance, _UPRIGHT), style="bold white")
    obj, color, state = (int(value) for value in step.senses["image"][column, row])
    plain = obj in (Object.EMPTY, Object.FLOOR, Object.WALL)
    glyph = _DOORS[state] if obj == Object.DOOR else _GLYPHS.get(Object(obj), "? ")
    if obj in FOODS:
        glyph = f"{_PLANTS[Object(obj)]}{state}"
    return Text(glyph, style="dim" if plain else _COLOURS[Color(color)])


def _stance(step: StepRecord) -> str:
    """Return how the avatar stands, with a word more where that would not explain itself."""
    return step.world.stance_title + bearing(step.world, step.senses)


def felt(step: StepRecord) -> Table:
    """Return as a small table what is felt: balance, needs and pain, or what the hand has met."""
    table = Table.grid(padding=(0, 1))
    add = _add_touch if step.world.has("touch", "nothing_there") else _add_condition
    add(table, step)
    if step.trace.feeling:
        mood = f"{step.trace.feeling.mood:+.2f} {step.emotion}"
        table.add_row(Text("mood", style="dim"), Text(mood))
    return table


def _add_condition(table: Table, step: StepRecord) -> None:
    lean = step.sense("vestibular", "lean_forward_m")
    table.add_row(Text("balance", style="dim"), _needle(lean))
    for name, level in _levels(step):
        table.add_row(Text(name, style="dim"), _bar(level, "green"))
    table.add_row(Text("pain", style="dim"), _bar(float(step.senses["pain"].max()), "red"))
    if step.world.has("pain", "belly"):
        table.add_row(Text("belly", style="dim"), _bar(step.sense("pain", "belly"), "red"))


def _levels(step: StepRecord) -> Iterator[tuple[str, float]]:
    """Yield what a body of this world has to keep up, each with its level."""
    for name in _NEEDS:
        if name == "rest" and name in step.world.needs:
            yield name, 1.0 - step.sense("intero", "fatigue")
        elif step.world.has("intero", name) and (name != "cup" or step.world.portables):
            yield name, step.sense("intero", name)


def _add_touch(table: Table, step: StepRecord) -> None:
    table.add_row(Text("holds", style="dim"), Text(step.stance))
    for name in _TOUCHES:
        felt = step.sense("touch", name) > 0
        mark = Text("●" if felt else "·", style=_ALARMING.get(name, "green") if felt else "dim")
        table.add_row(Text(name.replace("_", " "), style="" if felt else "dim"), mark)


def _needle(lean_m: float, width: int = 17) -> Text:
    at = round((np.clip(lean_m / _REACH_M, -1, 1) + 1) / 2 * (width - 1))
    style = "bold red" if abs(lean_m) > 0.25 else "yellow" if abs(lean_m) > 0.13 else "green"
    bar = Text("─" * width, style="bright_black")
    bar.plain = bar.plain[:at] + "●" + bar.plain[at + 1 :]
    bar.stylize(style, at, at + 1)
    return bar


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _bar(level: float, colour: str, width: int = 17) -> Text:
    full = round(float(np.clip(level, 0, 1)) * width)
    return Text("━" * full, style=colour) + Text("─" * (width - full), style="bright_black")


def report(console: Console, ends: Sequence[EpisodeEnd], folder: Path) -> None:
    """Print what came of a run, and where to look at it.

    Args:
        console: Where to print.
        ends: The episodes, by number.
        folder: The run folder; named relative to the working folder where it is below it.
    """
    if ends:
        seldom = _seldom(ends, ends)
        missing = _TABLE_WIDTH + _SELDOM_WIDTH * len(seldom) - console.width
        console.print(_results(ends, narrow=missing > 0, seldom=missing <= _SPARED))
        if seldom and missing > _SPARED:
            console.print(", ".join(f"{name} {value}" for name, value in seldom.items()))
        if problem := never_usable([score_record(end.score, end.outcome) for end in ends]):
            console.print(Text(problem, "yellow"), soft_wrap=True)
    for name, path in _places(folder):
        # Soft wrap keeps a path in one piece, so that it can be clicked and copied.
        line = Text.assemble((f"{name:>8}  ", "dim"), str(path))
        console.print(line, soft_wrap=True)


def _results(ends: Sequence[EpisodeEnd], *, narrow: bool, seldom: bool) -> Table:
    among = ends if seldom else ()
    gap = (0, 1, 0, 0) if narrow else (0, 1)
    table = Table(box=None, header_style="dim", padding=gap, pad_edge=False)
    table.add_column(_head("episode", narrow), justify="right")
    table.add_column("outcome", no_wrap=True)
    for name in _numbers(ends, among):
        table.add_column(_head(name, narrow), justify="right")
    for end in ends[:_ROWS_SHOWN]:
        outcome = Text(end.outcome, style=_OUTCOMES[end.outcome])
        table.add_row(str(end.episode), outcome, *_numbers([end], among).values())
    if len(ends) > _ROWS_SHOWN:
        table.add_row("...", f"and {len(ends) - _ROWS_SHOWN} more")
    reached = sum(end.outcome == "success" for end in ends)
    table.add_section()
    total = _numbers(ends, among).values()
    table.add_row("all", f"{reached} of {len(ends)}", *total, style="bold")
    return table


def _head(name: str, narrow: bool) -> str:
    """Return the head of a column; in a narrow terminal in two lines."""
    return _HYPHENS.get(name, name.replace(" ", "\n")) if narrow else name


def _numbers(ends: Sequence[EpisodeEnd], among: Sequence[EpisodeEnd]) -> dict[str, str]:
    """Return statistics of some episodes of a table, by the names of the columns."""
    world = ends[0].world
    scores: list[Score] = [end.score for end in ends]
    first = {title: sum(score.count(name) for score in scores) for title, name in world.tallies}
    hurt = {"pain": f"{sum(score.pain_seconds for score in scores):.1f}"}
    lived = {world.lived_title: world.span(sum(score.ticks for score in scores))}
    numbers = (
        lived
        | first
        | (hurt if world.varies("pain", "knees") else {})
        | {
            "decisions": sum(score.decisions for score in scores),
            "tokens": sum(score.tokens for score in scores),
        }
        | _seldom(ends, among)
        | {"wall s": f"{wall_seconds(ends):.1f}"}
    )
    return {name: str(value) for name, value in numbers.items()}


def _seldom(ends: Sequence[EpisodeEnd], among: Sequence[EpisodeEnd]) -> dict[str, str]:
    """Return statistics of what few models have, where any episode of a table has some."""
    told = {
        "thought": str(sum(end.score.thinking_tokens for end in ends)),
        "cost": money(sum(end.score.cost for end in ends)),
    }
    has = {
        "thought": any(end.score.thinking_tokens for end in among),
        "cost": any(end.score.cost for end in among),
    }
    return {name: value for name, value in told.items() if has[name]}


def wall_seconds(ends: Sequence[EpisodeEnd]) -> float:
    """Return the wall time that some episodes took; avatars live theirs side by side."""
    by_avatar: dict[int, float] = {}
    for end in ends:
        by_avatar[end.avatar] = by_avatar.get(end.avatar, 0.0) + end.seconds
    return max(by_avatar.values())


def _places(folder: Path) -> list[tuple[str, Path]]:
    films = sorted((folder / "episodes").glob("*.mp4"))
    candidates = [("film", films[0])] if films else []
    candidates += [("page", folder / "replay.html"), ("folder", folder)]
    return [(name, near(path)) for name, path in candidates if path.exists()]
