"""What TRL's `GRPOTrainer(environment_factory=...)` takes; TRL itself is not needed for it.

Skills of the body and tools of the mind are methods, which a trainer offers to a model as tools; a
life is one rollout, and its reward what the world gave. What a body knows, feels and remembers is
told in the words in which a mind is asked.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

from body.skills.initiation import fitting
from body.skills.spec import SKILL_SPECS
from body.types import Manner, Skill, WorldSpec, skills_of
from experiments.interfaces.lives import BEGINS, OVER, LifeFactory, Total
from mind.reasoning.parsing import parse_reply
from mind.reasoning.tools import TOOLS

NORMAL = Manner.NORMAL.name.lower()
_DOES = {spec.skill: inspect.cleandoc(spec.pursue.__doc__ or "").splitlines()[0]
         for spec in SKILL_SPECS}  # fmt: skip
_DOES[Skill.CARRY_TO] = "Carry what is in the hand up to an object."


class LifeEnvironment:
    """A life that a model leads by calling tools; `environment_factory` adds a method for each.

    Attributes:
        factory: Of the life.
        tools: The methods that are tools.
    """

    factory: LifeFactory
    tools: tuple[Callable[..., str], ...]

    def __init__(self):
        self._life = self.factory.make()
        self._total = Total(done=True)

    def reset(self, **row: Any) -> str:
        """Begin a new life and return how things are.

        Args:
            row: Of the dataset: its columns seed, index, split and context are those of
                `Life.reset`, where there are such; others mean nothing here.
        """
        self._total = Total()
        begins = {name: row[name] for name in BEGINS if name in row}
        return self._total.add(self._life.reset(**begins)).text

    @property
    def done(self) -> bool:
        """Whether the life is over."""
        return self._total.done

    @property
    def scores(self) -> list[Mapping[str, float]]:
        """What the world says of each episode that has ended."""
        return self._total.scores

    @property
    def fallbacks(self) -> int:
        """For how many decisions no reply could be used."""
        return self._total.fallbacks

    def get_reward(self) -> float:
        """Return what the world gave in this life."""
        return self._total.reward

    def _reply(self, text: str) -> str:
        return OVER if self._total.done else self._total.add(self._life.reply(text)).text


def environment_factory(world: str, *options: str) -> type[LifeEnvironment]:
    """Return a class of environments: its instances are one world, with these options.

    Args:
        world: Name of the world: ``"trip"``.
        options: As of `LifeFactory.for_world`: ``"level=2"``, ``"mind.tools=[recall]"``.

    Raises:
        BadInput: If such a life cannot be led.

    Example:
        >>> environment = environment_factory("trip", "level=0")()
        >>> environment.reset(seed=6).splitlines()[0]
        'mission: go to the blue goal'
        >>> environment.go_to("blue goal", "normal")
        'It is over.'
    """
    factory = LifeFactory.for_world(world, *options)
    skills = [_of_skill(skill, factory.spec) for skill in skills_of(factory.spec)]
    tools = (*skills, *(_of_tool(name) for name in factory.tools))
    own: dict[str, Any] = {tool.__name__: tool for tool in tools}
    own |= {"factory": factory, "tools": tools, "__doc__": LifeEnvironment.__doc__}
    return type("LifeEnvironment", (LifeEnvironment,), own)


def as_call(reply: str, spec: WorldSpec) -> tuple[str, dict[str, str]]:
    """Return the tool and the arguments that mean the same as a mind's reply.

    Raises:
        NotUnderstood: If it is no reply that can be used.
    """
    intent = parse_reply(reply, spec).intent
    arguments: dict[str, str] = {}
    if intent.target is not None:
        arguments["target"] = intent.target.words(spec)
        if spec.has_gait:
            arguments["manner"] = intent.manner.name.lower()
    return intent.skill.name.lower(), arguments


# ---- Methods, with the types and docstrings that a tool is described by ----


def _of_skill(skill: Skill, spec: WorldSpec) -> Callable[..., str]:
    """Return the method that has the body do something."""
    words = skill.name.lower().replace("_", " ")
    things = [spec.objects[number] for number in fitting(skill, spec)]

    def alone(self: LifeEnvironment) -> str:
        return self._reply(f"<answer>{words}, {NORMAL}</answer>")

    def with_target(self: LifeEnvironment, target: str) -> str:
        return self._reply(f"<answer>{words} {target}, {NORMAL}</answer>")

    def with_manner(
        self: LifeEnvironment, target: str, manner: Literal["careful", "normal", "fast"]
    ) -> str:
        return self._reply(f"<answer>{words} {target}, {manner}</answer>")

    named = f"Colour and kind: {', '.join(things)}."
    if not skill.takes_target:
        return _named(alone, skill.name.lower(), _DOES[skill])
    if not spec.has_gait:
        return _named(with_target, skill.name.lower(), _DOES[skill], target=named)
    how = "Careful is slow and safe, fast is quick and risky."
    return _named(with_manner, skill.name.lower(), _DOES[skill], target=named, manner=how)


def _of_tool(name: str) -> Callable[..., str]:
    """Return the method that asks something before the body does anything."""
    tool = TOOLS[name]

    def ask(self: LifeEnvironment, about: str) -> str:
        return self._reply(f"<{name}>{about}</{name}>")

    return _named(ask, name, f"Learn {tool.gives}.", about=f"{tool.argument}.")


def _named(
    method: Callable[..., str], name: str, does: str, **arguments: str
) -> Callable[..., str]:
    """Return a method with the name and the docstring that tools are described by."""
    told = [f"    {argument}: {meaning}" for argument, meaning in arguments.items()]
    lines = [does, "", *(["Args:", *told, ""] if told else []), "Returns:"]
    method.__doc__ = "\n".join([*lines, "    How things are then."])
    method.__name__, method.__qualname__ = name, f"LifeEnvironment.{name}"
    method.__annotations__.pop("self")  # which is no argument of the tool
    return method
