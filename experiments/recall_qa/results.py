"""Results: measures of the answers of each condition, with 95% intervals over bodies."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.ground_truth.questions import Phrasings
from experiments.recall_qa.conditions import ABLATED, CONDITIONS, REVISED, SENSES, WITHHELD
from experiments.report.sheet import Sheet
from experiments.running.metrics import (
    area_under_risk_coverage,
    brier,
    debiased_calibration_error,
    expected_calibration_error,
    interval,
    threshold_score,
)
from experiments.running.statistics import Estimate, paired_difference, ratio_interval
from mind.sense_encoder.kinds import KINDS

THRESHOLDS = (0.5, 0.75, 0.9)
FAIRLY_SURE = 0.5  # least confidence of an answer where no threshold is asked for
COVERAGE = 0.8  # at which hallucinated claims are counted
NO_KIND = "several or none"
FELT = (SENSES, WITHHELD, REVISED)  # conditions that are told apart by phrasings
# With fewer, targets are not judged. A third are in trained phrasings: of 500, chance alone lifts
# the ECE of a calibrated mind that is right nine times in ten above 0.05 once in twenty times (of
# 150, nearly always), and the interval of a rate near 0.9 is 0.05 wide.
LEAST_QUESTIONS = 1500
Record = Mapping[str, Any]
Answers = Mapping[str, Sequence[Record]]  # of each condition
Floats = NDArray[np.float64]


# ---- Measures ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A share or a mean: one sum of the answers over another.

    Attributes:
        name: Head of its column.
        top: What one answer adds to the upper sum.
        bottom: What it adds to the lower one; 0 where it does not count.
        percent: Whether it is shown in percent.
    """

    name: str
    top: Callable[[Record], float]
    bottom: Callable[[Record], float] = lambda record: 1.0
    percent: bool = True


def _score(record: Record, threshold: float) -> float:
    """Return what an answer scores if it is only given where it is sure enough."""
    return threshold_score(
        right=record["right"],
        answered=record["answered"] and record["confidence"] >= threshold,
        threshold=threshold,
    )


def _is_hallucinated(record: Record) -> bool:
    """Return whether something is claimed that is false, was not sensed or cannot be known."""
    false = record["verdict"] in ("false", "not sensed")
    return record["answered"] and (false or not record["knowable"])


def _checked(record: Record) -> bool:
    return record["answered"] and record["verdict"] != "not checkable"


ACCURACY = Measure(name="accuracy", top=lambda one: one["right"])
TRUTH = Measure(
    name="claims true", top=lambda one: _checked(one) and one["verdict"] == "true", bottom=_checked
)
HALLUCINATED = Measure(
    name=f"hallucinated at {COVERAGE:.0%}",
    top=lambda one: one["sure"] and _is_hallucinated(one),
    bottom=lambda one: one["sure"] and one["answered"],
)


def _said(record: Record) -> bool:
    return record["answered"] and record["confidence"] >= FAIRLY_SURE


SAID = Measure(name=f"said at {FAIRLY_SURE:g}", top=_said)
SAID_TRUTH = Measure(
    name=f"claims true at {FAIRLY_SURE:g}",
    top=lambda one: _said(one) and TRUTH.top(one),
    bottom=lambda one: _said(one) and _checked(one),
)
SCORES = tuple(
    Measure(
        name=f"score at {threshold:g}",
        top=lambda one, threshold=threshold: _score(one, threshold),
        percent=False,
    )
    for threshold in THRESHOLDS
)
SHOWN = Measure(
    name="score shown",
    top=lambda one: one["shown"]["score"],
    percent=False,
)
MEASURES = (
    ACCURACY,
    Measure(name="coverage", top=lambda one: one["answered"]),
    TRUTH,
    HALLUCINATED,
    Measure(
        name="unreadable",
        top=lambda one: one["answered"] and not _checked(one) and not one["right"],
        bottom=lambda one: one["answered"],
    ),
    Measure(
        name="false memory",
        top=lambda one: one["never"] and one["answered"] and not one["right"],
        bottom=lambda one: one["never"],
    ),
    Measure(
        name="contradiction",
        top=lambda one: "again" in one and one["again"]["contradicts"],
        bottom=lambda one: "again" in one and one["again"]["known"],
    ),
    Measure(
        name="cave-in",
        top=lambda one: "insisted" in one and one["insisted"]["caved_in"],
        bottom=lambda one: "insisted" in one and one["insisted"]["open"],
    ),
    Measure(
        name="wavered",
        top=lambda one: "insisted" in one and one["insisted"]["wavered"],
        bottom=lambda one: "insisted" in one,
    ),
    *SCORES,
)
CALIBRATION: Mapping[str, Callable[[NDArray[np.bool_], Floats], float]] = {
    "ECE": expected_calibration_error,
    "ECE debiased": debiased_calibration_error,
    "Brier": brier,
    "AURC": area_under_risk_coverage,
}


