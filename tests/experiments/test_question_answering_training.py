"""Dialogues about episodes, and learning from them."""

import json

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module

from experiments.ground_truth.graph import EventNode, Fact
from experiments.ground_truth.questions import ATTRIBUTES, UNKNOWN, Balance
from experiments.running.schema import register
from experiments.training.question_answering.batches import Batches, collate, loaded
from experiments.training.question_answering.conversations import dialogues_of
from experiments.training.question_answering.corpus import Corpus, keep_facts, load, save
from experiments.training.question_answering.dialogues import Dialogue, encode
from experiments.training.question_answering.episodes import (
    WindowStore,
    run_episodes,
    training_worlds,
)
from experiments.training.question_answering.facts import NOT_ASKED, Facts, FactsKeeper, Sensed
from experiments.training.question_answering.grounded_model import GroundedModel
from experiments.training.question_answering.initial_model import deepened
from experiments.training.question_answering.train import run
from mind.claims.language import Attribute
from mind.language_models.projector import MAPS
from mind.language_models.types import FELT, Prompt
from mind.learning.cold_start import Example, load_trained, write_examples
from mind.sense_encoder.encoder import SenseEncoder, load_encoder
from mind.sense_encoder.kinds import KINDS
from mind.sense_encoder.trail import WINDOW
from tests.experiments.test_grpo_training import untrained

BUNDLED = "mind/pretrained/nano"
ADAPTER = "learns=[adapter,projector]"


@pytest.fixture(scope="module")
def corpus():
    """Return what can be learned from a few careless episodes."""
    memory, facts, dialogues = WindowStore(), FactsKeeper(), []
    for number, (env, spec, _) in enumerate(training_worlds(16, "train")):
        rng = np.random.default_rng(number)
        for record in run_episodes(env, spec, episodes=16, seed=number, memory=memory):
            keep_facts(record, facts)
            dialogues += dialogues_of(record, memory, rng, 2, Balance())
        env.close()
    sensed = Sensed(memory.keeper.windows(), facts.of(memory.keeper.count))
    return Corpus(dialogues=dialogues, sensed=sensed)


@pytest.fixture(scope="module")
def bundled():
    return load_trained(BUNDLED)


def batches(dialogues, sensed, tokenizer, seed="0", context=1024):
    return Batches(dialogues, sensed, tokenizer, tokens=4000, context=context, seed=seed)


def separately(model, tokenizer, dialogue):
    """Return what a model expects after each token of each talk, asked by itself."""
    for talk in dialogue.talks:
        alone = encode(
            tokenizer, Dialogue(shown=dialogue.shown, talks=(talk,), soft_tokens=(), has_now=False)
        )
        yield model(torch.from_numpy(alone.tokens)[None]).logits[0]


