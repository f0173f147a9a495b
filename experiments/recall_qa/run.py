"""How truthfully does a mind tell its own life? `python -m experiments.recall_qa.run`.

Careless bodies live in rooms that no training has seen, and are asked about it: some questions at
once, some after their memory was closed and opened again by new minds. All conditions are asked the
same. The answers of each condition are kept as they come, and a run in a folder with answers of the
same settings goes on from there.

Slow imports happen inside functions, so that help and mistakes are answered at once.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import (
    BadInput,
    Interrupted,
    built,
    command,
    near,
    one_line,
    stopping,
)
from experiments.running.memory import give_back_memory
from experiments.running.seeding import spawn_integer
from experiments.running.startup import Startup
from experiments.running.usable import words

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.recall_qa.conditions import Answerer, Inquiry, MajorityBaseline
    from experiments.recall_qa.episodes import Episodes
    from experiments.recall_qa.rollout import RolloutSpec
    from mind.language_models.types import LanguageModel
    from mind.memory import Memory
    from mind.reasoning.factory import LanguageMindFactory
    from mind.sense_encoder.encoder import SenseEncoder

RESULTS, TABLE, SETTINGS = "tell_run.json", "table.md", "settings.json"
CELLS, QUESTIONS = "cells", "questions"  # folders
DELAYS = SAME_DAY, RESTART = ("same_day", "restart")
_FILE_COLUMNS = 230  # of tables that go to a file
_MAY_DIFFER = ("conditions", "threads")  # between two runs in the same folder
_FITTING = "guessing"  # names the seed of the episodes that the baseline is fitted to


@command("recall_qa_run", f"{CELLS}/*")
def main(config: DictConfig, folder: Path) -> None:
    """Run episodes, ask all conditions about them, print tables, and keep the answers.

    Args:
        config: As in `configs/recall_qa_run.yaml`.
        folder: The run folder, which exists.

    Raises:
        BadInput: If a part cannot be built, a model fails for good, or nothing can be written.
        Interrupted: If somebody pressed Ctrl-C; what was under way is left out.
    """
    with closing(Startup("preparing lives to ask about")):
        check(config)
        _run(config, folder)


def _run(config: DictConfig, folder: Path) -> None:
    """Run episodes, ask about them, and print tables, also of what was asked until it stopped."""
    from rich.console import Console

    from experiments.recall_qa.rollout import Stopped
    from mind.language_models.types import LanguageModelError

    console = Console(width=None if sys.stdout.isatty() else _FILE_COLUMNS)
    cells = _Cells(config, folder)
    if before := sum(1 for _ in (folder / CELLS).iterdir()):
        console.print(f"goes on in {near(folder)}: {before} answered before", highlight=False)
    finished = False
    try:
        with stopping() as stopped, ExitStack() as opened:
            _Benchmark(config, cells, console, stopped, opened).go()
        finished = True
    except Stopped:
        raise Interrupted from None
    except (LanguageModelError, OSError) as error:
        raise BadInput(one_line(error)) from error
    finally:
        _report(console, cells, "finished" if finished else "unfinished")


def check(config: DictConfig) -> None:
    """Refuse what cannot be measured.

    Raises:
        BadInput: If something is out of range.
    """
    from experiments.ground_truth.questions import Phrasings
    from experiments.recall_qa.conditions import CONDITIONS
    from experiments.recall_qa.rollout import WORLDS

    for name, known in (
        *(("conditions", tuple(CONDITIONS)), ("worlds", WORLDS), ("delays", DELAYS)),
        ("phrasings", tuple(Phrasings)),
    ):
        given = list(config[name])
        if not given or len({*given}) < len(given) or not {*given} <= {*known}:
            raise BadInput(
                f"{name} must be among {', '.join(known)}, each once, got {', '.join(given)}"
            )
    for name, least in (("seeds", 1), ("bodies", 2), ("episodes", 1), ("questions", 2), ("seed", 0),
                        ("threads", 1)):  # fmt: skip
        if not isinstance(config[name], int) or config[name] < least:
            raise BadInput(f"{name} must be a whole number of at least {least}, got {config[name]}")
    if not 0 < config.threshold < 1:
        raise BadInput(f"threshold must be above 0 and below 1, got {config.threshold}")


# ---- Living and asking ----


class _Benchmark:
    """Goes through all worlds and seeds, and asks every condition whose answers are not there yet.

    Args:
        config: As in `configs/recall_qa_run.yaml`.
        cells: Keeps the answers.
        console: Where progress is printed.
        stopped: Asked now and then whether to stop.
        opened: What is built is closed with it.
    """

    def __init__(
        self,
        config: DictConfig,
        cells: "_Cells",
        console: "Console",
        stopped: Callable[[], bool],
        opened: ExitStack,
    ):
        import torch

        from agents.background import Background

        torch.set_num_threads(config.threads)
        self._config, self._cells, self._console, self._stopped = config, cells, console, stopped
        self._background = Background()
        self._model: LanguageModel = built("mind.language_model", config, ExitStack())
        opened.callback(self._background.close, self._model.close)
        self._senses: SenseEncoder | None = _encoder(config)
        self._baselines: dict[str, MajorityBaseline] = {}
        self._arms = self._able()

    def go(self) -> None:
        """Ask all there is to ask.

        Raises:
            Stopped: If it was stopped.
        """
        for world in self._config.worlds:
            for number in range(self._config.seeds):
                if any(self._missing(world, number, delay) for delay in self._config.delays):
                    self._run_and_ask(world, number)

    def _able(self) -> list[str]:
        """Return the conditions that can be asked, and say which cannot."""
        from experiments.recall_qa.conditions import CONDITIONS

        feels = self._model.takes_soft_tokens and self._senses is not None
        left_out = [
            name
            for name in self._config.conditions
            if CONDITIONS[name].mode == "felt" and not feels
        ]
        if left_out:
            why = "the language model has no projector, or there is no encoder of senses"
            self._console.print(f"{', '.join(left_out)}: left out, {why}", highlight=False)
        able = [name for name in self._config.conditions if name not in left_out]
        if not able:
            raise BadInput(
                "nobody is left to ask; train with python -m experiments.train_question_answering"
            )
        return able

    def _missing(self, world: str, number: int, delay: str) -> list[str]:
        return [name for name in self._arms if not self._cells.has(world, number, delay, name)]

    def _run_and_ask(self, world: str, number: int) -> None:
        """Run episodes, ask about them, close the memory, open it again, and ask once more."""
        from experiments.ground_truth.questions import Phrasings
        from experiments.recall_qa.conditions import inquiries_about
        from experiments.recall_qa.rollout import careless_rollout
        from mind.memory import ExperienceStore

        where = self._where(world, number)
        memory = self._cells.new_memory(world, number)
        began = time.perf_counter()
        with careless_rollout(where, memory, self._senses, self._stopped) as episodes:
            seconds = time.perf_counter() - began
            self._console.print(
                f"{world}, seed {number}: {len(episodes.graphs)} episodes in {seconds:.1f} wall s",
                highlight=False,
            )
            sets = [Phrasings(name) for name in self._config.phrasings]
            every = inquiries_about(episodes, self._config.questions, where.seed, sets)
            self._cells.agree_on(world, number, every)
            asked = {delay: every[at::2] for at, delay in enumerate(DELAYS)}
            self._ask_all(where, number, SAME_DAY, episodes, asked[SAME_DAY])
        with ExperienceStore(memory) as reopened:
            again = replace(episodes, memory=reopened)
            self._ask_all(where, number, RESTART, again, asked[RESTART])

    def _where(self, world: str, number: int, split: str = "test") -> "RolloutSpec":
        from experiments.recall_qa.rollout import RolloutSpec

        name = f"{world} {number}" if split == "test" else f"{world} {_FITTING}"
        return RolloutSpec(
            world=world,
            split=split,
            seed=spawn_integer(self._config.seed, name),
            bodies=self._config.bodies,
            episodes=self._config.episodes,
        )

    def _ask_all(
        self,
        where: "RolloutSpec",
        number: int,
        delay: str,
        episodes: "Episodes",
        inquiries: Sequence["Inquiry"],
    ) -> None:
        """Ask the conditions whose answers are missing, and keep those of each when all are in."""
        from experiments.recall_qa.conditions import CONDITIONS, ask, narrations
        from experiments.recall_qa.rollout import Stopped

        if delay not in self._config.delays:
            return
        for name in self._missing(where.world, number, delay):
            if self._stopped():
                raise Stopped
            began = time.perf_counter()
            answerer = self._answerer(name, where, episodes)
            records = ask(CONDITIONS[name], answerer, episodes, inquiries, self._config.threshold)
            narrated = narrations(answerer, episodes) if CONDITIONS[name].narrates else []
            self._cells.add(where.world, number, delay, name, records, narrated)
            line = _line(name, delay, records, time.perf_counter() - began)
            self._console.print(line, markup=False, soft_wrap=True)
            give_back_memory()

    def _answerer(self, name: str, where: "RolloutSpec", episodes: "Episodes") -> "Answerer":
        from experiments.recall_qa.conditions import (
            CONDITIONS,
            MAJORITY,
            ORACLE,
            MindAnswerer,
            Oracle,
        )

        if name == ORACLE:
            return Oracle()
        if name == MAJORITY:
            return self._majority_baseline(where.world)
        minds = self._minds(episodes.memory)
        return MindAnswerer(CONDITIONS[name], minds, episodes, where.spec, self._background)

    def _minds(self, memory: "Memory") -> "LanguageMindFactory":
        from mind.reasoning.factory import LanguageMindFactory

        try:
            return LanguageMindFactory(
                self._model, memory, seed=self._config.seed, senses=self._senses
            )
        except ValueError as error:
            raise BadInput(one_line(error)) from error

    def _majority_baseline(self, world: str) -> "MajorityBaseline":
        """Return the baseline that is fitted to questions about episodes in rooms of training."""
        import numpy as np

        from experiments.ground_truth.questions import Balance, questions_of
        from experiments.recall_qa.conditions import MajorityBaseline
        from experiments.recall_qa.rollout import careless_rollout

        if world not in self._baselines:
            where = self._where(world, 0, split="train")
            rng = np.random.default_rng(where.seed)
            with careless_rollout(where, ":memory:", None, self._stopped) as episodes:
                graphs = episodes.graphs.values()
                seen = [one for graph in graphs for one in questions_of(graph, rng)]
            balance = Balance()
            self._baselines[world] = MajorityBaseline.fit(
                [one for one in seen if balance.keeps(one)]
            )
        return self._baselines[world]


def _encoder(config: DictConfig) -> "SenseEncoder | None":
    """Return the encoder of senses: the chosen one, or the one that came with the model."""
    from mind.sense_encoder.encoder import EncoderError, encoder_of, load_encoder

    try:
        return (
            load_encoder(config.senses) if config.senses else encoder_of(config.mind.language_model)
        )
    except EncoderError as error:
        raise BadInput(one_line(error)) from error


# ---- Keeping and reporting ----


class _Cells:
    """The answers of each condition, in a file of the run folder for each world, seed and delay.

    Raises:
        BadInput: If there are answers of other settings.
    """

    def __init__(self, config: DictConfig, folder: Path):
        self.config, self.folder = config, folder
        self._settings: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        self._agree()
        for name in (CELLS, QUESTIONS):
            (folder / name).mkdir(exist_ok=True)

    def _agree(self) -> None:
        from experiments.running.record import write_json, write_provenance

        path = self.folder / SETTINGS
        lasting = {key: value for key, value in self._settings.items() if key not in _MAY_DIFFER}
        if path.exists() and json.loads(path.read_text("utf-8")) != lasting:
            raise BadInput(
                f"{self.folder} has answers of other settings; take another hydra.run.dir"
            )
        write_json(path, lasting)
        write_provenance(self.folder, self._settings, {"world": self.config.seed})

    def agree_on(self, world: str, number: int, inquiries: Sequence["Inquiry"]) -> None:
        """Keep what is asked, or refuse to ask something else than before: conditions are compared.

        Raises:
            BadInput: If an earlier run in this folder has asked something else.
        """
        from experiments.running.record import write_json

        path = self.folder / QUESTIONS / f"{world}_{number}.json"
        asked = [
            [one.body_id, one.question.text, one.question.answer, one.insisting]
            for one in inquiries
        ]
        if path.exists() and json.loads(path.read_text("utf-8"))["questions"] != asked:
            raise BadInput(
                f"{path} has other questions than there are now, so that conditions could not be "
                "compared; the code has changed since: take another hydra.run.dir"
            )
        write_json(path, {"questions": asked})

    def new_memory(self, world: str, number: int) -> Path:
        """Return where bodies may keep what they live; what an earlier run kept there is gone."""
        path = self.folder / f"memory-{world}-{number}.sqlite"
        for old in self.folder.glob(f"{path.name}*"):
            old.unlink()
        return path

    def _path(self, world: str, number: int, delay: str, condition: str) -> Path:
        return self.folder / CELLS / f"{world}_{number}_{delay}_{condition}.json"

    def has(self, world: str, number: int, delay: str, condition: str) -> bool:
        """Say whether a condition has answered there."""
        return self._path(world, number, delay, condition).exists()

    def add(
        self,
        world: str,
        number: int,
        delay: str,
        condition: str,
        records: Sequence[dict[str, Any]],
        narrations: Sequence[dict[str, Any]],
    ) -> None:
        """Keep what a condition has answered, and narrated."""
        from experiments.running.record import write_json

        where = {"world": world, "seed": number, "delay": delay, "arm": condition}
        content = {"answers": list(records), "narrations": list(narrations)}
        write_json(self._path(world, number, delay, condition), where | content)

    def answers(self, part: str = "answers") -> dict[str, list[dict[str, Any]]]:
        """Return answers or narrations by configured condition, each with where it was given."""
        found: dict[str, list[dict[str, Any]]] = {}
        for world in self.config.worlds:
            for number in range(self.config.seeds):
                for delay in self.config.delays:
                    for condition in self.config.conditions:
                        path = self._path(world, number, delay, condition)
                        found.setdefault(condition, []).extend(
                            _read(path, part) if path.exists() else []
                        )
        return found


def _read(path: Path, part: str) -> list[dict[str, Any]]:
    """Return a part of a file, each with where it was given and as which."""
    try:
        cell = json.loads(path.read_text("utf-8"))
        where = {name: cell[name] for name in ("world", "seed", "delay")}
        return [where | {"number": at} | one for at, one in enumerate(cell[part])]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({one_line(error)}); delete it to ask again") from error


def _line(name: str, delay: str, records: Sequence[dict[str, Any]], seconds: float) -> str:
    right = sum(record["right"] for record in records)
    problems = [record["problem"] for record in records if "problem" in record]
    mute = words(len(records), len(problems), next(iter(problems), ""), "answers")
    line = f"  {name}, {delay}: {right} of {len(records)} right in {seconds:.1f} wall s"
    return f"{line}; {mute}" if mute else line


def _report(console: "Console", cells: _Cells, status: str) -> None:
    """Print what is known, and write it into the run folder."""
    from experiments.recall_qa.results import sheets, summary
    from experiments.running.record import write_atomically, write_json

    answers = cells.answers()
    if not any(answers.values()):
        return
    heading = _heading(cells.config)
    narrated = cells.answers("narrations")
    tables = sheets(answers, narrated)
    write_json(
        cells.folder / RESULTS,
        {
            "status": status,
            "settings": json.loads((cells.folder / SETTINGS).read_text("utf-8")),
            **summary(answers, narrated),
        },
    )
    text = "\n".join(sheet.markdown() for sheet in tables)
    write_atomically(cells.folder / TABLE, f"{heading}\n\n{text}")
    console.print(f"\n{heading}\n", highlight=False)
    for sheet in tables:
        console.print(sheet.drawn())
        console.print()
    for name in (RESULTS, TABLE):
        console.print(str(cells.folder / name), soft_wrap=True, highlight=False)


def _heading(config: DictConfig) -> str:
    return (
        f"{config.seeds} seeds of {config.bodies} bodies with {config.episodes} episodes each, in "
        f"{', '.join(config.worlds)}; rooms of the test split, which no training has seen; "
        "95% intervals over bodies"
    )


if __name__ == "__main__":
    main()