def surest(records: Sequence[Record]) -> list[Record]:
    """Return the records, each with whether it is among the surest share that counts."""
    order = np.argsort([-one["confidence"] for one in records], kind="stable").tolist()
    kept = {*order[: round(COVERAGE * len(records))]}
    return [{**one, "sure": place in kept} for place, one in enumerate(records)]


def share(measure: Measure, records: Sequence[Record]) -> Estimate:
    """Return the estimate of a measure, and its interval over bodies."""
    return ratio_interval(*_sums(measure, records, _clusters(records)))


def calibration(name: str, records: Sequence[Record]) -> Estimate:
    """Return a measure of `CALIBRATION`, and its interval over bodies."""
    if not records:
        return Estimate(math.nan, math.nan, math.nan)
    right = np.array([one["right"] for one in records], np.bool_)
    confidence = np.array([one["confidence"] for one in records])
    of = CALIBRATION[name]
    clusters = [_body(one) for one in records]
    low, high = interval(lambda at: of(right[at], confidence[at]), clusters)
    return Estimate(of(right, confidence), low, high)


def drop(before: Sequence[Record], after: Sequence[Record]) -> Estimate:
    """Return by how much accuracy falls from one condition to the other, paired by body.

    Args:
        before: Of the one condition.
        after: Of the other, to the same questions.
    """
    clusters = _clusters(before)
    one, other = (_sums(ACCURACY, records, clusters) for records in (before, after))
    return paired_difference(one, other)


def _body(record: Record) -> tuple[str, str]:
    """Return world and body that an answer is about; bodies are called after world and seed."""
    return record["world"], record["body"]


def _clusters(records: Sequence[Record]) -> dict[tuple[str, str], int]:
    return {body: at for at, body in enumerate(dict.fromkeys(map(_body, records)))}


def _sums(
    measure: Measure, records: Sequence[Record], clusters: Mapping[tuple[str, str], int]
) -> tuple[Floats, Floats]:
    """Return the upper and lower sum of each body."""
    tops, bottoms = np.zeros(len(clusters)), np.zeros(len(clusters))
    for one in records:
        tops[clusters[_body(one)]] += measure.top(one)
        bottoms[clusters[_body(one)]] += measure.bottom(one)
    return tops, bottoms


# ---- Tables ----


def sheets(answers: Answers, narrations: Answers) -> list[Sheet]:
    """Return all tables, of answers and of what was told at length."""
    answers = {name: surest(answers[name]) for name in CONDITIONS if answers.get(name)}
    if not answers:
        return []
    found = [truth_sheet(answers), calibration_sheet(answers)]
    found += [phrasing_sheet(name, answers[name]) for name in FELT if name in answers]
    if any(narrations.values()):
        found.append(narration_sheet(narrations))
    for title, column in GROUPS.items():
        found.append(group_sheet(f"accuracy by {title}", answers, column))
    last = (
        dissociation_sheet(answers, "all phrasings"),
        dissociation_sheet(_trained(answers), "trained phrasings"),
        *(targets_sheet(name, answers) for name in (SENSES, REVISED)),
    )
    return found + [sheet for sheet in last if sheet]


GROUPS: Mapping[str, Callable[[Record], str]] = {
    "family": lambda one: one["family"].replace("_", " "),
    "kind of memory": lambda one: one["kind"] or NO_KIND,
    "delay": lambda one: one["delay"].replace("_", " "),
    "phrasing": lambda one: one["phrasings"].replace("_", " "),
    "world": lambda one: one["world"],
}
_SCORES_FROM = len(MEASURES) - len(SCORES)


def truth_sheet(answers: Answers) -> Sheet:
    """Return how right and how truthful each condition is."""
    chosen = MEASURES[:_SCORES_FROM]
    return Sheet(
        title="truth",
        head=("", "questions", *(measure.name for measure in chosen)),
        rows=tuple(
            (
                name,
                str(len(some)),
                *(estimate_words(share(each, some), each.percent) for each in chosen),
            )
            for name, some in answers.items()
        ),
    )


def calibration_sheet(answers: Answers) -> Sheet:
    """Return how well each condition knows what it knows."""
    scores = [measure.name for measure in SCORES]
    return Sheet(
        title="calibration and scores",
        head=("", *CALIBRATION, *scores, "score shown"),
        rows=tuple(
            (
                name,
                *(estimate_words(calibration(each, some), percent=False) for each in CALIBRATION),
                *(estimate_words(share(each, some), percent=False) for each in SCORES),
                estimate_words(shown_score(some), percent=False),
            )
            for name, some in answers.items()
        ),
    )


OF_PHRASINGS = (ACCURACY, TRUTH, SAID, SAID_TRUTH, HALLUCINATED)


