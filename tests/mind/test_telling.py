"""Being asked about one's own life: what is shown, what is said, and how sure it is."""

import asyncio
import math

import numpy as np
import pytest

from envs.babyai.spec import BABYAI
from envs.trip.spec import TRIP
from mind.language_models.scripted import ScriptedModel
from mind.language_models.types import (
    FELT,
    Completion,
    Finish,
    LanguageModelError,
    PromptTooLong,
    Unreachable,
)
from mind.memory import ExperienceStore
from mind.reasoning.answering import LONGEST_QUESTION, as_question, in_form, understand
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.prompting import AskPrompts
from mind.reasoning.question_answering import ABLATIONS, RECALLED, TURNS, UNKNOWN
from mind.sense_encoder.kinds import KINDS
from mind.types import Experience

LEFT = "<answer>left</answer>"


def lived(tick, *, episode=0, kind="stumbled", **parts):
    """Return an experience of anna's."""
    usual = {
        "sensation": "left toe caught 8",
        "visual": "red ball 3 ahead",
        "emotion": "low",
        "proprioception": "walking, speed 5, left foot",
        "motor": "go to red ball, fast; run",
        "words": f"{kind} over blue cable",
        "body_id": "anna",
        "run_id": "monday",
        "about": "blue cable",
    }
    numbers = dict.fromkeys(("pain", "surprise", "reward_error", "importance"), 0.0)
    ticks = {"episode": episode, "first_tick": tick, "last_tick": tick + 3}
    return Experience(kind=kind, **{**usual, **numbers, **ticks, **parts})


def felt_as(number):
    """Return how an experience is felt that can be told from all others."""
    return np.full((5, 64), number, np.float32)


def remember(experiences):
    """Return a memory of them, the first felt as 1, the second as 2, and so on."""
    memory = ExperienceStore(":memory:")
    memory.add(
        experiences, sense_embeddings=np.stack([felt_as(n + 1) for n in range(len(experiences))])
    )
    return memory


TWO = (lived(42), lived(79, kind="was_seen", ahead=5, right=-2))


def question_answerer(model, experiences=TWO, *, spec=TRIP, mode="felt", **settings):
    minds = LanguageMindFactory(model, remember(experiences), verify="none")
    return minds.question_answerer("anna", spec=spec, mode=mode, **settings)


def ask(question="which foot was it?", *, reply=LEFT, make=None, **asked):
    """Return the answer to a question, and the prompt that it took."""
    model = ScriptedModel(lambda prompt: reply)
    answer = asyncio.run(question_answerer(model, **(make or {})).ask(question, **asked))
    return answer, model.prompts[-1]


def shown(prompt):
    return prompt.messages[-1].text.split("\n")


def completion(text, log_probability=-0.1, tokens=2, finish=Finish.STOP):
    return Completion(
        text=text,
        prompt_tokens=1,
        tokens=tokens,
        latency_s=0.0,
        finish=finish,
        log_probability=log_probability,
    )


def understood(text, **written):
    """Return what is understood of a reply, and how sure it is."""
    answer = understand(completion(text, **written))
    assert answer is not None
    return answer


# ---- What is shown ----


def test_memories_stand_in_order_of_time_with_what_is_felt_in_place_of_words():
    now = np.full((3, 64), 9, np.float32)
    answer, prompt = ask("who saw you in episode 0?", threshold=0.75, now=now)
    assert shown(prompt) == [
        f"now: {FELT}",
        f"#1 stumbled at 4 s, for 0.3 s, around here, episode 0: {FELT}",
        f"#2 was seen at 8 s, for 0.3 s, around 5 ahead 2 left, episode 0: {FELT}",
        "sure: 0.75",
        "who saw you in episode 0?",
    ]
    assert [float(one[0, 0]) for one in prompt.soft_tokens] == [9, 1, 2]
    assert [one.shape for one in prompt.soft_tokens] == [(3, 64), (5, 64), (5, 64)]
    assert answer.memories == (1, 2)


def test_in_words_each_line_ends_in_the_five_parts_and_nothing_is_felt():
    _, prompt = ask(make={"mode": "words"})
    assert prompt.soft_tokens == ()
    assert shown(prompt) == [
        "#1 stumbled at 4 s, for 0.3 s, around here, episode 0: blue cable; left toe caught 8; "
        "red ball 3 ahead; low; walking, speed 5, left foot; go to red ball, fast; run",
        "#2 was seen at 8 s, for 0.3 s, around 5 ahead 2 left, episode 0: blue cable; left toe "
        "caught 8; red ball 3 ahead; low; walking, speed 5, left foot; go to red ball, fast; run",
        "which foot was it?",
    ]


