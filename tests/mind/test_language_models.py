"""The protocol's types, the batcher, the script, the record and its replay."""

import asyncio
import json
import math
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mind.language_models.batching import Batcher
from mind.language_models.chance import ChanceModel
from mind.language_models.recording import Recording, from_record, to_record
from mind.language_models.replay import ReplayModel
from mind.language_models.scripted import ScriptedModel
from mind.language_models.token_budget import TokenBudget
from mind.language_models.types import (
    FELT,
    CannotEmbed,
    CannotScore,
    Choices,
    Completion,
    LanguageModelError,
    Message,
    NoReply,
    NotRecorded,
    PartlyAnswered,
    Prompt,
    Role,
    TimedOut,
    prompt_key,
    settle,
    unmarked,
)
from mind.types import Exchange
from tests.typist import Typist


def ask(text: str) -> Prompt:
    return Prompt.single_turn(system="You are a body.", user=text)


def echo(prompt: Prompt) -> str:
    return prompt.messages[-1].text.upper()


class Gated(ScriptedModel):
    """Answers only when the gate is open."""

    def __init__(self, replies, *, batches_at_once=1):
        super().__init__(replies)
        self.batches_at_once = batches_at_once
        self.gate = asyncio.Event()

    async def generate(self, prompts, *, seeds):
        self.batch_sizes.append(len(prompts))
        await self.gate.wait()
        completions = await super().generate(prompts, seeds=seeds)
        self.batch_sizes.pop()
        return completions


