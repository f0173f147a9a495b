"""Direct preference optimisation, against what is known of it."""

import dataclasses
import math

import pytest
import torch

from mind.language_models.inference import Row, log_probs
from mind.learning.dpo import (
    Learner,
    Pair,
    Settings,
    log_probs_of,
    margins,
    preference_loss,
)
from tests.mind.test_grpo import gradient_of, model, trl_tokenizer

SETTINGS = Settings(learning_rate=0.01)
BY_EXAMPLE = dataclasses.replace(SETTINGS, by_example=True)


def pairs(network=None):
    found = [
        Pair(prompt=Row([5, 6, 7]), chosen=[8, 9], rejected=[8, 10, 11]),
        Pair(prompt=Row([3]), chosen=[4, 4, 4, 4], rejected=[2]),
        Pair(prompt=felt(), chosen=[12], rejected=[9, 1]),
    ]
    return Learner(network or model(), SETTINGS).referred(found)


def felt():
    return Row([6, 0, 0, 7], (1, 2), torch.linspace(-1.0, 1.0, 32).view(2, 16))


def gradient(network, settings, some):
    Learner(network, settings).learn(some, 0)
    return torch.cat([gradient_of(one).flatten() for one in network.parameters()])


# ---- The loss ----


def test_the_loss_of_a_pair_is_what_one_computes_by_hand():
    """The chosen reply gained 2 nats and the rejected one lost 1: h = 0.1 * 3."""
    now, reference = torch.tensor([[-3.0, -4.0]]), torch.tensor([[-5.0, -3.0]])
    assert margins(now, reference).tolist() == [3.0]
    expected = math.log(1.0 + math.exp(-0.3))
    assert preference_loss(now, reference, beta=0.1).item() == pytest.approx(expected)


def test_the_gradient_is_larger_where_the_order_is_wrong():
    """The gradient of equation 7: beta sigmoid(-h), up for the one reply, down for the other."""
    now = torch.tensor([[-1.0, -6.0], [-6.0, -1.0]], requires_grad=True)
    preference_loss(now, torch.full((2, 2), -3.0), beta=0.5).sum().backward()
    (up, down), (more, less) = gradient_of(now).tolist()
    assert up == pytest.approx(-0.5 / (1.0 + math.exp(2.5)))
    assert more == pytest.approx(-0.5 / (1.0 + math.exp(-2.5)))
    assert (down, less) == (pytest.approx(-up), pytest.approx(-more))


# ---- Log-probabilities ----


def test_replies_are_read_as_one_by_one_whatever_stands_beside_them():
    network, some = model(), pairs()
    found = log_probs_of(network, some)
    for pair, both in zip(some, found.tolist(), strict=True):
        alone = [sum(log_probs(network, pair.prompt, [one])[0]) for one in (
            pair.chosen, pair.rejected)]  # fmt: skip
        assert both == pytest.approx(alone, abs=1e-5)
        assert pair.reference == pytest.approx(alone, abs=1e-5)


def test_what_is_felt_is_read_too():
    words = dataclasses.replace(felt(), vectors=torch.zeros(2, 16))
    both = [Pair(prompt=prompt, chosen=[12], rejected=[9, 1]) for prompt in (felt(), words)]
    one, other = log_probs_of(model(), both).tolist()
    assert one != pytest.approx(other, abs=1e-3)


# ---- Learning ----


def test_the_chosen_reply_gains_on_the_rejected_one():
    network = model()
    some, learner = pairs(), Learner(network, SETTINGS)
    first = learner.learn(some, seed=0)
    assert first["loss"] == pytest.approx(math.log(2.0))
    assert first["margin"] == pytest.approx(0.0, abs=1e-5)
    for step in range(1, 6):
        last = learner.learn(some, seed=step)
    assert last["loss"] < first["loss"]
    assert last["margin"] > 0.5
    assert last["margin"] == pytest.approx(last["chosen"] - last["rejected"], abs=1e-4)


