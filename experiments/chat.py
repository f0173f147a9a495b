"""Talk with a being about its life: `python -m experiments.chat +env=trip`.

What is typed is a question and nothing else: it is never run, and no marker in it means anything.
Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import (
    BadInput,
    Interrupted,
    built,
    command,
    one_line,
    require_world,
)

if TYPE_CHECKING:
    from rich.console import Console

    from agents.being import Being
    from experiments.recall_qa.episodes import Episodes
    from mind.claims.language import Claim, Verdict
    from mind.reasoning.question_answering import Answer

TALK = "talk.jsonl"
LONGEST_LINE = 10_000  # characters; of what is longer the rest is thrown away
TURNS_KEPT = 3  # of a conversation, that a following question is asked with
EXAMPLES = 3


@command("chat", TALK, "episodes/*")
def main(config: DictConfig, folder: Path) -> None:
    """Let a being live, or open a past run, and answer what is typed.

    Args:
        config: A `ChatConfig`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, there is no such run, or a model fails for good.
        Interrupted: If somebody pressed Ctrl-C.
    """
    _check(config)
    from rich.console import Console

    from mind.language_models.types import LanguageModelError

    with ExitStack() as opened:
        try:
            being, episodes = _past(config, opened) if config.run else _run(config, folder, opened)
            host = Host(config, being, episodes, Console(), page=Path(config.run or folder))
            _converse(host, folder)
        except (LanguageModelError, OSError) as error:
            raise BadInput(one_line(error)) from error
        except KeyboardInterrupt:
            raise Interrupted from None


def _check(config: DictConfig) -> None:
    from experiments.recall_qa.options import check_asking

    if not config.run:
        require_world(config)
    check_asking(config)


# ---- Whose life ----


def _run(config: DictConfig, folder: Path, opened: ExitStack) -> tuple["Being", "Episodes"]:
    """Run the configured being, to be asked about its episodes."""
    from experiments.recall_qa.episodes import run_and_record

    being, episodes, finished = run_and_record(config, folder, opened)
    if not finished:
        raise Interrupted
    return being, episodes


def _past(config: DictConfig, opened: ExitStack) -> tuple["Being", "Episodes"]:
    """Open the memory and the truth of a past run, for a being of the same name.

    Raises:
        BadInput: If that is no such run.
    """
    from experiments.ground_truth.files import read_truth
    from experiments.recall_qa.episodes import Episodes

    run = Path(config.run)
    graphs = read_truth(run)
    _take_over(config, run)
    being: Being = built("agent", config, opened)
    return being, Episodes(
        run_id=being.run_id,
        body_ids=tuple(mind.body_id for mind in being.minds),
        memory=being.memory,
        graphs={(graph.body_id, graph.episode): graph for graph in graphs},
        nows={},  # that was then
    )


def _take_over(config: DictConfig, run: Path) -> None:
    """Take over from a past run who lived, where, and what is remembered of it."""
    try:
        past = json.loads((run / "run.json").read_text(encoding="utf-8"))["config"]
        named = {
            "world": past["world"],
            "avatars": past["avatars"],
            "clock": past["clock"],
            "agent.name": past["agent"]["name"],
            "agent.run_id": past["agent"]["run_id"],
            "memory.path": str(run / "memory.sqlite"),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{run / 'run.json'} is of no being's run; give another folder") from error
    if not (run / "memory.sqlite").is_file():
        raise BadInput(f"{run} must hold memory.sqlite, which is missing; give another folder")
    for key, value in named.items():
        OmegaConf.update(config, key, value)


# ---- The talk ----


@dataclass(slots=True)
class Host:
    """Puts questions to the first body of a batch, and checks what it answers.

    Attributes:
        config: A `ChatConfig`.
        being: Who answers.
        episodes: What it has lived.
        console: Where it is printed.
        page: The folder with the replay page.
        turns: Questions and answers of the conversation that is going on.
    """

    config: DictConfig
    being: "Being"
    episodes: "Episodes"
    console: "Console"
    page: Path
    turns: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, question: str) -> tuple["Answer", list[tuple["Claim", "Verdict"]]]:
        """Return the answer to what was typed, and each of its claims with its verdict."""
        from envs.engine.spec import find
        from experiments.ground_truth.checker import Checker
        from mind.claims.parser import claims_in

        if not self.follows(question):
            self.turns = []
        body_id = self.episodes.body_ids[0]
        graphs = self.episodes.graphs_of(body_id)
        question_answerer = self.being.question_answerer(
            0, mode=self.config.mode, ablations=tuple(self.config.ablations)
        )
        asked = question_answerer.ask(
            question,
            threshold=self.config.threshold,
            before=self.turns,
            now=self.episodes.nows.get((body_id, graphs[-1].episode)),
        )
        (answer,) = self.being.answers([asked])
        about = self.turns[0][0] if self.turns else question
        self.turns = [*self.turns[:TURNS_KEPT], (question, answer.said)]
        checker = Checker(graphs)
        claims = claims_in(about, answer.text, find(graphs[-1].world))
        return answer, [(claim, checker.check(claim)) for claim in claims]

    def follows(self, question: str) -> bool:
        """Return whether what was typed goes on: it names no event, and no episode."""
        from mind.claims.parser import episode_of, question_of

        new = episode_of(question) is not None or question_of(question) is not None
        return bool(self.turns) and not new


def _converse(host: Host, folder: Path) -> None:
    """Answer each line that is typed, until there are no more, and keep the talk."""
    from rich.text import Text

    from mind.reasoning.question_answering import LONGEST_QUESTION

    if not any(graph.nodes for graph in host.episodes.graphs_of(host.episodes.body_ids[0])):
        host.console.print("nothing happened to it; it may have little to say")
    if sys.stdin.isatty():
        _invite(host)
    with (folder / TALK).open("w", encoding="utf-8", buffering=1) as file:
        for typed in _typed(sys.stdin):
            if not (question := readable(typed)):
                continue
            if not sys.stdin.isatty():
                host.console.print(Text(f"\n> {question}", style="bold"), soft_wrap=True)
            record = _turn(host, question, too_long=len(typed.strip()) > LONGEST_QUESTION)
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _turn(host: Host, question: str, *, too_long: bool) -> dict[str, Any]:
    """Ask, print the answer, and return the turn as it is kept."""
    from experiments.recall_qa.display import answer_record

    follows = host.follows(question)
    answer, checked = host.answer(question)
    record = answer_record(answer, checked, host.episodes.memory)
    if too_long:
        host.console.print(f"(only the first {len(question)} characters are read)", style="dim")
    _print_answer(host, answer, [verdict for _, verdict in checked], record["memories"])
    return {"question": question, "follows": follows} | record


def _print_answer(
    host: Host, answer: "Answer", verdicts: list["Verdict"], memories: list[dict[str, Any]]
) -> None:
    from rich.text import Text

    from experiments.recall_qa.display import memory_line, verdict_text
    from experiments.viewers.terminal import printable, sureness

    said = Text.assemble((printable(answer.text), "bold cyan"), (f"   {sureness(answer)}", "dim"))
    host.console.print(said.append_text(verdict_text(answer, verdicts)), soft_wrap=True)
    world = next(iter(host.episodes.graphs.values())).world
    for memory in memories:
        host.console.print(memory_line(memory, world, host.page), soft_wrap=True)


def _invite(host: Host) -> None:
    """Say what can be asked, with examples from this very life."""
    from experiments.ground_truth.questions import NEVER, UNKNOWN
    from experiments.recall_qa.answers import questions_about, spread

    host.console.print("\nAsk it about its life, such as", style="bold", highlight=False)
    body_id = host.episodes.body_ids[0]
    known = [
        (whose, question)
        for whose, question in questions_about(host.episodes, 0)
        if whose == body_id and question.answer not in (UNKNOWN, NEVER)
    ]
    for _, question in spread(known, EXAMPLES, host.config.seed):
        host.console.print(f"  {question.text}", style="dim", highlight=False)
    host.console.print("Ctrl-D ends the talk.", style="dim", highlight=False)


# ---- What is typed ----


def _typed(stream: TextIO) -> Iterator[str]:
    """Yield the lines that somebody types, or that come through a pipe, until they end."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")  # whatever bytes come
    if not stream.isatty():
        yield from _piped(stream)
        return
    with suppress(ImportError):
        import readline  # noqa: F401  # arrows and history
    while True:
        try:
            yield input("\n> ")
        except EOFError:
            print()
            return


def _piped(stream: TextIO) -> Iterator[str]:
    """Yield lines of at most `LONGEST_LINE` characters, however long they are."""
    while line := stream.readline(LONGEST_LINE):
        rest = line
        while rest and not rest.endswith("\n"):
            rest = stream.readline(LONGEST_LINE)
        yield line


def readable(typed: str) -> str:
    """Return what was typed as the one line that is asked, without anything that steers."""
    from mind.reasoning.question_answering import as_question

    return as_question("".join(c if c.isprintable() else " " for c in typed))


if __name__ == "__main__":
    main()