def test_importing_the_package_imports_no_backend():
    code = (
        "import sys, mind.language_models\n"
        "print(sorted({'torch', 'transformers', 'openai', 'tokenizers'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_repair_turn_is_appended_to_the_conversation():
    prompt = ask("where to?").then(reply="dunno", user="name a skill")
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.text == (
        "[system]\nYou are a body.\n\n[user]\nwhere to?\n\n"
        "[assistant]\ndunno\n\n[user]\nname a skill"
    )


def test_a_prompt_without_a_system_message_has_none():
    assert [message.role for message in Prompt.single_turn(user="hello").messages] == [Role.USER]


@pytest.mark.parametrize("messages", [(), (Message(role=Role.ASSISTANT, text="hello"),)])
def test_a_prompt_that_does_not_wait_for_the_assistant_is_refused(messages):
    with pytest.raises(ValueError, match="prompt must end in a user message"):
        Prompt(messages=messages)


def test_the_key_of_a_prompt_depends_on_messages_roles_and_seed_and_on_nothing_else():
    prompt = ask("where to?")
    as_user = Prompt(
        messages=tuple(Message(role=Role.USER, text=message.text) for message in prompt.messages)
    )
    keys = [prompt_key(prompt, 1), prompt_key(prompt, 2), prompt_key(ask("where?"), 1)]
    keys.append(prompt_key(as_user, 1))
    assert len(set(keys)) == 4
    assert keys[0] == prompt_key(ask("where to?"), 1)
    # Records of earlier runs are found by this very value.
    assert prompt_key(Prompt.single_turn(user="hello"), 7) == (
        "48e7989aa6ce20dc7853b2a84d80ace01b859c6a12c502cf176fcea8c11a4b7e"
    )


def feel(value: float, text: str = f"now: {FELT}") -> Prompt:
    return Prompt.single_turn(user=text, soft_tokens=(np.full((3, 64), value, np.float32),))


def test_the_key_of_a_prompt_depends_on_what_is_felt_to_three_decimals():
    keys = [prompt_key(feel(value), 1) for value in (0.5, 0.502, -0.5)]
    keys.append(prompt_key(Prompt.single_turn(user="now: "), 1))
    assert len(set(keys)) == 4
    assert prompt_key(feel(0.5004), 1) == prompt_key(feel(0.4996), 1) == keys[0]
    assert prompt_key(feel(0.0), 1) == prompt_key(feel(-0.0), 1) == prompt_key(feel(-1e-5), 1)


def test_what_is_felt_does_not_make_prompts_different_to_python():
    assert feel(0.1) == feel(0.2)
    assert len({feel(0.1), feel(0.2)}) == 1


@pytest.mark.parametrize(("text", "count"), [("why?", 1), (FELT, 0), (FELT, 2), (FELT * 2, 1)])
def test_a_prompt_has_vectors_for_each_of_its_markers_and_no_others(text, count):
    soft_tokens = (np.zeros((5, 64), np.float32),) * count
    with pytest.raises(ValueError, match="prompt must have vectors for each of its"):
        Prompt.single_turn(user=text, soft_tokens=soft_tokens)


def test_neither_a_reply_nor_an_answer_to_it_can_bring_a_marker_in():
    prompt = feel(0.5).then(reply=f"I {FELT} feel", user=f"<fe{FELT}lt> what?")
    assert [message.text for message in prompt.messages[1:]] == ["I  feel", " what?"]
    assert len(prompt.soft_tokens) == 1


@pytest.mark.parametrize("text", [FELT, "<fe<felt>lt>", "<<felt>felt>", "<felt" + FELT + ">"])
def test_a_marker_is_taken_out_whatever_it_is_made_of(text):
    assert FELT not in unmarked(f"why {text} so?")


def test_in_words_a_prompt_is_the_same_without_what_is_felt():
    prompt = feel(0.5, text=f"now: {FELT}\nwhy?").in_words
    assert (prompt.messages[-1].text, prompt.soft_tokens) == ("now: \nwhy?", ())
    plain = ask("why?")
    assert plain.in_words is plain


def test_prompts_that_wait_at_the_same_time_become_one_batch():
    async def avatar(batcher, number):
        for _ in range(number % 3):  # some take longer than others to get to their prompt
            await asyncio.sleep(0)
        return await batcher.generate(ask(f"avatar {number}"), seed=number)

    async def run():
        model = ScriptedModel(echo)
        batcher = Batcher(model)
        replies = await asyncio.gather(*(avatar(batcher, number) for number in range(20)))
        return model, [reply.text for reply in replies]

    model, texts = asyncio.run(run())
    assert model.batch_sizes == [20]
    assert texts == [f"AVATAR {number}" for number in range(20)]
    seeds_by_prompt = dict(
        zip((echo(prompt) for prompt in model.prompts), model.seeds, strict=True)
    )
    assert seeds_by_prompt == {f"AVATAR {number}": number for number in range(20)}


def test_no_batch_is_larger_than_the_maximum():
    async def run():
        model = ScriptedModel(echo)
        batcher = Batcher(model, maximum=8)
        calls = (batcher.generate(ask(str(number)), seed=number) for number in range(20))
        return model, [reply.text for reply in await asyncio.gather(*calls)]

    model, texts = asyncio.run(run())
    assert model.batch_sizes == [8, 8, 4]
    assert texts == [str(number) for number in range(20)]


def test_prompts_that_come_while_the_model_is_busy_wait_and_become_the_next_batch():
    async def run():
        model = Gated(echo)
        batcher = Batcher(model)
        first = asyncio.create_task(batcher.generate(ask("first"), seed=0))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(batcher.generate(ask(str(n)), seed=n)) for n in range(5)]
        await asyncio.sleep(0.01)
        in_flight = list(model.batch_sizes)
        model.gate.set()
        await asyncio.gather(first, *others)
        return in_flight, model.batch_sizes

    in_flight, sizes = asyncio.run(run())
    assert in_flight == [1]
    assert sizes == [1, 5]


def test_a_model_that_can_is_given_several_batches_at_once():
    async def run():
        model = Gated(echo, batches_at_once=2)
        batcher = Batcher(model)
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(batcher.generate(ask(str(number)), seed=number)))
            await asyncio.sleep(0.01)
        in_flight = list(model.batch_sizes)
        model.gate.set()
        await asyncio.gather(*tasks)
        return in_flight

    assert asyncio.run(run()) == [1, 1]


def test_one_prompt_without_a_reply_leaves_the_others_theirs():
    async def run():
        model = ScriptedModel(["left", TimedOut("30 s are over"), "right"])
        batcher = Batcher(model)
        calls = (batcher.generate(ask(str(number)), seed=number) for number in range(3))
        return await asyncio.gather(*calls, return_exceptions=True)

    left, failure, right = asyncio.run(run())
    assert isinstance(left, Completion)
    assert isinstance(right, Completion)
    assert (left.text, right.text) == ("left", "right")
    assert isinstance(failure, TimedOut)
    assert str(failure) == "30 s are over"