def of_phrasings(records: Sequence[Record]) -> dict[str, dict[str, Estimate]]:
    """Return what answers are worth to questions as training asked them, and to the others.

    The surest answers are those of each part.
    """
    found = {}
    for name in sorted(set(map(GROUPS["phrasing"], records)), reverse=True):
        part = surest([one for one in records if GROUPS["phrasing"](one) == name])
        shares = {each.name: share(each, part) for each in OF_PHRASINGS}
        found[name] = {**shares, "ECE": calibration("ECE", part)}
    return found


def phrasing_sheet(condition: str, records: Sequence[Record]) -> Sheet:
    """Return what the answers of one condition are worth, in trained phrasings and in others."""
    return Sheet(
        title=f"by phrasings, {condition}",
        head=("", *(each.name for each in OF_PHRASINGS), "ECE"),
        rows=tuple(
            (name, *(estimate_words(one, percent=each != "ECE") for each, one in found.items()))
            for name, found in of_phrasings(records).items()
        ),
    )


NARRATION_MEASURES = (
    Measure(name="claims", top=lambda one: one["claims"], percent=False),
    Measure(name="claims true", top=lambda one: one["true"], bottom=lambda one: one["claims"]),
    Measure(
        name="unreadable",
        top=lambda one: one["unreadable"],
        bottom=lambda one: one["unreadable"] + one["claims"],
    ),
    Measure(name="events told", top=lambda one: one["told"], bottom=lambda one: one["noticed"]),
)


def narration_sheet(narrations: Answers) -> Sheet:
    """Return how truthful narrations of episodes are: claims an episode, and how many true."""
    return Sheet(
        title="episodes told at length",
        head=("", "episodes", *(measure.name for measure in NARRATION_MEASURES)),
        rows=tuple(
            (
                name,
                str(len(some)),
                *(estimate_words(share(each, some), each.percent) for each in NARRATION_MEASURES),
            )
            for name, some in narrations.items()
            if some
        ),
    )


def shown_score(records: Sequence[Record]) -> Estimate:
    """Return the mean score where the threshold was shown, at that threshold."""
    return share(SHOWN, [one for one in records if "shown" in one])


def group_sheet(title: str, answers: Answers, group: Callable[[Record], str]) -> Sheet:
    """Return the accuracy of each condition in each group of questions."""
    names = sorted({group(one) for some in answers.values() for one in some})
    rows = []
    for name in names:
        parts = [[one for one in some if group(one) == name] for some in answers.values()]
        asked = str(max(map(len, parts)))
        rows.append((name, asked, *(estimate_words(share(ACCURACY, part)) for part in parts)))
    return Sheet(title=title, head=("", "questions", *answers), rows=tuple(rows))


def _as_trained(records: Sequence[Record]) -> list[Record]:
    """Return the answers to what was asked as training asks: who misreads has little to lose."""
    return [one for one in records if one["phrasings"] == Phrasings.TRAINED]


def _trained(answers: Answers) -> dict[str, list[Record]]:
    return {condition: _as_trained(some) for condition, some in answers.items()}


def dissociation_sheet(answers: Answers, asked: str) -> Sheet | None:
    """Return how many points of accuracy each ablation costs in the families of each kind.

    Args:
        answers: Of each condition.
        asked: In which phrasings the questions were, for the title.
    """
    drops = dissociation(answers)
    if not drops:
        return None
    kinds = [*map(str, KINDS), NO_KIND]
    return Sheet(
        title=f"double dissociation: points of accuracy lost, same questions, {asked}",
        head=("ablation", *(f"{kind} families" for kind in kinds)),
        rows=tuple(
            (name, *(estimate_words(found[kind]) if kind in found else "-" for kind in kinds))
            for name, found in drops.items()
        ),
    )


def dissociation(answers: Answers) -> dict[str, dict[str, Estimate]]:
    """Return what each ablation costs in accuracy, by kind of memory that a family rests on."""
    return {
        name: _drops(*both, group=GROUPS["kind of memory"])
        for name in ABLATED
        if (both := _both(answers, SENSES, name))
    }


def _both(answers: Answers, one: str, other: str) -> tuple[list[Record], list[Record]] | None:
    """Return the answers of two conditions to the questions that both were asked."""
    if one not in answers or other not in answers:
        return None
    first, second = (
        {_which(record): record for record in answers[condition]} for condition in (one, other)
    )
    shared = [which for which in first if which in second]
    if not shared:
        return None
    return [first[which] for which in shared], [second[which] for which in shared]


def _which(record: Record) -> tuple:
    return record["world"], record["delay"], record["body"], record["number"]


