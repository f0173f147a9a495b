"""Prompts: from what a body senses, feels and remembers to the text a language model is shown."""

import json
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from numpy.typing import NDArray

from body.types import (
    Goal,
    Intent,
    Manner,
    Percept,
    Skill,
    Target,
    WorldSpec,
    skills_of,
)
from mind.language_models.types import FELT, BadPrompts, Message, Prompt, Role, Tools, unmarked
from mind.reasoning.narration import (
    command_words,
    doing_words,
    experience_words,
    feeling_words,
    memory_words,
    scene,
    walls,
)
from mind.reasoning.parsing import LONGEST_PLAN, answer_only
from mind.types import DecisionContext, Experience, Feeling

FOLDER = Path(__file__).parent.parent / "prompts"
_TEMPLATES = ("system.txt", "decide.txt", "repair.txt")
_ASK_TEMPLATES = ("ask_system.txt", "ask.txt")
_COMMAND_TEMPLATES = ("primitive/system.txt", "primitive/decide.txt", "repair.txt")
_REPEATED = 400  # characters of a refused reply that the model is shown again


class Mode(StrEnum):
    """How memories are shown to the language model: felt, in words, or not at all."""

    FELT = "felt"
    WORDS = "words"
    NONE = "none"


class Prompts:
    """The texts of a mind, from a folder of Jinja templates.

    Args:
        folder: Holds `system.txt`, `decide.txt` and `repair.txt`, and, for a world with a system
            text of its own, `<world>/system.txt`; None is the one that comes with the mind.
        shots: Worked examples from `<world>/examples.json` that are shown before what is asked, as
            turns of the conversation; at least 0.
        answers_only: Whether their replies are shown without thought, plan and speech, as where a
            model chooses.
        tools: The tools that may be asked, told at the end of the system text; None is none.
        native_tools: Whether a model may be asked to call them in its own way, if it has one.

    Raises:
        ValueError: If shots are negative.
        BadPrompts: If a template is missing or cannot be read.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        shots: int = 0,
        answers_only: bool = False,
        tools: Tools | None = None,
        native_tools: bool = True,
    ):
        if shots < 0:
            raise ValueError(f"shots must be at least 0, got {shots}")
        self._shots, self._answers_only, self._tools = shots, answers_only, tools
        self._native_tools = native_tools
        self._examples: dict[str, tuple[Message, ...]] = {}
        self.folder = Path(folder) if folder else FOLDER
        self._system, self._decide, self._repair = _templates(self.folder, _TEMPLATES)
        self._system_texts: dict[WorldSpec, str] = {}

    def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        context: DecisionContext,
        recalled: Sequence[str] = (),
        goals: Sequence[Goal] = (),
    ) -> Prompt:
        """Return what one avatar's mind is asked.

        Args:
            percept: Of one avatar, without the leading axis.
            feeling: What the soul makes of it.
            context: What is under way.
            recalled: What comes to mind, in words, best first; the first one is called #1.
            goals: What is left of the plan, in order.
        """
        user = _filled(
            self._decide,
            scene=scene(percept),
            goals=[goal.words(percept.spec) for goal in goals],
            feeling=feeling_words(feeling),
            recent=context.recent,
            recalled=recalled,
            doing=doing_words(context, percept),
            can_start=[_name(skill) for skill in context.can_start],
        )
        asked = Message(role=Role.USER, text=unmarked(user).strip())
        system = Message(role=Role.SYSTEM, text=self._system_text(percept.spec))
        messages = (system, *self.worked(percept.spec.name), asked)
        return Prompt(messages=messages, tools=self._tools if self._native_tools else None)

    def worked(self, world: str) -> tuple[Message, ...]:
        """Return the worked examples of a world as turns.

        Raises:
            BadPrompts: If there are fewer than are to be shown.
        """
        if self._shots and world not in self._examples:
            pairs = read_shots(self.folder / world / "examples.json", self._shots)
            self._examples[world] = tuple(
                Message(role=role, text=text)
                for asked, reply in pairs
                for role, text in ((Role.USER, asked), (Role.ASSISTANT, self._shown(reply)))
            )
        return self._examples.get(world, ())

    def _shown(self, reply: str) -> str:
        return answer_only(reply) if self._answers_only else reply

    def repair(self, prompt: Prompt, reply: str, problem: str) -> Prompt:
        """Return the conversation in which a reply is sent back, with what was wrong with it."""
        return _sent_back(self._repair, prompt, reply, problem)

    def _system_text(self, spec: WorldSpec) -> str:
        """Return the part that does not change from decision to decision."""
        if spec not in self._system_texts:
            skills = skills_of(spec)
            text = _filled(
                self._system_of(spec.name),
                skills_with_a_thing=[_name(skill) for skill in skills if _takes_an_object(skill)],
                skills_without_a_thing=[
                    _name(skill) for skill in skills if not _takes_an_object(skill)
                ],
                manners=[manner.name.lower() for manner in Manner],
                examples=[example.words(spec) for example in _examples(spec)],
                objects=[spec.objects[obj] for obj in sorted(spec.targets)],
                colors=spec.colors,
                most_goals=LONGEST_PLAN,
            )
            usage = self._tools.in_tags if self._tools else ""
            self._system_texts[spec] = f"{text.strip()}\n{usage}".strip()
        return self._system_texts[spec]

    def _system_of(self, world: str) -> Template:
        own = f"{world}/system.txt"
        has_own = (self.folder / own).is_file()
        return _templates(self.folder, [own])[0] if has_own else self._system


def read_shots(path: Path, count: int) -> list[tuple[str, str]]:
    """Return the first worked examples of a file: what was asked, and a good reply.

    Args:
        path: JSON, a list of objects with `asked` and `reply`.
        count: How many.

    Raises:
        BadPrompts: If the file cannot be read, or has fewer.
    """
    try:
        found = [(unmarked(one["asked"]), unmarked(one["reply"])) for one in _records(path)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadPrompts(
            f"shots need a list of objects with 'asked' and 'reply' in '{path}', {_amiss(error)}; "
            "set mind.shots=0, or write the file"
        ) from None
    if len(found) < count:
        raise BadPrompts(f"shots must be at most {len(found)}, which '{path}' has, got {count}")
    return found[:count]


def _amiss(error: Exception) -> str:
    """Return what is amiss with a file of worked examples."""
    if isinstance(error, OSError):
        there = "there is none" if isinstance(error, FileNotFoundError) else "it cannot be read"
        return f"but {there}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return f"got no JSON ({error})"
    return "got something else"


def _records(path: Path) -> list[dict[str, str]]:
    return json.loads(path.read_text("utf-8"))


class AskPrompts:
    """The prompts of question answering, from a folder of Jinja templates.

    Args:
        folder: Holds `ask_system.txt` and `ask.txt`; None is the one that comes with the mind.

    Raises:
        BadPrompts: If a template is missing or cannot be read.
    """

    def __init__(self, folder: str | Path | None = None):
        system, self._ask = _templates(Path(folder) if folder else FOLDER, _ASK_TEMPLATES)
        self._system = _filled(system).strip()

    def ask(
        self,
        question: str,
        experiences: Sequence[Experience],
        soft_tokens: Sequence[NDArray[np.float32]],
        *,
        now: NDArray[np.float32],
        threshold: float = 0.0,
        mode: Mode | str = Mode.FELT,
        spec: WorldSpec,
    ) -> Prompt:
        """Return what a mind is asked about its life.

        Args:
            question: In words; markers are taken out of it.
            experiences: What comes to mind, in order of time; nothing of it is shown without.
            soft_tokens: (5, 64) how each of them was felt.
            now: (3, 64) how it is now.
            threshold: How sure an answer is to be; 0 is not stated.
            mode: How memories are shown.
            spec: World of the experiences.

        Raises:
            ValueError: If there is no such mode.
        """
        mode = Mode(mode)
        lines = [f"now: {FELT}"] if mode is Mode.FELT else []
        if mode is not Mode.NONE:
            memories = (experience_line(one, mode=mode, spec=spec) for one in experiences)
            lines += [f"#{number} {line}" for number, line in enumerate(memories, start=1)]
        user = _filled(
            self._ask, told="\n".join(lines), threshold=threshold, question=unmarked(question)
        )
        vectors = (now, *soft_tokens) if mode is Mode.FELT else ()
        return Prompt.single_turn(system=self._system, user=user.strip(), soft_tokens=vectors)


class CommandPrompts:
    """The prompts of a mind that gives every motor command, from a folder of Jinja templates.

    Args:
        folder: Holds `primitive/system.txt`, `primitive/decide.txt` and `repair.txt`; None is the
            one that comes with the mind.

    Raises:
        BadPrompts: If a template is missing or cannot be read.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder) if folder else FOLDER
        templates = _templates(self.folder, _COMMAND_TEMPLATES)
        self._system, self._decide, self._repair = templates

    def decide(self, percept: Percept, lately: Sequence[str] = ()) -> Prompt:
        """Return what is asked for the next motor command.

        Args:
            percept: Of one avatar, without the leading axis.
            lately: The last commands in words, with what was felt, oldest first.
        """
        words = percept.spec
        system = _filled(self._system, world=words.name, actions=command_words(words))
        user = _filled(self._decide, scene=scene(percept), walls=walls(percept), lately=lately)
        return Prompt.single_turn(system=system.strip(), user=unmarked(user).strip())

    def repair(self, prompt: Prompt, reply: str, problem: str) -> Prompt:
        """Return the conversation in which a reply is sent back, with what was wrong with it."""
        return _sent_back(self._repair, prompt, reply, problem)