def test_without_memory_there_is_the_question_alone():
    answer, prompt = ask(make={"mode": "none"})
    assert shown(prompt) == ["which foot was it?"]
    assert (prompt.soft_tokens, answer.memories) == ((), ())


def test_where_a_tick_is_no_time_it_is_told_in_ticks():
    often = [lived(42, times=3)]
    _, prompt = ask(make={"experiences": often, "spec": BABYAI, "mode": "words"})
    assert shown(prompt)[0].startswith(
        "#1 stumbled at tick 42, for 3 ticks, 3 times, around here, episode 0: "
    )


def test_only_the_episode_that_is_named_comes_to_mind():
    days = [lived(20 * n, episode=n // 4) for n in range(12)]
    answer, prompt = ask("what about Episode 2?", make={"experiences": days})
    assert answer.memories == (9, 10, 11, 12)
    assert all("episode 2:" in line for line in shown(prompt)[1:-1])
    nowhere, _ = ask("what about episode 7?", make={"experiences": days})
    assert nowhere.memories == ()


def test_no_more_than_a_few_memories_come_to_mind_and_none_of_another_body():
    crowd = [lived(20 * n) for n in range(20)] + [lived(500, body_id="ben")]
    answer, prompt = ask(make={"experiences": crowd})
    assert len(answer.memories) == RECALLED
    assert list(answer.memories) == sorted(answer.memories)
    assert 21 not in answer.memories
    assert len(prompt.soft_tokens) == 1 + RECALLED


def test_what_a_question_names_comes_to_mind_before_all_else():
    often = [lived(20 * n, kind="fell" if n % 3 else "slipped", words="") for n in range(20)]
    falls = [n + 1 for n in range(20) if n % 3]
    for named in ("how often did you fall", "so, falling: why?", "when you fell, where was it?"):
        answer, _ = ask(f"{named} in episode 0", make={"experiences": often})
        assert len(answer.memories) == RECALLED
        assert set(answer.memories) < set(falls)
    answer, _ = ask("how often did you slip in episode 0?", make={"experiences": often})
    slips = {1, 4, 7, 10, 13, 16, 19}
    assert slips < set(answer.memories), "and what else there is room for"
    assert len(answer.memories) == RECALLED


def test_only_the_run_that_is_asked_about_comes_to_mind():
    runs = [lived(1), lived(2, run_id="tuesday")]
    answer, _ = ask(make={"experiences": runs, "run_id": "tuesday"})
    assert answer.memories == (2,)


def test_what_was_said_before_is_part_of_the_conversation_and_keeps_its_memories():
    before = [("which foot in episode 0?", "left")]
    answer, prompt = ask("are you sure, in episode 5?", before=before)
    roles = [str(message.role) for message in prompt.messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert prompt.messages[1].text.endswith("which foot in episode 0?")
    assert prompt.messages[2].text == LEFT == in_form("left")
    assert shown(prompt) == ["are you sure, in episode 5?"]
    assert len(answer.memories) == 2


def test_a_long_conversation_is_cut_at_its_beginning():
    _, prompt = ask(before=[(f"question {n}?", "left") for n in range(40)])
    assert len(prompt.messages) == 2 + 2 * TURNS
    assert prompt.messages[1].text.endswith(f"question {40 - TURNS}?")


def test_the_bundled_text_tells_a_model_how_to_answer():
    nothing = np.zeros((3, 64), np.float32)
    system = AskPrompts().ask("why?", [], [], now=nothing, spec=TRIP).messages[0].text
    assert "<answer>a few words</answer>" in system
    assert UNKNOWN in system
    assert "that did not happen" in system


def test_a_folder_of_ones_own_is_asked_with(tmp_path):
    (tmp_path / "ask_system.txt").write_text("mine")
    (tmp_path / "ask.txt").write_text("Q: {{ question }}")
    prompt = AskPrompts(tmp_path).ask("why?", TWO, [], now=felt_as(0), mode="none", spec=TRIP)
    assert [message.text for message in prompt.messages] == ["mine", "Q: why?"]
    (tmp_path / "ask.txt").unlink()
    with pytest.raises(ValueError, match=r"prompts need ask_system\.txt, ask\.txt in"):
        AskPrompts(tmp_path)


# ---- Nobody else can feel for it ----


@pytest.mark.parametrize("bad", [FELT, "<fe<felt>lt>", "< felt>", "</answer><end>", "<<end>asker>"])
def test_a_question_can_hold_neither_markers_nor_tags(bad):
    _, prompt = ask(f"why {bad} so?", before=[(f"what {bad}?", f"left {bad}")])
    assert len(prompt.soft_tokens) == 3
    assert "".join(message.text for message in prompt.messages).count(FELT) == 3
    said = [prompt.messages[1].text.split("\n")[-1], prompt.messages[3].text]
    said.append(prompt.messages[2].text.removeprefix("<answer>").removesuffix("</answer>"))
    assert not any(sign in line for line in said for sign in "<>")


def test_a_memory_can_hold_no_marker():
    strange = [lived(1, about=f"blue {FELT} cable", visual=f"<fe{FELT}lt>", kind=f"fell {FELT}")]
    for mode in ("felt", "words"):
        _, prompt = ask(make={"experiences": strange, "mode": mode})
        assert sum(message.text.count(FELT) for message in prompt.messages) == len(
            prompt.soft_tokens
        )


def test_a_question_is_one_short_line_whatever_somebody_sends():
    assert as_question("  why\n\tso?\n") == "why so?"
    assert len(as_question("why " * 1000)) <= LONGEST_QUESTION
    assert as_question("why \udcff so?") == "why so?"
    answer, _ = ask("")
    assert answer.text == "left"


# ---- Ablations ----


def test_a_lesioned_kind_says_nothing_and_the_others_do():
    _, prompt = ask(make={"ablations": ("visual", "motor")}, now=np.ones((3, 64), np.float32))
    silent = [KINDS.index("visual"), KINDS.index("motor")]
    for memory in prompt.soft_tokens[1:]:
        assert [row for row in range(5) if not memory[row].any()] == silent
    assert prompt.soft_tokens[0].all()


def test_a_lesioned_part_of_the_now_says_nothing():
    _, prompt = ask(make={"ablations": ("drives",)}, now=np.ones((3, 64), np.float32))
    assert prompt.soft_tokens[0].any(axis=1).tolist() == [True, False, True]
    assert all(memory.all() for memory in prompt.soft_tokens[1:])


def test_a_ablation_does_not_reach_into_the_memory_itself():
    memory = remember(TWO)
    minds = LanguageMindFactory(ScriptedModel(lambda prompt: LEFT), memory)
    asyncio.run(
        minds.question_answerer("anna", spec=TRIP, mode="felt", ablations=ABLATIONS).ask("why?")
    )
    assert memory.sense_embeddings((1,)).all()


def test_in_words_a_lesioned_kind_is_not_told():
    _, prompt = ask(make={"mode": "words", "ablations": ("visual", "sensation")})
    line = shown(prompt)[0]
    assert line.endswith(
        "here, episode 0: low; walking, speed 5, left foot; go to red ball, fast; run"
    )


def test_an_unknown_ablation_or_mode_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"ablations must be of sensation, .*, goal, got 'smell'"):
        question_answerer(ScriptedModel([]), ablations=("visual", "smell"))
    with pytest.raises(ValueError, match="'loud' is not a valid Mode"):
        question_answerer(ScriptedModel([]), mode="loud")


def test_a_now_of_another_shape_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"state, drives, goal must have the shape \(3, 64\)"):
        ask(now=felt_as(1))


# ---- What is said ----


def test_an_answer_comes_with_what_it_took():
    answer, _ = ask()
    assert (answer.text, answer.said, answer.fallback) == ("left", "left", False)
    assert (answer.tokens, answer.latency_s) == (1, 0.0)
    assert [exchange.reply for exchange in answer.exchanges] == [LEFT]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("<answer> left\nfoot </answer>", "left foot"),
        ("<answer>left", "left"),
        ("The left one.", "The left one."),
        ("<think>hm, <answer>right</answer>?</think><answer>left</answer>", "left"),
        ("<think>hm</think>left<say>ouch</say>", "left ouch"),
        ("<answer>left <sure>0.8</sure></answer>", "left"),
        ("left <sure>a lot</sure>", "left"),
    ],
)
def test_an_answer_is_found_in_replies_of_many_forms(reply, said):
    assert understood(reply)[0] == said


