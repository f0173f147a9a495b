"""What a person sees of an answer: how sure it is, what it rests on, and whether it is true."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from body.types import WorldSpec
from experiments.viewers.terminal import printable
from mind.claims.chains import EVERY, Step
from mind.claims.events import event_table
from mind.claims.grammar import texts
from mind.claims.language import Attribute, Claim, Verdict
from mind.memory import Memory
from mind.reasoning.decomposition import StepTaken
from mind.reasoning.question_answering import UNKNOWN, Answer

_STYLES = {Verdict.TRUE: "green", Verdict.FALSE: "bold red", Verdict.NOT_SENSED: "yellow"}
AS_IT_STANDS = "its steps are not understood: it was asked as it stands"
_WIDE, _LEAST = 60, 4  # characters of a memory's words, at most and at least


def remembered(memory: Memory, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return what came to mind: number, episode, all its ticks and words, in order of time."""
    return [
        {
            "id": id,
            "episode": experience.episode,
            "first_tick": experience.first_tick,
            "last_tick": experience.last_tick,
            "ticks": memory.ticks(id),
            "words": experience.words,
        }
        for id, experience in zip(ids, memory.get(ids), strict=True)
    ]


def claim_record(claim: Claim) -> dict[str, Any]:
    """Return a claim as JSON has it."""
    return {
        "event": claim.event,
        "thing": claim.thing,
        "subject": claim.subject,
        "attribute": claim.attribute,
        "value": claim.value,
        "episode": claim.when.episode,
        "occurrence": claim.when.occurrence,
        "tick": claim.when.tick,
    }


def answer_record(
    answer: Answer, checked: Sequence[tuple[Claim, Verdict]], memory: Memory
) -> dict[str, Any]:
    """Return an answer as JSON has it, with what it claims and what it rests on."""
    return {
        "answer": answer.text,
        "said": answer.said,
        "confidence": round(answer.confidence, 4),
        "support": answer.support,
        "withheld": list(answer.withheld),
        **({"multi_hop": steps} if (steps := steps_record(answer)) else {}),
        "claims": [claim_record(claim) | {"verdict": verdict} for claim, verdict in checked],
        "verdict": worst(verdict for _, verdict in checked),
        "memories": remembered(memory, answer.memories),
    }


def steps_record(answer: Answer) -> dict[str, Any]:
    """Return the steps of an answer as JSON has them; empty where the question takes one."""
    followed = answer.followed
    if followed is None:
        return {"problem": AS_IT_STANDS, "steps": []} if answer.unread else {}
    return {
        "problem": followed.problem,
        "steps": [
            {
                "event": taken.step.event,
                "link": taken.step.link,
                "nth": taken.step.nth,
                "thing": taken.step.thing,
                "memories": list(taken.selected),
                "inferred": taken.inferred and claim_record(taken.inferred),
            }
            for taken in followed.steps
        ],
    }


def step_lines(answer: Answer, spec: WorldSpec) -> list[str]:
    """Return the steps of an answer in words, a line each, with what they cite; see `Followed`.

    Example: ``"step 2: the next picked up after it: #12, blue box, episode 0, 4.2 s"``
    """
    followed = answer.followed
    if followed is None:
        return [AS_IT_STANDS] if answer.unread else []
    lines = [
        f"step {number}: {_step_words(taken.step)}: {_cited(taken, spec)}"
        for number, taken in enumerate(followed.steps, start=1)
    ]
    return [*lines, followed.problem] if followed.problem else lines


def _step_words(step: Step) -> str:
    """Return which event a step looks for, shortly."""
    name = event_table()[step.event].noticed.partition("[")[0]
    which = "all" if step.nth == EVERY else f"the {texts()['chains'][step.link][step.nth]}"
    of_it = " of the like" if step.link.is_like else step.thing and f" of {step.thing}"
    where = {"": "", "after": " after it", "before": " before it"}
    joined = step.link.removeprefix("like_").replace("start", "")
    return f"{which} '{name}'{of_it}{where[joined]}"


def _cited(taken: StepTaken, spec: WorldSpec) -> str:
    """Return the memories that a step cites, and what it infers from them."""
    cited = ", ".join(f"#{id}" for id in taken.selected) or "nothing"
    claim = taken.inferred
    if claim is None:
        return cited
    if claim.attribute is Attribute.COUNT:
        return f"{cited}; {claim.value} in all"
    when = f"episode {claim.when.episode}, {spec.clock(claim.when.tick or 0).strip()}"
    return ", ".join(filter(None, (cited, claim.thing, when)))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what is to be said of several claims together; of none, that it is not checkable."""
    found = set(verdicts)
    order = (Verdict.FALSE, Verdict.NOT_SENSED, Verdict.NOT_CHECKABLE, Verdict.TRUE)
    return next((one for one in order if one in found), Verdict.NOT_CHECKABLE)


def verdict_text(answer: Answer, verdicts: Sequence[Verdict]) -> Text:
    """Return a verdict in its colour, after a comma; of several claims, how many are true."""
    if answer.text == UNKNOWN:
        return Text()
    verdict = worst(verdicts)
    said = str(verdict)
    if len(verdicts) > 1:
        said = f"{list(verdicts).count(Verdict.TRUE)} of {len(verdicts)} claims true"
    return Text.assemble((", ", "dim"), (said, _STYLES.get(verdict, "dim")))


def link(record: dict[str, Any]) -> str:
    """Return where on the replay page a memory can be watched."""
    return f"replay.html#e={record['episode']}&t={record['first_tick']}"


def memory_line(record: dict[str, Any], spec: WorldSpec, folder: Path, *, width: int) -> Text:
    """Return a memory in a line: its number, episode, time and words, and a link to watch it.

    Its words are shortened until all of it fits, so that no terminal breaks the link.

    Args:
        record: One of `remembered`.
        spec: World of the episodes.
        folder: The run's, where the replay page is.
        width: Columns of the terminal.
    """
    clock = spec.clock(record["first_tick"]).strip()
    line = Text(f"  #{record['id']} episode {record['episode']}, {clock}: ", style="dim")
    page, watch = folder / "replay.html", Text()
    if page.exists():
        target = page.resolve().as_uri() + link(record).removeprefix("replay.html")
        watch = Text.assemble("  ", (link(record), f"not dim cyan link {target}"))
    words = Text(printable(record["words"]))
    words.truncate(max(_LEAST, min(_WIDE, width - len(line) - len(watch))), overflow="ellipsis")
    return line.append_text(words).append_text(watch)