def broken_together(model, texts, *, after):
    """Return what came of questions that were asked together, and the reply to one asked after."""

    async def run():
        batcher = Batcher(model)
        calls = [batcher.generate(ask(text), seed=0) for text in texts]
        failures = await asyncio.gather(*calls, return_exceptions=True)
        return failures, await batcher.generate(ask(after), seed=0)

    return asyncio.run(run())


def test_an_unexpected_error_of_the_model_reaches_everybody_and_the_batcher_goes_on():
    def fragile(prompt):
        if prompt.messages[-1].text == "break":
            raise KeyError("broken")
        return "fine"

    failures, reply = broken_together(ScriptedModel(fragile), ["go", "break"], after="go")
    assert [type(failure) for failure in failures] == [KeyError, KeyError]
    assert reply.text == "fine"


def test_a_caller_that_gives_up_is_not_asked_for_and_disturbs_nobody():
    async def run():
        model = Gated(echo)
        batcher = Batcher(model)
        busy = asyncio.create_task(batcher.generate(ask("busy"), seed=0))
        await asyncio.sleep(0.01)
        impatient = asyncio.create_task(batcher.generate(ask("impatient"), seed=1))
        patient = asyncio.create_task(batcher.generate(ask("patient"), seed=2))
        await asyncio.sleep(0.01)
        impatient.cancel()
        busy.cancel()
        model.gate.set()
        return (await patient).text, [echo(prompt) for prompt in model.prompts]

    text, shown = asyncio.run(run())
    assert text == "PATIENT"
    assert shown == ["BUSY", "PATIENT"]


def test_a_batcher_outlives_an_event_loop_that_was_interrupted():
    batcher = Batcher(ScriptedModel(echo))

    async def interrupted():
        task = asyncio.create_task(batcher.generate(ask("lost"), seed=0))
        await asyncio.sleep(0)
        assert not task.done()

    async def later():
        return await batcher.generate(ask("found"), seed=0)

    asyncio.run(interrupted())
    assert asyncio.run(later()).text == "FOUND"


# ---- Side by side ----


def words_of(prompt):
    """Say the number in a prompt, as often as it says."""
    number = int(prompt.messages[-1].text)
    return " ".join([str(number)] * number)


async def on_the_way(batcher, text, *, wanted):
    """Ask with a token budget of which so many are wanted; return it and what will come."""
    token_budget = TokenBudget()
    token_budget.want(wanted)
    coming = asyncio.create_task(token_budget.track(batcher.generate(ask(text), seed=0)))
    await batcher.advance({token_budget: wanted})
    return token_budget, coming


def test_prompts_join_those_whose_replies_are_being_written():
    async def run():
        model = Typist(words_of)
        batcher = Batcher(model)
        first, long = await on_the_way(batcher, "30", wanted=3)
        second, short = await on_the_way(batcher, "4", wanted=2)
        counts = first.tokens, second.tokens
        await batcher.advance({first: math.inf})
        return model, counts, (await long).text, (await short).text

    model, counts, long, short = asyncio.run(run())
    assert counts == (5, 2)
    assert (long, short) == (" ".join(["30"] * 30), "4 4 4 4")
    assert model.at_once == [1] * 3 + [2] * 4 + [1] * 23


def test_no_more_is_written_than_somebody_waits_for():
    async def run():
        model = Typist(words_of)
        token_budget, coming = await on_the_way(Batcher(model), "30", wanted=7)
        await asyncio.sleep(0.01)
        coming.cancel()
        return token_budget.tokens, len(model.at_once)

    assert asyncio.run(run()) == (7, 7)


def test_all_replies_of_a_decision_count_and_a_finished_one_is_not_waited_for():
    async def decide(batcher):
        return [(await batcher.generate(ask(text), seed=0)).text for text in ("3", "2")]

    async def run():
        batcher, token_budget = Batcher(Typist(words_of)), TokenBudget()
        token_budget.want(4)
        decision = asyncio.create_task(token_budget.track(decide(batcher)))
        await batcher.advance({token_budget: 4})
        halfway = token_budget.tokens, token_budget.finished
        await batcher.advance({token_budget: 99})
        return halfway, token_budget.tokens, token_budget.finished, await decision

    assert asyncio.run(run()) == ((4, False), 5, True, ["3 3 3", "2 2"])