def test_by_example_the_rejected_reply_teaches_nothing():
    others = [dataclasses.replace(one, rejected=[1, 2, 3]) for one in pairs()]
    same = [gradient(model(), BY_EXAMPLE, some) for some in (pairs(), others)]
    assert torch.allclose(same[0], same[1], atol=1e-6)
    assert same[0].norm() > 0.01
    compared = [gradient(model(), SETTINGS, some) for some in (pairs(), others)]
    assert not torch.allclose(compared[0], compared[1], atol=1e-3)


@pytest.mark.parametrize("settings", [SETTINGS, BY_EXAMPLE])
def test_an_update_does_not_depend_on_how_it_is_cut_into_passes(settings):
    alone = dataclasses.replace(settings, tokens_per_batch=1)
    both = [gradient(model(), one, pairs()) for one in (settings, alone)]
    assert torch.allclose(both[0], both[1], atol=1e-6)
    assert both[0].norm() > 0.01


def test_a_checkpoint_goes_on_to_the_same_next_weights(tmp_path):
    whole, begun, resumed = model(), model(), model()
    first, before, after = (Learner(one, SETTINGS) for one in (whole, begun, resumed))
    for step in range(4):
        first.learn(pairs(), seed=step)
    for step in range(2):
        before.learn(pairs(), seed=step)
    before.save(tmp_path / "checkpoint.safetensors", {})
    after.load(tmp_path / "checkpoint.safetensors")
    for step in range(2, 4):
        after.learn(pairs(), seed=step)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


# ---- Beside another's ----


@pytest.mark.parametrize(("settings", "name"), [(SETTINGS, "sigmoid"), (BY_EXAMPLE, "sft")])
def test_loss_and_gradient_are_those_of_trl(tmp_path, settings, name):
    trl = pytest.importorskip("trl", reason="the loss is compared with that of trl")
    datasets, pyarrow = pytest.importorskip("datasets"), pytest.importorskip("pyarrow")
    network, prompt = model(), [5, 6, 7]
    network.save_pretrained(tmp_path)
    network.config._name_or_path = str(tmp_path)  # where trl finds what to stay near to
    some = [
        Pair(prompt=Row(prompt), chosen=[8, 9], rejected=[8, 10, 11], reference=(-7.0, -9.5)),
        Pair(prompt=Row(prompt), chosen=[4, 4, 4], rejected=[2], reference=(-11.5, -3.0)),
    ]
    replies = [one.chosen for one in some] + [one.rejected for one in some]
    said = torch.tensor([[0] * 3 + [1] * len(one) + [0] * (3 - len(one)) for one in replies])
    tokens = torch.tensor([[*prompt, *one, *[0] * (3 - len(one))] for one in replies])
    trainer = trl.DPOTrainer(
        model=network,
        args=trl.DPOConfig(
            loss_type=[name], beta=settings.beta, use_cpu=True, bf16=False, report_to=[],
        ),
        train_dataset=datasets.Dataset(
            pyarrow.table({"prompt": ["1"], "chosen": ["2"], "rejected": ["3"]}),
            fingerprint="asked",
        ),
        processing_class=trl_tokenizer(),
    )  # fmt: skip
    trainer.precompute_ref_logps = True  # it is told what they are
    theirs = trainer._compute_loss(
        trainer.model,
        {
            "input_ids": tokens,
            "attention_mask": torch.cat([torch.ones(4, 3).long(), said[:, 3:]], dim=1),
            "completion_mask": said,
            "ref_chosen_logps": torch.tensor([one.reference[0] for one in some]),
            "ref_rejected_logps": torch.tensor([one.reference[1] for one in some]),
        },
        return_outputs=False,
    )
    ours = Learner(own := model(), settings)
    seen = ours.learn(some, seed=0)
    assert seen["loss"] == pytest.approx(theirs.item(), rel=1e-5)
    found = torch.autograd.grad(theirs, list(network.parameters()))
    norm = torch.cat([one.flatten() for one in found]).norm()
    assert seen["gradient"] == pytest.approx(norm.item(), rel=1e-4)
    for one, other in zip(own.parameters(), found, strict=True):
        assert torch.allclose(gradient_of(one), other / max(norm, 1.0), atol=1e-6)
