"""Prompts: from what a body senses, feels and remembers to the text a language model is shown."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from body.types import SKILLS_WITH_A_TARGET, Intent, Manner, Percept, Skill, Target, Vocabulary
from mind.language_models.types import Prompt
from mind.narration import doing_words, feeling_words, scene
from mind.types import Feeling, Situation

FOLDER = Path(__file__).parent / "prompts"
_TEMPLATES = ("system.txt", "decide.txt", "repair.txt")
_REPEATED = 400  # characters of a refused reply that the model is shown again


class Prompts:
    """The texts of a mind, from a folder of Jinja templates.

    Args:
        folder: Holds `system.txt`, `decide.txt` and `repair.txt`; None is the one that comes
            with the mind.

    Raises:
        ValueError: If a template is missing or cannot be read.
    """

    def __init__(self, folder: str | Path | None = None):
        self.folder = Path(folder) if folder else FOLDER
        environment = Environment(
            loader=FileSystemLoader(self.folder),
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
        )
        try:
            self._system, self._decide, self._repair = map(environment.get_template, _TEMPLATES)
        except TemplateError as error:
            raise ValueError(
                f"prompts need {', '.join(_TEMPLATES)} in '{self.folder}', got a template that "
                f"cannot be used: {type(error).__name__}: {error}"
            ) from error
        self._system_texts: dict[Vocabulary, str] = {}

    def decide(
        self,
        percept: Percept,
        feeling: Feeling,
        situation: Situation,
        recalled: Sequence[str] = (),
    ) -> Prompt:
        """Return what one avatar's mind is asked.

        Args:
            percept: Of one avatar, without the leading axis.
            feeling: What the soul makes of it.
            situation: What is under way.
            recalled: What comes to mind, in words, best first; the first one is called #1.
        """
        user = self._decide.render(
            scene=scene(percept),
            feeling=feeling_words(feeling),
            recent=situation.recent,
            recalled=recalled,
            doing=doing_words(situation, percept),
            can_start=[_name(skill) for skill in situation.can_start],
        )
        return Prompt.of(system=self._system_text(percept.vocabulary), user=user.strip())

    def repair(self, prompt: Prompt, reply: str, problem: str) -> Prompt:
        """Return the conversation in which a reply is sent back, with what was wrong with it."""
        shown = reply if len(reply) <= _REPEATED else reply[:_REPEATED] + "..."
        return prompt.then(reply=shown, user=self._repair.render(problem=problem).strip())

    def _system_text(self, vocabulary: Vocabulary) -> str:
        """Return the part that does not change from decision to decision."""
        if vocabulary not in self._system_texts:
            self._system_texts[vocabulary] = self._system.render(
                skills_with_a_thing=[_name(skill) for skill in Skill if _takes_a_thing(skill)],
                skills_without_a_thing=[
                    _name(skill) for skill in Skill if not _takes_a_thing(skill)
                ],
                manners=[manner.name.lower() for manner in Manner],
                examples=[example.words(vocabulary) for example in _examples(vocabulary)],
            ).strip()
        return self._system_texts[vocabulary]


def _takes_a_thing(skill: Skill) -> bool:
    return skill in SKILLS_WITH_A_TARGET


def _name(skill: Skill) -> str:
    return skill.name.lower().replace("_", " ")


def _examples(vocabulary: Vocabulary) -> list[Intent]:
    thing = min(vocabulary.targets - vocabulary.hazards)
    examples = [Intent(skill=Skill.GO_TO, target=Target(thing=thing, skin=0))]
    if vocabulary.hazards:
        hazard = Target(thing=min(vocabulary.hazards), skin=min(2, len(vocabulary.skins) - 1))
        examples.append(Intent(skill=Skill.CROSS, target=hazard, manner=Manner.CAREFUL))
    return [*examples, Intent(skill=Skill.GET_UP)]