@pytest.mark.parametrize(
    "reply", ["", "<answer></answer>", "<think>on and on", "<sure>0.9</sure>", "well " * 60]
)
def test_a_reply_without_an_answer_is_not_to_know(reply):
    answer, _ = ask(reply=reply)
    assert (answer.text, answer.confidence, answer.fallback) == (UNKNOWN, 0.0, True)


@pytest.mark.parametrize(
    ("reply", "confidence"),
    [
        (LEFT, math.exp(-0.2)),
        ("<answer>;</answer>", math.exp(-0.2)),
        (f"{LEFT}<sure>0.8</sure>", 0.8),
        (f"{LEFT}<sure> .5 </sure>", 0.5),
        (f"{LEFT}<sure>1.7</sure>", 1.0),
        (f"{LEFT}<sure>very</sure>", math.exp(-0.2)),
    ],
)
def test_the_confidence_is_what_is_stated_or_how_probable_the_reply_was(reply, confidence):
    _, sure = understood(reply, log_probability=-0.1, tokens=2)
    assert sure == pytest.approx(confidence)


def test_one_is_as_sure_of_a_story_as_of_its_clauses():
    told = "At 4.2 s, I fell; it hurt. I got up."
    _, sure = understood(f"<answer>{told}</answer>", log_probability=-0.1, tokens=30)
    assert sure == pytest.approx(math.exp(-1.0))
    _, sure = understood("<answer>at 4.2 s</answer>", log_probability=-0.1, tokens=30)
    assert sure == pytest.approx(math.exp(-3.0))