def test_what_is_written_as_a_whole_batch_is_waited_for_whole():
    async def run():
        model = ScriptedModel(words_of)
        token_budget, coming = await on_the_way(Batcher(model), "30", wanted=2)
        return token_budget.finished, (await coming).tokens

    assert asyncio.run(run()) == (True, 30)


def test_with_a_decoding_scheduler_no_more_replies_are_written_at_once_than_the_maximum():
    async def run():
        model = Typist(words_of)
        batcher = Batcher(model, maximum=3)
        texts = [str(2 + number % 4) for number in range(10)]
        calls = (batcher.generate(ask(text), seed=0) for text in texts)
        replies = await asyncio.gather(*calls)
        return model, [reply.text for reply in replies], [words_of(ask(text)) for text in texts]

    model, replies, expected = asyncio.run(run())
    assert replies == expected
    assert max(model.at_once) == 3
    assert sum(model.at_once) == sum(len(text.split()) for text in expected)


def test_with_a_decoding_scheduler_one_prompt_without_a_reply_leaves_the_others_theirs():
    async def run():
        batcher = Batcher(Typist(["left a bit", TimedOut("30 s are over"), "right"]))
        calls = (batcher.generate(ask(str(number)), seed=number) for number in range(3))
        return await asyncio.gather(*calls, return_exceptions=True)

    left, failure, right = asyncio.run(run())
    assert isinstance(left, Completion)
    assert isinstance(right, Completion)
    assert (left.text, right.text) == ("left a bit", "right")
    assert isinstance(failure, TimedOut)


def test_with_a_decoding_scheduler_a_caller_that_gives_up_makes_room():
    async def run():
        model = Typist(words_of)
        batcher = Batcher(model)
        _, long = await on_the_way(batcher, "30", wanted=3)
        long.cancel()
        short = await batcher.generate(ask("4"), seed=0)
        return model, short.text

    model, short = asyncio.run(run())
    assert short == "4 4 4 4"
    assert [prompt.messages[-1].text for prompt in model.left] == ["30"]
    assert model.at_once[3:] == [1] * 4


def test_an_unexpected_error_of_a_decoding_scheduler_reaches_everybody_and_the_batcher_goes_on():
    failures, reply = broken_together(Typist(words_of), ["3", "no number"], after="2")
    assert [type(failure) for failure in failures] == [ValueError, ValueError]
    assert reply.text == "2 2"


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="maximum batch size must be at least 1, got 0"):
        Batcher(ScriptedModel([]), maximum=0)


def test_a_batch_that_is_answered_in_part_tells_who_was_and_who_was_not():
    completion = asyncio.run(ScriptedModel(["yes"]).generate([ask("?")], seeds=[0]))[0]
    with pytest.raises(PartlyAnswered, match="expected 2 replies, 1 are missing: too late") as info:
        settle([completion, TimedOut("too late")])
    assert info.value.outcomes[0] is completion
    with pytest.raises(TimedOut, match="too late"):
        settle([TimedOut("too late")])


def test_a_script_says_when_it_is_used_up():
    model = ScriptedModel(["only one"])
    asyncio.run(model.generate([ask("a")], seeds=[0]))
    with pytest.raises(LanguageModelError, match="script holds 1 replies, prompt 2 came"):
        asyncio.run(model.generate([ask("b")], seeds=[0]))


