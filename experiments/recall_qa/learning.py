"""Questions about a life: answers are learned by whether they are true, and could be known.

Bodies live carelessly, as when answering was learned by example; what they are asked has one right
answer, which a checker of claims knows. A right answer is worth 1, "I don't know" nothing, and a
wrong one costs t / (1 - t), where it was to be at least as sure as t. A reply that says how sure it
is pays its Brier score besides (Damani et al. 2025, arXiv 2507.16806): it does best to say what is
so.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from agents.background import Background
from body.types import WorldSpec
from experiments.ground_truth.checker import Checker
from experiments.ground_truth.questions import UNKNOWN, Question
from experiments.recall_qa.answers import (
    AT_ONCE,
    CheckedAnswer,
    Outcome,
    checked_answer,
    questions_about,
    spread,
)
from experiments.recall_qa.episodes import Episodes
from experiments.recall_qa.results import COVERAGE
from experiments.recall_qa.rollout import careless_episodes
from experiments.running.cli import BadInput
from experiments.running.metrics import expected_calibration_error
from experiments.running.statistics import Estimate, share_interval
from experiments.running.training_schema import Reward
from experiments.training.mind.forks import BorrowingMinds, OpenWorld
from experiments.training.mind.policy import Policy, of_method
from experiments.training.mind.preferences import Rank
from experiments.training.mind.rewards import Tried, rewarded
from mind.language_models.types import Completion, Finish, LanguageModel, Prompt
from mind.learning.grpo import Drawn
from mind.memory import ExperienceStore
from mind.reasoning.question_answering import (
    Answer,
    stated_confidence,
    understand,
)
from mind.reasoning.verification import Verify

_EPISODES = 2  # of each body
_RESAMPLES = 400  # of the bootstrap


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """A question that was put to somebody, with all that an answer is judged by.

    Attributes:
        prompt: What the language model was asked.
        body_id: Whose life it is about.
        question: With the right answer.
        threshold: How sure an answer is to be.
        checker: Knows what was lived.
    """

    prompt: Prompt
    body_id: str
    question: Question
    threshold: float
    checker: Checker

    def checked(self, reply: str) -> CheckedAnswer | None:
        """Return what the truth says of a reply; None where there is no answer in it."""
        understood = understand(_written(reply))
        if understood is None:
            return None
        said, confidence = understood
        answer = Answer(text=said, said=said, confidence=confidence, memories=())
        return checked_answer(self.body_id, self.question, answer, self.checker)

    def rank(self, reply: str) -> Rank | None:
        """Return how good a reply is beside others; None where there is no answer in it."""
        checked = self.checked(reply)
        if checked is None:
            return None
        unsaid = checked.outcome is Outcome.UNSAID
        if checked.outcome is Outcome.RIGHT or (unsaid and self.question.answer == UNKNOWN):
            return Rank.TRUE
        return Rank.UNSAID if unsaid else Rank.FALSE

    def worth(self, reply: str) -> float | None:
        """Return what a reply scores, None where there is no answer in it; see this file's head."""
        checked, stated = self.checked(reply), stated_confidence(reply)
        if checked is None:
            return None
        score = checked.score(self.threshold)
        if stated is None or checked.outcome is Outcome.UNSAID:
            return score
        return score - (stated - (checked.outcome is Outcome.RIGHT)) ** 2


def _written(reply: str) -> Completion:
    """Return a reply as a model writes it that does not say how probable it was."""
    return Completion(text=reply, prompt_tokens=0, tokens=0, latency_s=0.0, finish=Finish.STOP)


