"""Tables: a condition in each row, a measure in each column; for terminals and as Markdown."""

from collections.abc import Mapping, Sequence

from experiments.balrog_babyai.measures import MEASURES, ConditionEpisodes, differences, estimate
from experiments.balrog_babyai.public import Figure
from experiments.report.measures import SUCCESS, Columns
from experiments.report.sheet import Sheet
from experiments.running.statistics import wilson


def task_sheets(
    conditions: Sequence[ConditionEpisodes], labels: Mapping[str, str], tasks: list[str]
) -> list[Sheet]:
    """Return the table of each task, and, if there are several, that of all episodes together.

    Args:
        conditions: Episodes of each condition.
        labels: What conditions are called in tables, by name.
        tasks: In the order of the tables.
    """
    found = []
    for task in tasks:
        rows = [
            (condition, condition.columns.get(task), condition.seconds.get(task, 0.0))
            for condition in conditions
        ]
        found.append(_sheet(task, rows, labels))
    if len(tasks) == 1:
        return found
    together = [
        (condition, condition.together(tasks), sum(condition.seconds.values()))
        for condition in conditions
    ]
    return [*found, _sheet(f"mean of {len(tasks)} tasks", together, labels)]


def _sheet(
    title: str,
    rows: Sequence[tuple[ConditionEpisodes, Columns | None, float]],
    labels: Mapping[str, str],
) -> Sheet:
    return Sheet(
        title=title,
        head=("", "episodes", *(measure.name for measure in MEASURES), "wall s"),
        rows=tuple(
            (
                labels[condition.name],
                str(len(columns["success"])),
                *_words(columns),
                f"{seconds:.1f}",
            )
            for condition, columns, seconds in rows
            if columns
        ),
    )


def _words(columns: Columns) -> list[str]:
    return [measure.words(estimate(measure, columns)) for measure in MEASURES]


def touch_sheet(pairs: Sequence[tuple[str, Columns, Columns]], tasks: list[str]) -> Sheet:
    """Return by how much measures with touch exceed those without, in the same episodes.

    Args:
        pairs: Whose they are, the episodes with touch, and the same episodes without.
        tasks: That all of it is about.
    """
    rows = []
    for label, one, other in pairs:
        found = differences(one, other)
        rows.append((label, {each.name: each.words(value, sign="+") for each, value in found}))
    names = [each.name for each in MEASURES if any(each.name in words for _, words in rows)]
    return Sheet(
        title=f"with touch minus without, in the same episodes of {', '.join(tasks)}",
        head=("", *names),
        rows=tuple((label, *(words.get(name, "-") for name in names)) for label, words in rows),
    )


# ---- What others have published ----


def public_sheet(figures: Sequence[Figure], tasks: list[str]) -> Sheet:
    """Return what zero-shot language models have reached: another class, and other layouts."""
    return Sheet(
        title="another class: zero-shot language models, as published (BALROG, language only)",
        head=(
            *("", *tasks, "mean of BALROG's 5", "episodes", "distractors"),
            *("tokens a success", "ticks a success", "date", "run again by BALROG"),
        ),
        rows=tuple(_public_row(figure, tasks) for figure in figures),
    )


def _public_row(figure: Figure, tasks: list[str]) -> tuple[str, ...]:
    solved = [f"{figure.solved[task]}/{figure.each}" if figure.solved else "-" for task in tasks]
    ticks = None if figure.steps is None else figure.steps * figure.episodes
    return (
        *(figure.name, *solved, _public_mean(figure), str(figure.episodes)),
        {True: "yes", False: "no", None: "not known"}[figure.distractors],
        _amount(figure.a_success(figure.tokens), 0),
        _amount(figure.a_success(ticks), 1),
        figure.date,
        "yes" if figure.verified else "no",
    )


def _amount(number: float | None, decimals: int) -> str:
    return "-" if number is None else f"{number:.{decimals}f}"


def _public_mean(figure: Figure) -> str:
    low, high = wilson(round(figure.percent * figure.episodes / 100), figure.episodes)
    return f"{figure.percent:.0f}% [{100 * low:.0f},{100 * high:.0f}]"


def success_words(columns: Columns) -> str:
    """Return the success of episodes as it is told while others still live."""
    return SUCCESS.words(estimate(SUCCESS, columns))