def experience_line(experience: Experience, *, mode: Mode, spec: WorldSpec) -> str:
    """Return a memory in one line: event, time and place, then what it was like, felt or in words.

    Example: ``fell at 4 s, for 1.7 s, around here, episode 2: <felt>``
    """
    like = FELT if mode is Mode.FELT else unmarked(experience_words(experience))
    return f"{unmarked(memory_words(experience, spec))}: {like}"


def _templates(folder: Path, names: Sequence[str]) -> list[Template]:
    environment = _environment(folder.resolve())
    try:
        return [environment.get_template(name) for name in names]
    except TemplateNotFound as error:
        raise BadPrompts(
            f"prompts need {', '.join(names)} in '{folder}', but there is no {error.name}; "
            f"begin with a copy of {FOLDER}"
        ) from error
    except TemplateSyntaxError as error:
        what = str(error.message).rstrip(".")
        raise BadPrompts(
            f"prompt template {error.filename}, line {error.lineno}: {what}; mend it"
        ) from error


def _filled(template: Template, **values: Any) -> str:
    """Return a template with values in place of names.

    Raises:
        BadPrompts: If it names something that there is not.
    """
    try:
        return template.render(**values)
    except TemplateError as error:
        raise BadPrompts(
            f"prompt template {template.filename} cannot be filled in: {error}; "
            f"the one in {FOLDER} shows what there is"
        ) from error


@cache  # each body has prompts of its own; Jinja reads a file again that has changed
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
    )


def _sent_back(template: Template, prompt: Prompt, reply: str, problem: str) -> Prompt:
    shown = reply if len(reply) <= _REPEATED else reply[:_REPEATED] + "..."
    return prompt.then(reply=shown, user=_filled(template, problem=problem).strip())


def _takes_an_object(skill: Skill) -> bool:
    return skill.takes_target


def _name(skill: Skill) -> str:
    return skill.name.lower().replace("_", " ")


def _examples(spec: WorldSpec) -> list[Intent]:
    obj = min(spec.targets - spec.hazards)
    examples = [Intent(skill=Skill.GO_TO, target=Target(object=obj, color=0))]
    if spec.foods:
        examples.append(Intent(skill=Skill.EAT, target=Target(object=min(spec.foods), color=0)))
    if spec.hazards:
        hazard = Target(object=min(spec.hazards), color=min(2, len(spec.colors) - 1))
        examples.append(Intent(skill=Skill.CROSS, target=hazard, manner=Manner.CAREFUL))
    last = Skill.GET_UP if Skill.GET_UP in skills_of(spec) else Skill.WAIT
    return [*examples, Intent(skill=last)]