class Questions:
    """See `experiments.training.mind.task.Task`, and `experiments.training.mind.preferences`.

    Args:
        policy: Answers.
        options: A `TrainMindConfig`.
        open_world: Makes the world, of a split and with so many rows.
    """

    unit = "questions"

    def __init__(self, policy: Policy, options: DictConfig, open_world: OpenWorld):
        self._policy, self._options, self._open_world = policy, options, open_world

    @staticmethod
    def check(options: DictConfig) -> None:
        """Refuse options that answers cannot be learned with."""
        grpo, thresholds = options.grpo, of_method(options).thresholds
        if grpo.reward not in (Reward.outcome, Reward.form):
            raise BadInput(
                "grpo.reward must be outcome or form with grpo.task=questions, got "
                f"{grpo.reward.name}"
            )
        if grpo.reply == "choice":
            raise BadInput("grpo.reply must be free with grpo.task=questions, got choice")
        if not thresholds or not all(0 <= one < 1 for one in thresholds):
            raise BadInput(
                f"{options.method.name}.thresholds must be numbers in [0, 1), at least one, got "
                f"{thresholds}"
            )

    def live(self, wanted: int, seed: int) -> list[AskedQuestion]:
        """Return so many questions about lives of bodies that live carelessly."""
        rng, thresholds = np.random.default_rng(seed), list(of_method(self._options).thresholds)
        return [
            lives.asked(body_id, question, float(rng.choice(thresholds)))
            for lives in self._lives("train", self._policy.explores, wanted, seed)
            for body_id, question in lives.questions
        ]

    def judge(self, asked: Sequence[tuple[AskedQuestion, Drawn]]) -> Tried:
        """Hold answers against what was lived."""
        grpo = self._options.grpo
        worth_of = [[one.worth(text) for text in it.texts] for one, it in asked]
        usable = np.array([[one is not None for one in group] for group in worth_of])
        returns = np.array([[one or 0.0 for one in group] for group in worth_of])
        worth = returns if grpo.reward is Reward.outcome else np.zeros_like(returns)
        drawn = [it for _, it in asked]
        return rewarded(drawn, usable, returns, worth=worth, form_weight=grpo.form_weight)

    def held_out(self, seed: int) -> dict[str, Estimate]:
        """Ask about lives of the test split, with nothing to lose, and return how true it is."""
        count, decides = of_method(self._options).held_out, self._policy.decides
        return _measures(
            [
                checked_answer(body_id, question, answer, lives.checkers[body_id])
                for lives in self._lives("test", decides, count, seed)
                for (body_id, question), answer in zip(
                    lives.questions, lives.answers(self._policy.background), strict=True
                )
            ]
        )

    def _lives(
        self, split: str, model: LanguageModel, wanted: int, seed: int
    ) -> Iterator["_Lives"]:
        """Yield lives until there is as much to ask about them as is wanted."""
        options = self._options
        while wanted > 0:
            seed, memory = (seed + 1) % 2**20, ExperienceStore(":memory:")
            minds = BorrowingMinds(model, memory, seed=seed, senses=self._policy.senses)
            with (
                closing(self._open_world(split, of_method(options).bodies)) as env,
                careless_episodes(
                    env,
                    memory,
                    name=f"{options.world}-{split}-{seed}",
                    seed=seed,
                    count=_EPISODES,
                    senses=self._policy.senses,
                ) as episodes,
            ):
                lives = _Lives(episodes, minds, env.world.spec, wanted, seed)
                if not lives.questions:
                    raise BadInput(f"there is nothing to ask about {options.world}")
                yield lives
            wanted -= len(lives.questions)


class _Lives:
    """Episodes, and questions about them.

    Attributes:
        questions: Each with the body that it is for.
        checkers: Of claims about each body's life.

    Args:
        episodes: The episodes.
        minds: Of those who can be asked.
        spec: World of the episodes.
        most: Questions.
        seed: Of what is asked.
    """

    def __init__(
        self, episodes: Episodes, minds: BorrowingMinds, spec: WorldSpec, most: int, seed: int
    ):
        self._nows = episodes.nows
        self._answerers = {
            body_id: minds.question_answerer(
                body_id, spec=spec, run_id=episodes.run_id, verify=Verify.NONE
            )
            for body_id in episodes.body_ids
        }
        self.checkers = {one: Checker(episodes.graphs_of(one)) for one in episodes.body_ids}
        self.questions = spread(questions_about(episodes, seed), most, seed)

    def asked(self, body_id: str, question: Question, threshold: float) -> AskedQuestion:
        """Return a question with what is asked of the language model."""
        now = self._nows.get((body_id, question.episode))
        prompt, _ = self._answerers[body_id].asked(question.text, threshold=threshold, now=now)
        return AskedQuestion(
            prompt=prompt,
            body_id=body_id,
            question=question,
            threshold=threshold,
            checker=self.checkers[body_id],
        )

    def answers(self, background: Background) -> Iterator[Answer]:
        """Yield the answers to all questions, in order."""
        for first in range(0, len(self.questions), AT_ONCE):
            waiting = background.start(
                [
                    self._answerers[body_id].ask(
                        question.text, now=self._nows.get((body_id, question.episode))
                    )
                    for body_id, question in self.questions[first : first + AT_ONCE]
                ]
            )
            yield from (answer.result() for answer in waiting)


def _measures(answers: Sequence[CheckedAnswer]) -> dict[str, Estimate]:
    """Return how many answers are right, unsaid or wrong, and how well it is known which.

    ``wrong at 80%`` is the share of wrong ones among the surest that are given, as many as 80% of
    the questions: who says less is compared with who says more. Who gives fewer has none.
    """
    outcomes = np.array([one.outcome for one in answers])
    right, wrong = outcomes == Outcome.RIGHT, outcomes == Outcome.WRONG
    sure = np.array([one.answer.confidence for one in answers])
    given = np.flatnonzero(outcomes != Outcome.UNSAID)
    covered = round(COVERAGE * len(answers))
    surest = given[np.argsort(-sure[given], kind="stable")]
    enough = len(surest) >= covered
    return {
        "right": share_interval(right),
        "wrong": share_interval(wrong),
        "unsaid": share_interval(outcomes == Outcome.UNSAID),
        f"wrong at {COVERAGE:.0%}": share_interval(wrong[surest[: covered * enough]]),
        "calibration error": _calibration(right, sure),
    }


def _calibration(right: NDArray[np.bool_], sure: NDArray[np.float64]) -> Estimate:
    """Return the calibration error, and its bootstrap interval over questions."""
    rows = np.random.default_rng(0).integers(len(right), size=(_RESAMPLES, len(right)))
    errors = [expected_calibration_error(right[some], sure[some]) for some in rows]
    error = expected_calibration_error(right, sure)
    return Estimate(error, *np.quantile(errors, [0.025, 0.975]).tolist())