def test_of_a_story_that_was_broken_off_the_whole_sentences_are_kept():
    told = "<answer>At 4.2 s, I fell; it hurt. I got up at 5.1 s; the"
    assert understood(told, finish=Finish.LENGTH)[0] == "At 4.2 s, I fell; it hurt."
    assert understood("<answer>at 4.2", finish=Finish.LENGTH)[0] == "at 4.2"
    assert understood(told)[0].endswith("5.1 s; the")


def test_a_probability_that_nobody_tells_is_no_confidence():
    assert understand(completion(LEFT, log_probability=math.nan)) == ("left", 0.0)


def test_below_the_threshold_it_does_not_know_but_what_it_would_have_said_is_kept():
    reply = f"{LEFT}<sure>0.6</sure>"
    bold, _ = ask(reply=reply, threshold=0.5)
    shy, _ = ask(reply=reply, threshold=0.75)
    assert (bold.text, bold.said) == ("left", "left")
    assert (shy.text, shy.said, shy.confidence) == (UNKNOWN, "left", 0.6)
    assert not shy.fallback


@pytest.mark.parametrize("threshold", [-0.1, 1.0, math.nan])
def test_a_threshold_that_cannot_be_met_is_refused(threshold):
    with pytest.raises(ValueError, match=r"threshold must be in \[0, 1\)"):
        ask(threshold=threshold)


def test_without_a_reply_it_does_not_know_and_the_failure_is_kept():
    model = ScriptedModel([PromptTooLong("too long")])
    answer = asyncio.run(question_answerer(model).ask("why?"))
    assert (answer.text, answer.confidence, answer.fallback) == (UNKNOWN, 0.0, True)
    assert [exchange.error for exchange in answer.exchanges] == ["PromptTooLong: too long"]


def test_a_model_that_can_not_be_used_at_all_is_an_error():
    model = ScriptedModel([Unreachable("no server")])
    with pytest.raises(LanguageModelError, match="no server"):
        asyncio.run(question_answerer(model).ask("why?"))


def test_questions_asked_side_by_side_are_answered_as_one_batch():
    model = ScriptedModel(lambda prompt: in_form(prompt.messages[-1].text.split()[-1]))
    one = question_answerer(model)

    async def run():
        return await asyncio.gather(*(one.ask(f"what about {n}") for n in range(5)))

    assert [answer.text for answer in asyncio.run(run())] == list("01234")
    assert model.batch_sizes == [5]


# ---- Who is asked ----


class Feels(ScriptedModel):
    takes_soft_tokens = True
    encoder = "abc"


class Senses:
    """Stands for an encoder of senses."""

    def __init__(self, fingerprint):
        self.fingerprint = lambda: fingerprint


def test_memories_are_felt_by_a_model_that_can_and_told_in_words_to_one_that_cannot():
    for kind, soft_tokens in ((Feels, 3), (ScriptedModel, 0)):
        model = kind([LEFT])
        asyncio.run(question_answerer(model, mode="").ask("why?"))
        assert len(model.prompts[0].soft_tokens) == soft_tokens


def test_senses_that_the_model_was_not_made_for_are_refused_in_one_line():
    memory = ExperienceStore(":memory:")
    # only the fingerprint of these senses is looked at, so they are no whole encoder
    LanguageMindFactory(Feels([]), memory, senses=Senses("abc"))  # type: ignore[arg-type]
    LanguageMindFactory(ScriptedModel([]), ExperienceStore(":memory:"), senses=Senses("xyz"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"reads the senses of encoder abc, got xyz; use") as it:
        LanguageMindFactory(Feels([]), memory, senses=Senses("xyz"))  # type: ignore[arg-type]
    assert "\n" not in str(it.value)
