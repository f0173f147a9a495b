"""What a person sees of an answer: how sure it is, what it rests on, and whether it is true."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from body.types import WorldSpec
from experiments.viewers.terminal import printable
from mind.claims.language import Claim, Verdict
from mind.memory import Memory
from mind.reasoning.question_answering import UNKNOWN, Answer

_STYLES = {Verdict.TRUE: "green", Verdict.FALSE: "bold red", Verdict.NOT_SENSED: "yellow"}
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
        "claims": [claim_record(claim) | {"verdict": verdict} for claim, verdict in checked],
        "verdict": worst(verdict for _, verdict in checked),
        "memories": remembered(memory, answer.memories),
    }


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
