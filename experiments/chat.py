"""Talk with a being about its life: `python -m experiments.chat +env=trip`.

What is typed is a question and nothing else: it is never run, and no marker in it means anything.
Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from omegaconf import DictConfig

from experiments.running.cli import (
    BadInput,
    Interrupted,
    command,
    one_line,
    require_world,
)
from experiments.running.startup import Startup
from experiments.running.usable import Usefulness

if TYPE_CHECKING:
    from rich.console import Console

    from agents.being import Being
    from body.types import WorldSpec
    from experiments.ground_truth.graph import EventGraph
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
    if not config.run:
        require_world(config)
    about = "a past run" if config.run else config.world
    with closing(Startup(f"preparing to talk about {about}")) as startup, ExitStack() as opened:
        from experiments.recall_qa.options import check_asking

        check_asking(config)
        from rich.console import Console

        from experiments.recall_qa.past_run import past_run
        from mind.language_models.types import LanguageModelError

        try:
            run = Path(config.run) if config.run else folder
            lived = (past_run if config.run else _run)(config, run, opened, startup)
            _converse(Host(config, *lived, Console(), page=run), folder)
        except (LanguageModelError, OSError) as error:
            raise BadInput(one_line(error)) from error
        except KeyboardInterrupt:
            raise Interrupted from None


def _run(
    config: DictConfig, folder: Path, opened: ExitStack, startup: Startup
) -> tuple["Being", "Episodes"]:
    """Run the configured being, to be asked about its episodes."""
    from experiments.recall_qa.episodes import run_and_record

    being, episodes, finished = run_and_record(config, folder, opened, startup)
    if not finished:
        raise Interrupted
    return being, episodes


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

    @property
    def graphs(self) -> tuple["EventGraph", ...]:
        """What happened in the episodes that are asked about, by number."""
        return self.episodes.graphs_of(self.episodes.body_ids[0])

    @property
    def spec(self) -> "WorldSpec":
        """The world of these episodes."""
        return self.episodes.spec

    def refusal(self, question: str) -> str:
        """Return why this body cannot be asked that, in its own words; empty where it can."""
        lived = [graph.episode for graph in self.graphs]
        answerer = self.being.question_answerer(0)
        return answerer.refusal(question, lived=lived, follows=self.follows(question))

    def answer(self, question: str) -> tuple["Answer", list[tuple["Claim", "Verdict"]]]:
        """Return the answer to what was typed, and each of its claims with its verdict."""
        from experiments.ground_truth.checker import Checker
        from experiments.recall_qa.answers import checked_chain
        from mind.claims.question_parser import claims_in

        if not self.follows(question):
            self.turns = []
        body_id, graphs = self.episodes.body_ids[0], self.graphs
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
        if answer.followed:
            return answer, checked_chain(answer.followed.chain, answer.text, graphs)
        checker = Checker(graphs)
        claims = claims_in(about, answer.text, self.spec)
        return answer, [(claim, checker.check(claim)) for claim in claims]

    def follows(self, question: str) -> bool:
        """Return whether what was typed goes on: it names no event, and no episode."""
        from mind.claims.chain_grammar import chain_of
        from mind.claims.question_parser import episode_of, question_of

        new = episode_of(question) is not None or question_of(question) is not None
        return bool(self.turns) and not new and chain_of(question, self.spec) is None


def _converse(host: Host, folder: Path) -> None:
    """Answer each line that is typed, until there are no more, and keep the talk."""
    from rich.text import Text

    from mind.reasoning.answering import LONGEST_QUESTION

    if not any(graph.nodes for graph in host.graphs):
        host.console.print("nothing happened to it; it may have little to say")
    if sys.stdin.isatty():
        _invite(host)
    heard = Usefulness("answers")
    with (folder / TALK).open("w", encoding="utf-8", buffering=1) as file:
        for typed in _typed(sys.stdin):
            question = readable(typed)
            if not typed.strip():
                host.console.print("ask a question; Ctrl-D ends the talk", style="dim")
                continue
            if not sys.stdin.isatty():
                host.console.print(Text(f"\n> {question}", style="bold"), soft_wrap=True)
            record = _turn(host, heard, question, too_long=len(typed.strip()) > LONGEST_QUESTION)
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    if heard.problem:
        host.console.print(heard.problem, markup=False, highlight=False, soft_wrap=True)


def _turn(host: Host, heard: Usefulness, question: str, *, too_long: bool) -> dict[str, Any]:
    """Ask, print the answer, and return the turn as it is kept."""
    from experiments.recall_qa.display import answer_record

    turn = {"question": question, "follows": host.follows(question)}
    if too_long:
        host.console.print(f"(only the first {len(question)} characters are read)", style="dim")
    if refused := host.refusal(question):
        host.console.print(refused, style="bold cyan", markup=False, soft_wrap=True)
        return turn | {"answer": refused, "refused": True, "claims": [], "memories": []}
    answer, checked = host.answer(question)
    heard.hear(answer)
    record = answer_record(answer, checked, host.episodes.memory)
    _print_answer(host, answer, [verdict for _, verdict in checked], record["memories"])
    return turn | {"refused": False} | record


def _print_answer(
    host: Host, answer: "Answer", verdicts: list["Verdict"], memories: list[dict[str, Any]]
) -> None:
    from rich.text import Text

    from experiments.recall_qa.display import memory_line, step_lines, verdict_text
    from experiments.viewers.terminal import printable, sureness

    said = Text.assemble((printable(answer.text), "bold cyan"), (f"   {sureness(answer)}", "dim"))
    host.console.print(said.append_text(verdict_text(answer, verdicts)), soft_wrap=True)
    for line in step_lines(answer, host.spec):
        host.console.print(f"  {line}", style="dim", markup=False, highlight=False, soft_wrap=True)
    for memory in memories:
        line = memory_line(memory, host.spec, host.page, width=host.console.width)
        host.console.print(line, soft_wrap=True)


def _invite(host: Host) -> None:
    """Say what can be asked, with examples from this very life."""
    from experiments.recall_qa.suggestions import suggestions

    host.console.print("\nAsk it about its life, such as", style="bold", highlight=False)
    for text in suggestions(host.episodes, host.episodes.body_ids[0], EXAMPLES, host.config.seed):
        host.console.print(f"  {text}", style="dim", highlight=False, soft_wrap=True)
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
    from mind.reasoning.answering import as_question

    return as_question("".join(c if c.isprintable() else " " for c in typed))


if __name__ == "__main__":
    main()
