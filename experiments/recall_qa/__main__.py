"""Let a being recall its life, and check each answer: `python -m experiments.recall_qa +env=trip`.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from experiments.running.cli import (
    BadInput,
    Interrupted,
    command,
    one_line,
    require_world,
    stopping,
)
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import UNUSABLE, Usefulness

if TYPE_CHECKING:
    from rich.console import Console

    from agents.being import Being
    from experiments.recall_qa.answers import CheckedAnswer
    from experiments.recall_qa.episodes import Episodes

RESULTS = "tell.json"
_FAMILY = 11  # columns of the longest name of a family


@command("recall_qa", "episodes/*")
def main(config: DictConfig, folder: Path) -> None:
    """Let a being live, ask it, print what it says, and leave a run folder.

    The exit status is 1 if no reply of its language model could be used as an answer.

    Args:
        config: A `RecallQAConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, or a model fails for good.
        Interrupted: If somebody pressed Ctrl-C; what was answered until then is kept.
    """
    require_world(config)
    about = f"preparing to ask about {config.world}"
    with closing(Startup(about)) as startup, ExitStack() as opened:
        check(config)
        from rich.console import Console

        from experiments.recall_qa.episodes import run_and_record
        from mind.language_models.types import LanguageModelError

        being, episodes, finished = run_and_record(config, folder, opened, startup)
        if not finished:
            raise Interrupted
        try:
            problem = _ask(config, folder, being, episodes, Console())
        except (LanguageModelError, OSError) as error:
            raise BadInput(one_line(error)) from error
        if problem:
            sys.exit(UNUSABLE)


def check(config: DictConfig) -> None:
    """Refuse what nobody can be asked.

    Raises:
        BadInput: If something is out of range.
    """
    from experiments.recall_qa.options import check_asking

    if config.questions < 1:
        raise BadInput(f"questions must be at least 1, got {config.questions}")
    if config.multi_hop < 0:
        raise BadInput(f"multi_hop must be at least 0, got {config.multi_hop}")
    check_asking(config)


# ---- Asking ----


def _ask(
    config: DictConfig, folder: Path, being: "Being", episodes: "Episodes", console: "Console"
) -> str:
    """Ask, print each answer as it comes, and keep all of them.

    Returns:
        That no reply could be used, in a sentence; else nothing.
    """
    from experiments.ground_truth.multi_hop import HOPS
    from experiments.recall_qa.answers import ask_all, multi_hop_about, questions_about, spread

    seed = spawn_integer(config.seed, "questions")
    questions = spread(questions_about(episodes, seed), config.questions, seed)
    for hops in HOPS:
        questions += multi_hop_about(episodes, hops, config.multi_hop, seed)
    if not questions:
        console.print("nothing happened that could be asked about; try another seed")
    asked: list[CheckedAnswer] = []
    with stopping() as stopped:
        for one in ask_all(
            being,
            episodes,
            questions,
            threshold=config.threshold,
            mode=config.mode,
            ablations=config.ablations,
            stopped=stopped,
        ):
            asked.append(one)
            _print_answer(console, one, episodes)
        _write(folder, asked, config.threshold, episodes)
        if asked:
            _print_table(console, asked, config.threshold)
            console.print(
                f"{'answers':>8}  {_near(folder / RESULTS)}", highlight=False, soft_wrap=True
            )
        if problem := _mute(asked):
            console.print(problem, markup=False, highlight=False, soft_wrap=True)
        if stopped():
            raise Interrupted
    return problem


def _mute(asked: Sequence["CheckedAnswer"]) -> str:
    heard = Usefulness("answers")
    for one in asked:
        heard.hear(one.answer)
    return heard.problem


def _write(
    folder: Path, asked: Sequence["CheckedAnswer"], threshold: float, episodes: "Episodes"
) -> None:
    from experiments.recall_qa.display import answer_record, claim_record
    from experiments.running.record import write_json

    write_json(
        folder / RESULTS,
        {
            "threshold": threshold,
            "score": round(sum(one.score(threshold) for one in asked), 4),
            "families": {name: _counts(some) for name, some in _by_family(asked).items()},
            "questions": [
                {
                    "body": one.body_id,
                    "episode": one.question.episode,
                    "family": one.question.family,
                    "kind": one.question.kind,
                    "question": one.question.text,
                    "right_answer": one.question.answer,
                    "right_claim": one.question.claim and claim_record(one.question.claim),
                    "outcome": one.outcome,
                    **answer_record(one.answer, one.checked, episodes.memory),
                }
                for one in asked
            ],
        },
    )


def _by_family(asked: Sequence["CheckedAnswer"]) -> dict[str, list["CheckedAnswer"]]:
    families: dict[str, list[CheckedAnswer]] = {}
    for one in asked:
        families.setdefault(one.question.family, []).append(one)
    return dict(sorted(families.items()))


def _counts(asked: Sequence["CheckedAnswer"]) -> dict[str, int]:
    """Return how many questions there were, and how many answers of each worth."""
    outcomes = [str(one.outcome) for one in asked]
    names = ("right", "wrong", "unsaid")
    return {"asked": len(asked)} | {name: outcomes.count(name) for name in names}


# ---- What a person sees ----


def _print_answer(console: "Console", one: "CheckedAnswer", episodes: "Episodes") -> None:
    """Print a question, its answer, what that rests on, and the truth where it differs."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from experiments.recall_qa.answers import Outcome
    from experiments.recall_qa.display import remembered, step_lines, verdict_text
    from experiments.viewers.terminal import printable, sureness

    styles = {Outcome.RIGHT: "green", Outcome.WRONG: "red", Outcome.UNSAID: "yellow"}
    said = Text(printable(one.answer.text), style=styles[one.outcome])
    said.append(f"   {sureness(one.answer)}", style="dim")
    lines = [Text(one.question.text, style="bold"), said + verdict_text(one.answer, [one.verdict])]
    if one.outcome is not Outcome.RIGHT:
        lines.append(Text(f"in truth: {one.question.answer}", style="dim"))
    if memories := remembered(episodes.memory, one.answer.memories):
        ticks = ", ".join(f"#{memory['id']} tick {memory['first_tick']}" for memory in memories)
        lines.append(Text(f"remembered: {ticks}", style="dim"))
    lines += [Text(line, style="dim") for line in step_lines(one.answer, episodes.spec)]
    row = Table.grid(padding=(0, 2))
    row.add_column(width=_FAMILY, justify="right", style="dim")
    row.add_column(overflow="fold")
    row.add_row(one.question.family.replace("_", " "), Group(*lines))
    console.print(row)


def _print_table(console: "Console", asked: Sequence["CheckedAnswer"], threshold: float) -> None:
    from rich.table import Table

    from experiments.running.metrics import threshold_score

    table = Table(box=None, header_style="dim", padding=(0, 1), pad_edge=False)
    table.add_column("family")
    for name in ("asked", "right", "wrong", "don't know", "score"):
        table.add_column(name, justify="right")
    for family, some in _by_family(asked).items():
        table.add_row(family.replace("_", " "), *_row(some, threshold))
    table.add_section()
    table.add_row("all", *_row(asked, threshold), style="bold")
    console.print(table)
    wrong = threshold_score(right=False, answered=True, threshold=threshold)
    console.print(
        f"score: 1 for what is right, {wrong:.2g} for what is wrong, 0 for “I don't know” "
        f"(threshold {threshold:g})",
        style="dim",
        highlight=False,
    )


def _row(asked: Sequence["CheckedAnswer"], threshold: float) -> list[str]:
    score = sum(one.score(threshold) for one in asked)
    return [*(str(count) for count in _counts(asked).values()), f"{score:+.1f}"]


def _near(path: Path) -> Path:
    """Return the path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    main()