@torch.no_grad()
def test_talks_side_by_side_are_as_if_each_were_alone(bundled):
    model, tokenizer = bundled
    asked = (
        (("did you fall in episode 1?", "<answer>no</answer>"), ("are you sure?", "yes")),
        (("did you slip in episode 1?", "<answer>yes</answer>"),),
        (("what was it?", "<answer>a red cable</answer>"),),
    )
    shown = "#1 slipped, episode 1, 3.4 s, here\n"
    dialogue = Dialogue(shown=shown, talks=asked, soft_tokens=(), has_now=False)
    encoded = encode(tokenizer, dialogue)
    windows = {kind: np.zeros((1, WINDOW[kind]), np.float16) for kind in KINDS}
    batch = collate([encoded], Sensed(windows, Facts({}, {})))
    together = model(
        batch.tokens, attention_mask=batch.mask(), position_ids=batch.position, use_cache=False
    ).logits[0]
    for number, alone in enumerate(separately(model, tokenizer, dialogue), start=1):
        mine = np.isin(encoded.talk, (0, number))
        torch.testing.assert_close(together[mine], alone, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_every_dialogue_is_in_one_batch_whoever_makes_it(corpus, bundled):
    _, tokenizer = bundled
    parts = batches(corpus.dialogues, corpus.sensed, tokenizer)
    alone, helped = (list(loaded(parts, workers)) for workers in (0, 2))
    assert sum(len(batch.tokens) for batch in alone) == len(corpus.dialogues)
    assert len(alone) == len(helped) == len(parts) > 2
    for one, other in zip(alone, helped, strict=True):
        assert one.tokens.equal(other.tokens)
        assert one.soft_kept.equal(other.soft_kept)
    again = batches(corpus.dialogues, corpus.sensed, tokenizer, seed="1")
    assert not all(
        one.tokens.equal(other.tokens) for one, other in zip(alone, loaded(again, 0), strict=False)
    )


def test_some_dialogues_lack_a_kind_of_memory(corpus, bundled):
    _, tokenizer = bundled
    kept = [batch.soft_kept for batch in batches(corpus.dialogues, corpus.sensed, tokenizer)]
    lost = torch.cat(kept).eq(0).float().mean()
    assert 0.005 < lost < 0.1, "one of eight in a fifth of them"


def test_a_batch_is_about_as_large_as_it_should_be(corpus, bundled):
    _, tokenizer = bundled
    sizes = [batch.tokens.numel() for batch in batches(corpus.dialogues, corpus.sensed, tokenizer)]
    assert 2000 < np.median(sizes) < 6000


def test_a_dialogue_that_is_too_long_is_divided_between_its_talks(corpus):
    dialogue = max(corpus.dialogues, key=lambda one: one.length)
    assert list(dialogue.divided(dialogue.length)) == [dialogue]
    most = len(dialogue.shown) + 400
    parts = list(dialogue.divided(most))
    assert len(parts) > 2
    assert all(part.length <= most or len(part.talks) == 1 for part in parts)
    assert sum((part.talks for part in parts), ()) == dialogue.talks
    assert sum((part.rests_on for part in parts), ()) == dialogue.rests_on
    assert {(part.shown, part.soft_tokens) for part in parts} == {
        (dialogue.shown, dialogue.soft_tokens)
    }


def test_talks_that_are_too_long_are_cut(corpus, bundled):
    _, tokenizer = bundled
    dialogue = max(corpus.dialogues, key=lambda one: len(one.talks))
    whole = encode(tokenizer, dialogue)
    longest = whole.position.max() + 1
    cut = encode(tokenizer, dialogue, context=longest - 2)
    assert cut.position.max() + 1 == longest - 2
    assert len(whole.tokens) - len(cut.tokens) in range(2, 2 * len(dialogue.talks))
    np.testing.assert_array_equal(cut.tokens[cut.talk == 0], whole.tokens[whole.talk == 0])


def test_a_dialogue_has_a_marker_for_each_memory_and_answers_in_form(corpus):
    dialogues, count = corpus.dialogues, len(corpus.sensed)
    assert sum(len(dialogue.soft_tokens) > 1 for dialogue in dialogues) > 20
    for dialogue in dialogues:
        assert dialogue.shown.count(FELT) == len(dialogue.soft_tokens)
        assert all(0 <= row < count for row in dialogue.soft_tokens)
        for talk in dialogue.talks:
            for asked, answer in talk:
                assert FELT not in asked
                assert answer.startswith("<answer>")
                assert answer.endswith("</answer>")


def test_some_are_asked_to_tell_an_episode(corpus):
    told = [answer for one in corpus.dialogues for talk in one.talks for asked, answer in talk
            if "what happened in episode" in asked]  # fmt: skip
    assert any(". " in answer for answer in told)


def test_of_an_episode_without_memories_nothing_is_told(corpus):
    told = {answer for one in corpus.dialogues if one.shown == f"now: {FELT}\n"
            for talk in one.talks for asked, answer in talk
            if "what happened in episode" in asked}  # fmt: skip
    assert told == {f"<answer>{UNKNOWN}</answer>"}


def test_some_are_asked_what_a_memory_was_like_and_tell_all_that_was_felt(corpus):
    told = [answer for one in corpus.dialogues for talk in one.talks for asked, answer in talk
            if "was it like" in asked or "it was like" in asked]  # fmt: skip
    assert len(told) > 5
    for answer in told:
        parts = answer.removeprefix("<answer>").removesuffix("</answer>").split("; ")
        assert len(parts) >= 4, "sensation, sight, mood, posture and command, as far as there were"
    assert len(set(told)) > 5


def test_what_the_mind_says_is_what_it_learns(corpus, bundled):
    _, tokenizer = bundled
    dialogue = next(one for one in corpus.dialogues if len(one.talks) > 2)
    encoded = encode(tokenizer, dialogue)
    said = tokenizer.decode(encoded.tokens[encoded.said > 0])
    assert said == "".join(f"{answer}<end>" for talk in dialogue.talks for _, answer in talk)


def test_an_answer_counts_the_square_root_of_its_clauses(bundled):
    _, tokenizer = bundled
    answers = "left", "at 4 s; I fell. It hurt a lot", "no"
    talks = tuple(
        ((f"{asked} was it?", f"<answer>{told}</answer>"),)
        for asked, told in zip(("what", "when", "who"), answers, strict=True)
    )
    encoded = encode(
        tokenizer, Dialogue(shown="now:\n", talks=talks, soft_tokens=(), has_now=False)
    )
    counts = [encoded.said[encoded.talk == talk].sum() for talk in (1, 2, 3)]
    assert counts == pytest.approx([1, 3**0.5, 1])


def test_who_has_lost_a_kind_of_memory_does_not_know_what_rests_on_it_alone(corpus, bundled):
    _, tokenizer = bundled
    for number, kind in enumerate(KINDS):
        dialogue = next(
            one for one in corpus.dialogues if one.soft_tokens and kind in sum(one.rests_on, ())
        )
        whole, lost = encode(tokenizer, dialogue), encode(tokenizer, dialogue, number)
        assert tokenizer.decode(whole.tokens[whole.said > 0]) != tokenizer.decode(
            lost.tokens[lost.said > 0]
        )
        for talk, told, resting in zip(
            dialogue.talks, dialogue.without(kind).talks, dialogue.rests_on, strict=True
        ):
            for (_, answer), (_, left), rests in zip(talk, told, resting, strict=True):
                assert left == (f"<answer>{UNKNOWN}</answer>" if rests == kind else answer)
        batch = collate([lost], corpus.sensed)
        gone = batch.soft_rows % MAPS == number
        assert batch.soft_kept[gone].eq(0).all()
        assert batch.soft_kept[~gone].eq(1).all()


def test_a_corpus_on_disk_is_the_same_again(corpus, tmp_path):
    save(tmp_path, corpus)
    again = load([tmp_path])
    assert again.dialogues == corpus.dialogues
    for kind in KINDS:
        np.testing.assert_array_equal(again.sensed.windows[kind], corpus.sensed.windows[kind])
    assert again.sensed.facts.values == corpus.sensed.facts.values
    for attribute, numbers in corpus.sensed.facts.numbers.items():
        np.testing.assert_array_equal(again.sensed.facts.numbers[attribute], numbers)


def test_several_corpora_are_one(corpus, tmp_path):
    folders = [tmp_path / "one", tmp_path / "other"]
    obj = corpus.sensed.facts.values[Attribute.THING]
    other = Facts(
        corpus.sensed.facts.numbers,
        {**corpus.sensed.facts.values, Attribute.THING: obj[::-1]},
    )
    save(folders[0], corpus)
    save(
        folders[1], Corpus(dialogues=corpus.dialogues, sensed=Sensed(corpus.sensed.windows, other))
    )
    both = load(folders)
    count = len(corpus.sensed)
    assert len(both.sensed) == 2 * count
    for one, again in zip(corpus.dialogues, both.dialogues[len(corpus.dialogues) :], strict=True):
        assert [row - count for row in again.soft_tokens] == list(one.soft_tokens)
    told = both.sensed.facts.numbers[Attribute.THING]
    asked = told[:count] != NOT_ASKED
    assert (told[count:][asked] == len(obj) - 1 - told[:count][asked]).all()
    assert (told[count:][~asked] == NOT_ASKED).all()


def test_damaged_facts_are_told_in_one_line(corpus, tmp_path):
    save(tmp_path, corpus)
    (tmp_path / "facts.json").write_text('{"no such attribute": []}')
    with pytest.raises(ValueError, match=r"facts.json must hold the values of facts"):
        load([tmp_path])


def node(**values):
    facts = {Attribute(name): fact for name, fact in values.items()}
    return EventNode(
        number=0, kind="fell", episode=0, first_tick=0, tick=0, position=(0, 0), facts=facts
    )


def test_a_window_has_the_facts_of_its_event_and_none_that_are_disputed():
    keeper = FactsKeeper()
    keeper.keep(0, node(foot=Fact(value="left"), mood=Fact(value="low")))
    keeper.keep(0, node(foot=Fact(value="right"), mood=Fact(value="low")))
    keeper.keep(0, node(foot=Fact(value="left")))
    keeper.keep(2, node(thing=Fact(value="red cable", sensed=False)))
    facts = keeper.of(3)
    assert facts.known_rows.tolist() == [0, 2]
    assert facts.numbers[Attribute.FOOT].tolist() == [NOT_ASKED] * 3
    mood, obj = Attribute.MOOD, Attribute.THING
    assert facts.values[mood][facts.numbers[mood][0]] == "low"
    assert facts.values[obj][facts.numbers[obj][2]] == UNKNOWN


class FewWords(torch.nn.Module):
    """As much of a language model as the senses learn beside."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(4, 32)

    def get_input_embeddings(self):
        return self.words


@pytest.mark.slow
def test_senses_learn_to_tell_facts_that_a_guess_does_not(corpus):
    """At small size, of the very windows: whether every kind of memory reaches its facts."""
    facts = corpus.sensed.facts
    rows = facts.known_rows
    sensed = corpus.sensed.of(rows)
    torch.manual_seed(0)
    spread = {kind: np.ones(WINDOW[kind], np.float32) for kind in KINDS}
    grounded_model = GroundedModel(FewWords(), SenseEncoder(), spread, facts.values)
    optimiser = torch.optim.AdamW(grounded_model.parameters(), lr=2e-3)
    for _ in range(80):
        loss = grounded_model.sense_losses(sensed)["known"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    known = grounded_model.knows(sensed)
    guesses = {}
    for attribute in ATTRIBUTES:
        numbers = sensed.facts.numbers[attribute]
        counts = np.bincount(numbers[numbers != NOT_ASKED])
        guesses[attribute] = counts.max() / counts.sum()
    varied = {attribute: guess for attribute, guess in guesses.items() if guess < 0.9}
    assert len(varied) > len(ATTRIBUTES) / 2
    for attribute, guess in varied.items():
        assert known[attribute] > guess + 0.3 * (1 - guess), attribute


def test_a_line_that_is_no_dialogue_is_named(corpus, tmp_path):
    save(tmp_path, Corpus(dialogues=corpus.dialogues[:2], sensed=corpus.sensed))
    with (tmp_path / "lessons.jsonl").open("a") as file:
        file.write('{"shown": "x"}\n')
    with pytest.raises(ValueError, match=r"line 3 of .*lessons.jsonl is no dialogue"):
        load([tmp_path])


@pytest.mark.slow
def test_the_loss_reaches_the_senses(corpus, bundled):
    model, tokenizer = bundled
    spread = {kind: np.ones(WINDOW[kind], np.float32) for kind in KINDS}
    grounded_model = GroundedModel(model, SenseEncoder(), spread, corpus.sensed.facts.values)
    soft_tokens = [dialogue for dialogue in corpus.dialogues if len(dialogue.soft_tokens) > 2][:4]
    grounded_model.losses(batches(soft_tokens, corpus.sensed, tokenizer)[0])["told"].backward()
    for kind in KINDS:
        moved = [part.grad for part in grounded_model.senses.heads[kind].parameters()]
        assert any(one is not None and one.abs().sum() > 0 for one in moved), kind
    model.zero_grad()


@torch.no_grad()
def test_a_deeper_model_says_the_same_at_first(bundled):
    model, tokenizer = bundled
    tokens = torch.tensor([tokenizer.encode("did you fall in episode 2?")])
    deeper = deepened(model, model.config.num_hidden_layers + 2)
    assert deeper.config.num_hidden_layers == model.config.num_hidden_layers + 2
    torch.testing.assert_close(deeper(tokens).logits, model(tokens).logits)


def small_training(folder, *more):
    sizes = "rounds=1", "dialogues_per_round=8", "senses_steps=5", "words=20", "held_out=0"
    register("train_question_answering")
    with initialize_config_module("configs", version_base="1.3"):
        return compose(
            "train_question_answering", [f"folder={folder}", "rehearsal=1", *sizes, *more]
        )


def some_decisions(path):
    """Write examples of decisions to rehearse, and return where they are."""
    asked = Prompt.single_turn(
        system="you live in trip", user="mission: fetch the red key\nhand: empty"
    )
    reply = "<answer>pick up red key, normal</answer>"
    write_examples(path, [Example(prompt=asked, reply=reply)] * 4)
    return path


@pytest.mark.parametrize(
    "bad", ["episodes=-1", "rounds=0", "context=0", "words=-1", "rehearsal=-1.0"]
)
def test_a_number_out_of_range_is_told_before_anything_is_lived(tmp_path, bad):
    name, _, given = bad.partition("=")
    with pytest.raises(ValueError, match=rf"^{name} must be at least \d, got {given}$"):
        run(small_training(tmp_path / "teller", bad))
    assert not (tmp_path / "teller").exists()


@pytest.mark.parametrize(
    ("learns", "message"),
    [
        ("learns=[]", "learns must name some of model, adapter, senses, projector, got none"),
        ("learns=[adaptor]", "learns must name some of .*, got adaptor"),
        ("learns=[model,adapter]", "learns must name model or adapter, got both"),
        ("adapter=somewhere", r"adapter is gone on from where it learns, got learns=\['model'"),
    ],
)
def test_what_cannot_learn_is_told_before_anything_is_lived(tmp_path, learns, message):
    with pytest.raises(ValueError, match=message):
        run(small_training(tmp_path / "teller", learns))
    assert not (tmp_path / "teller").exists()


def test_a_device_that_is_not_there_is_told_before_anything_is_lived(tmp_path):
    with pytest.raises(ValueError, match="device must be auto, cpu, or a GPU"):
        run(small_training(tmp_path / "teller", "device=warp:7"))
    assert not (tmp_path / "teller").exists()


@pytest.mark.slow
def test_training_leaves_a_model_that_can_feel(corpus, tmp_path, monkeypatch):
    """And a card that says how it was made; at the smallest size, from any folder."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path, corpus)
    rehearsed = some_decisions(tmp_path / "examples.jsonl")
    run(small_training(tmp_path, f"rehearsed={rehearsed}", f"lived=[{tmp_path}]"))
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["lessons"] == len(corpus.dialogues)
    assert 0 <= card["facts_known_by_senses_alone"]["foot"] <= 1
    assert card["rehearsed"] == 4
    assert str(tmp_path) not in json.dumps(card), "folders of this machine are nobody's business"
    assert card["decided"] > 0
    from mind.language_models.transformers_model import TransformersModel

    model = TransformersModel(path=str(tmp_path))
    assert model.takes_soft_tokens
    assert model.encoder == load_encoder(tmp_path).fingerprint()


# ---- An adapter to a model that stays as it is ----


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return the folder of a model that has learned nothing, of the smallest size."""
    return untrained(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapted(base, corpus, tmp_path_factory):
    """Return the folder of an adapter to it, that was trained to read what is felt."""
    pytest.importorskip("peft")
    folder = tmp_path_factory.mktemp("adapted")
    save(folder, corpus)
    rehearsed = some_decisions(folder / "examples.jsonl")
    run(adapter_training(base, folder, f"rehearsed={rehearsed}", "rank=2"))
    return folder


def adapter_training(base, folder, *more):
    return small_training(folder, f"start={base}", ADAPTER, f"lived=[{folder}]", *more)


def test_an_adapter_reads_what_is_felt_through_a_projector_of_its_own(base, adapted):
    from mind.language_models.transformers_model import TransformersModel
    from mind.sense_encoder.encoder import encoder_of

    assert not (adapted / "model.safetensors").exists(), "the model stays where it is"
    card = json.loads((adapted / "card.json").read_text())
    assert card["system"] is False
    assert card["decided"] > 0
    model = TransformersModel(path=str(base), adapter=str(adapted))
    assert model.takes_soft_tokens
    encoder = encoder_of({"path": str(base), "adapter": str(adapted)})
    assert encoder
    assert model.encoder == encoder.fingerprint()
    assert not TransformersModel(path=str(base)).takes_soft_tokens


def test_an_adapter_and_its_projector_go_on_from_where_they_were(base, adapted, corpus, tmp_path):
    from safetensors.torch import load_file

    save(tmp_path, corpus)
    still = ("learning_rate=1e-12", "senses_learning_rate=1e-12", "rehearsal=0")
    run(adapter_training(base, tmp_path, f"adapter={adapted}", *still))
    for name in ("adapter_model.safetensors", "projector.safetensors"):
        before, after = load_file(adapted / name), load_file(tmp_path / name)
        for key, weights in before.items():
            torch.testing.assert_close(after[key], weights, atol=1e-6, rtol=0)
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["went_on_from"].keys() == {"command", "commit", "examples"}
    moved = load_file(adapted / "adapter_model.safetensors")
    assert all(one.abs().sum() > 0 for one in moved.values()), "both of each pair have learned"


def test_who_learns_no_senses_has_those_that_come_with_the_mind(base, corpus, tmp_path):
    save(tmp_path, corpus)
    learns = ("learns=[projector]", f"start={base}", f"lived=[{tmp_path}]", "rehearsal=0")
    run(small_training(tmp_path, *learns))
    assert load_encoder(tmp_path).fingerprint() == load_encoder(BUNDLED).fingerprint()