def write_episode(folder, number, decisions):
    """Write decision lines between tick lines, as a run does."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [{"tick": 0, "kind": "tick"}]
    for exchanges in decisions:
        lines.append({"kind": "decision", "exchanges": [to_record(e) for e in exchanges]})
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    (folder / f"{number:04d}.jsonl").write_text(text, encoding="utf-8")


async def live(model, prompts):
    """Ask each prompt in one decision of its own; return what came, and the record."""
    outcomes, decisions = [], []
    batcher = Batcher(model)
    for seed, prompt in enumerate(prompts):
        recording = Recording(batcher)
        try:
            outcomes.append(await recording.generate(prompt, seed=seed))
        except NoReply as failure:
            outcomes.append((type(failure), str(failure)))
        decisions.append(recording.exchanges)
    return outcomes, decisions


def test_a_replay_gives_back_the_very_same_replies_and_failures(tmp_path):
    prompts = [ask("where to?"), ask("ünd now?\u2028"), ask("and then?")]
    model = ScriptedModel(["left", TimedOut("30 s are over: sorry"), "right"])
    lived, decisions = asyncio.run(live(model, prompts))
    write_episode(tmp_path / "run" / "episodes", 0, decisions[:1])
    write_episode(tmp_path / "run" / "episodes", 1, decisions[1:])
    replayed, decisions_again = asyncio.run(live(ReplayModel(path=tmp_path / "run"), prompts))
    assert repr(replayed) == repr(lived)  # NaN does not equal itself
    assert repr(decisions_again) == repr(decisions)
    assert lived[1] == (TimedOut, "30 s are over: sorry")


def test_a_replay_tells_apart_what_was_felt(tmp_path):
    model = ScriptedModel(lambda prompt: f"felt {prompt.soft_tokens[0][0, 0]}")
    _, decisions = asyncio.run(live(model, [feel(0.25), feel(0.5)]))
    write_episode(tmp_path, 0, decisions)
    model = ReplayModel(path=tmp_path)
    assert model.takes_soft_tokens
    replayed, _ = asyncio.run(live(model, [feel(0.25), feel(0.5)]))
    assert [reply.text for reply in replayed] == ["felt 0.25", "felt 0.5"]
    with pytest.raises(NotRecorded, match="felt otherwise"):
        asyncio.run(live(ReplayModel(path=tmp_path), [feel(0.5)]))


def test_a_replay_of_words_alone_feels_nothing(tmp_path):
    _, decisions = asyncio.run(live(ScriptedModel(echo), [ask("why?")]))
    write_episode(tmp_path, 0, decisions)
    assert not ReplayModel(path=tmp_path).takes_soft_tokens


def test_a_record_keeps_every_number_exactly():
    exchange = Exchange(
        key="k",
        prompt="p",
        reply="r",
        finish="length",
        prompt_tokens=3,
        tokens=2,
        log_probability=-0.1234567890123456,
        latency_s=0.1 + 0.2,
        error="TimedOut: x",
        offered=(("wait, normal", 0.75), ("get up, normal", 0.25)),
    )
    assert from_record(json.loads(json.dumps(to_record(exchange)))) == exchange


def test_an_unknown_log_probability_is_null_in_the_record_and_unknown_again():
    record = to_record(Exchange(key="k"))
    assert record["log_probability"] is None
    assert math.isnan(from_record(record).log_probability)


@pytest.mark.parametrize("offered", [["wait"], [["wait"]], [["wait", "0.5"]], [[0.5, "wait"]], {}])
def test_what_was_offered_is_pairs_of_an_answer_and_its_probability(offered):
    with pytest.raises(ValueError, match="offered"):
        from_record({"key": "k", "offered": offered or "none"})


def test_the_same_prompt_asked_twice_is_played_back_in_order_and_not_a_third_time(tmp_path):
    key = prompt_key(ask("again?"), 5)
    exchanges = [Exchange(key=key, prompt=ask("again?").text, reply=text) for text in "ab"]
    write_episode(tmp_path, 0, [exchanges])
    model = ReplayModel(path=tmp_path)

    async def run():
        replies = [(await model.generate([ask("again?")], seeds=[5]))[0].text for _ in range(2)]
        with pytest.raises(NotRecorded, match="got one recorded with another seed, felt"):
            await model.generate([ask("again?")], seeds=[5])
        return replies

    assert asyncio.run(run()) == ["a", "b"]


def test_a_prompt_that_was_never_recorded_is_shown_where_it_parts_from_the_nearest(tmp_path):
    _, decisions = asyncio.run(live(ScriptedModel(echo), [ask("I see a bench"), ask("I fell")]))
    write_episode(tmp_path / "episodes", 0, decisions)
    with pytest.raises(NotRecorded) as info:
        asyncio.run(ReplayModel(path=tmp_path).generate([ask("I see a kerb ahead")], seeds=[0]))
    message = str(info.value)
    assert "recorded 'bench', came 'kerb ahead'" in message
    assert "one of the 2 recorded" in message
    assert "\n" not in message


def test_half_a_line_at_the_end_of_a_killed_run_is_left_out(tmp_path):
    write_episode(tmp_path, 0, [[Exchange(key=prompt_key(ask("a"), 0), reply="b")]])
    with (tmp_path / "0000.jsonl").open("a") as file:
        file.write('{"kind": "decision", "exchanges": [{"key": "abc')
    replies = asyncio.run(ReplayModel(path=tmp_path).generate([ask("a")], seeds=[0]))
    assert replies[0].text == "b"


@pytest.mark.parametrize(
    "line",
    [
        b"{broken",
        b"\xff\xfe\x00",
        b'{"exchanges": 3}',
        b'{"exchanges": [3]}',
        b'{"exchanges": [{"reply": "no key"}]}',
        b'{"exchanges": [{"key": null}]}',
        b'{"exchanges": [{"key": "k", "tokens": "many"}]}',
        b'{"exchanges": [{"key": "k", "finish": "never"}]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_record_is_refused_in_one_line_that_names_the_place(tmp_path, line):
    (tmp_path / "0000.jsonl").write_bytes(b'{"kind": "tick"}\n' + line + b"\n")
    with pytest.raises(NotRecorded) as info:
        ReplayModel(path=tmp_path)
    assert "0000.jsonl:2 must be a line of JSON" in str(info.value)
    assert "\n" not in str(info.value)


def test_a_run_without_recorded_replies_cannot_be_replayed(tmp_path):
    with pytest.raises(NotRecorded, match="replay needs a run folder with recorded replies"):
        ReplayModel(path=tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["scripted", "replay"])
def test_a_model_without_probabilities_or_vectors_says_so(tmp_path, kind):
    write_episode(tmp_path, 0, [[Exchange(key="k")]])
    model = ScriptedModel([]) if kind == "scripted" else ReplayModel(path=tmp_path)
    with pytest.raises(CannotScore, match="score needs a model with probabilities"):
        asyncio.run(model.score(ask("a"), ["b"]))
    with pytest.raises(CannotEmbed, match="embed needs a model with vectors"):
        asyncio.run(model.embed(["a"]))


# ---- Choices ----


def choose(*answers, draft_tokens=0):
    offered = Choices(answers=answers, draft_tokens=draft_tokens)
    return replace(ask("a"), choices=offered)


def test_choices_that_nothing_could_be_chosen_from_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        Choices(answers=())
    with pytest.raises(ValueError, match="distinct"):
        Choices(answers=("wait", "wait"))
    with pytest.raises(ValueError, match="draft_tokens must be at least 0, got -1"):
        Choices(answers=("wait",), draft_tokens=-1)


def test_choices_stay_when_a_conversation_goes_on_or_is_put_in_words():
    prompt = choose("wait", "go")
    assert prompt.then(reply="a", user="b").choices == prompt.choices
    assert prompt.in_words.choices == prompt.choices


def test_chance_takes_each_choice_as_often_as_the_others_and_says_how_sure_it_is():
    prompt = choose("a", "b", "c", "d")
    completions = asyncio.run(ChanceModel().generate([prompt] * 4000, seeds=list(range(4000))))
    taken = Counter(completion.text for completion in completions)
    assert set(taken) == {f"<answer>{answer}</answer>" for answer in "abcd"}
    assert all(880 < count < 1120 for count in taken.values())
    assert completions[0].log_probability == pytest.approx(math.log(0.25))
    assert completions[0].offered == tuple((answer, 0.25) for answer in "abcd")
    again = asyncio.run(ChanceModel().generate([prompt] * 9, seeds=list(range(9))))
    assert again == completions[:9]


def test_chance_without_choices_says_what_to_set():
    with pytest.raises(NoReply, match=r"set mind\.reply=choice"):
        asyncio.run(ChanceModel().generate([ask("a")], seeds=[0]))