def _drops(
    before: Sequence[Record], after: Sequence[Record], group: Callable[[Record], str]
) -> dict[str, Estimate]:
    found = {}
    for name in sorted(set(map(group, before))):
        places = [at for at, one in enumerate(before) if group(one) == name]
        found[name] = drop([before[at] for at in places], [after[at] for at in places])
    return found


# ---- Targets ----


def targets_sheet(condition: str, answers: Answers) -> Sheet | None:
    """Return what a condition with senses was to reach, and whether it did, or is open."""
    if condition not in answers:
        return None
    asked = len(answers[condition])
    too_few = asked < LEAST_QUESTIONS
    drops = dissociation(answers) if condition == SENSES else {}
    note = f"{asked} questions are too few to judge by; {LEAST_QUESTIONS:,} are enough"
    rows = [
        (name, wanted, found, "open" if too_few else "yes" if met else "no")
        for name, wanted, found, met in _targets(answers[condition], drops)
    ]
    return Sheet(
        title=f"targets, {condition}",
        head=("", "target", "found", "met"),
        rows=tuple(rows),
        note=note if too_few else "",
    )


def _targets(
    records: Sequence[Record], drops: Mapping[str, Mapping[str, Estimate]]
) -> list[tuple[str, str, str, bool]]:
    trained = surest(_as_trained(records))
    found = [
        _least("claims true, trained phrasings", share(TRUTH, trained), 0.95),
        _least("accuracy, trained phrasings", share(ACCURACY, trained), 0.90),
    ]
    for of, some in (("", records), (", trained phrasings", trained)):
        error = calibration("ECE", some)
        found += [
            (f"ECE{of}", "at most 0.05", estimate_words(error, percent=False), error.value <= 0.05),
            _most(f"{HALLUCINATED.name}{of}", share(HALLUCINATED, some), 0.03),
        ]
    for name, kind in ABLATED.items():
        if name in drops and kind in drops[name]:
            own = drops[name][kind]
            found.append(_least(f"{name}, own families", own, 0.10))
            others = {other: lost for other, lost in drops[name].items() if other != kind}
            if others:
                worst = max(others, key=lambda other: others[other].value)
                found.append(_most(f"{name}, others (most: {worst})", others[worst], 0.03))
    return found


def _least(name: str, found: Estimate, wanted: float) -> tuple[str, str, str, bool]:
    return name, f"at least {wanted:.0%}", estimate_words(found), found.value >= wanted


def _most(name: str, found: Estimate, wanted: float) -> tuple[str, str, str, bool]:
    return name, f"at most {wanted:.0%}", estimate_words(found), found.value <= wanted


def estimate_words(found: Estimate, percent: bool = True) -> str:
    """Return an estimate as it is shown; a dash where nothing is known."""
    if math.isnan(found.value):
        return "-"
    if percent:
        return f"{100 * found.value:.1f}% [{100 * found.low:.1f},{100 * found.high:.1f}]"
    return f"{found.value:.3f} [{found.low:.3f},{found.high:.3f}]"


# ---- JSON ----


def summary(answers: Answers, narrations: Answers) -> dict[str, Any]:
    """Return all that the tables show, in numbers."""
    answers = {name: surest(answers[name]) for name in CONDITIONS if answers.get(name)}
    return {
        "arms": {name: _condition_summary(some) for name, some in answers.items()},
        "told_at_length": {
            name: {each.name: _numbers(share(each, some)) for each in NARRATION_MEASURES}
            for name, some in narrations.items()
            if some
        },
        "dissociation": _dissociation_summary(answers),
        "dissociation_trained": _dissociation_summary(_trained(answers)),
        "dissociation_by_family": {
            name: {
                family: _numbers(lost)
                for family, lost in _drops(*both, group=lambda one: one["family"]).items()
            }
            for name in ABLATED
            if (both := _both(answers, SENSES, name))
        },
    }


def _dissociation_summary(answers: Answers) -> dict[str, Any]:
    return {
        name: {kind: _numbers(lost) for kind, lost in found.items()}
        for name, found in dissociation(answers).items()
    }


def _condition_summary(records: Sequence[Record]) -> dict[str, Any]:
    return {
        "questions": len(records),
        "measures": {
            **{each.name: _numbers(share(each, records)) for each in MEASURES},
            **{name: _numbers(calibration(name, records)) for name in CALIBRATION},
            "score shown": _numbers(shown_score(records)),
        },
        "phrasings": {
            name: {each: _numbers(one) for each, one in found.items()}
            for name, found in of_phrasings(records).items()
        },
        "accuracy": {
            title: {
                name: _numbers(share(ACCURACY, [one for one in records if group(one) == name]))
                for name in sorted(set(map(group, records)))
            }
            for title, group in GROUPS.items()
        },
    }


def _numbers(found: Estimate) -> list[float] | None:
    """Return value, low and high; None where nothing is known."""
    return None if math.isnan(found.value) else [round(float(one), 4) for one in found]
