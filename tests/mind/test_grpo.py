"""Group relative policy optimisation, against what is known of it."""

import dataclasses

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from mind.language_models.inference import Row, log_probs
from mind.learning.checkpoints import place_of
from mind.learning.grpo import (
    Group,
    Learner,
    Settings,
    advantages,
    log_probs_of,
    policy_loss,
)

SETTINGS = Settings(learning_rate=0.01, length=1)
ALL_SAID = torch.ones(1, 1, dtype=torch.bool)


def model(seed=0):
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=40,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=64,
        )
    ).eval()


def group(rewards, *, prompt=(5, 6, 7), candidates=((8, 9), (8, 10, 11), (12,)), chooses=False):
    taken = [place % len(candidates) for place in range(len(rewards))]
    row = Row(list(prompt))
    scores = log_probs(model(), row, candidates)
    before = [scores[place] for place in taken]
    if chooses:
        sums = torch.tensor([sum(one) for one in scores]).log_softmax(0)
        before = [[float(sums[place])] for place in taken]
    return Group(
        prompt=row,
        candidates=candidates,
        taken=taken,
        before=before,
        rewards=rewards,
        chooses=chooses,
    )


def gradient_of(one):
    assert one.grad is not None
    return one.grad


# ---- The loss ----


def test_the_gradient_is_that_of_the_expected_reward_of_a_bandit():
    """In a group that holds each arm as often as it is probable, nothing is left to chance."""
    probable, rewards = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([1.0, 3.0, -2.0])
    arms = torch.tensor([0, 0, 1, 2])
    preferences = probable.log().requires_grad_()
    now = preferences.log_softmax(0)[arms, None]
    loss = policy_loss(
        now, now.detach(), advantages(rewards[arms]), torch.ones(4, 1, dtype=torch.bool), SETTINGS
    )
    (gradient,) = torch.autograd.grad(loss, preferences)
    expected = -probable * (rewards - probable @ rewards)
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_an_advantage_is_not_divided_by_the_spread_of_its_group():
    assert advantages(torch.tensor([[0.0, 1.0], [0.0, 10.0]])).tolist() == [[-0.5, 0.5], [-5, 5]]


@pytest.mark.parametrize(
    ("ratio", "advantage", "learns"),
    [(1.3, 1.0, False), (1.25, 1.0, True), (1.3, -1.0, True), (0.7, -1.0, False), (0.7, 1.0, True)],
)
def test_what_has_moved_far_enough_moves_no_further(ratio, advantage, learns):
    now = torch.tensor([[ratio]]).log().requires_grad_()
    loss = policy_loss(now, torch.zeros(1, 1), torch.tensor([advantage]), ALL_SAID, SETTINGS)
    loss.backward()
    assert bool(gradient_of(now).abs().sum() > 0) is learns


def test_the_divergence_draws_back_to_where_training_began():
    settings = dataclasses.replace(SETTINGS, kl=0.1)
    for moved, sign in ((0.5, 1), (-0.5, -1), (0.0, 0)):
        now = torch.full((1, 1), -1.0 + moved).requires_grad_()
        reference = torch.full((1, 1), -1.0)
        loss = policy_loss(now, now.detach(), torch.zeros(1), ALL_SAID, settings, reference)
        loss.backward()
        assert loss.item() >= 0.0
        assert torch.sign(gradient_of(now)).item() == sign


def test_a_long_reply_counts_no_less_than_a_short_one_for_each_token():
    said = torch.tensor([[True, False, False], [True, True, True]])
    now = torch.zeros(2, 3, requires_grad=True)
    policy_loss(now, torch.zeros(2, 3), torch.ones(2), said, SETTINGS).backward()
    assert gradient_of(now).tolist() == [[-0.5, 0.0, 0.0], [-0.5, -0.5, -0.5]]


# ---- Log-probabilities ----


def test_replies_are_read_as_one_by_one_whatever_stands_beside_them():
    network = model()
    other = group([0.0, 1.0], prompt=[3], candidates=((4, 4, 4, 4), (2,)))
    now, said = log_probs_of(network, [group([0.0, 1.0, 2.0]), other])
    alone = log_probs(network, Row([5, 6, 7]), [[8, 9], [8, 10, 11], [12]])
    alone += log_probs(network, Row([3]), [[4, 4, 4, 4], [2]])
    assert said.sum(dim=1).tolist() == [2, 3, 1, 4, 1]
    for row, known, expected in zip(now, said, alone, strict=True):
        assert row[known].tolist() == pytest.approx(expected, abs=1e-5)


def test_a_choice_is_one_token_among_the_candidates():
    now, said = log_probs_of(model(), [group([0.0, 0.0, 0.0], chooses=True)])
    assert said.tolist() == [[True]] * 3
    assert now.exp().sum().item() == pytest.approx(1.0)


# ---- Learning ----


@pytest.mark.parametrize("chooses", [False, True])
def test_what_was_rewarded_becomes_more_probable(chooses):
    network = model()
    learner = Learner(network, SETTINGS)
    taught = group([0.0, 1.0, 0.0], chooses=chooses)
    first, _ = log_probs_of(network, [taught])
    for step in range(5):
        learner.learn([taught], seed=step)
    last, _ = log_probs_of(network, [taught])
    gained = (last - first).sum(dim=1)
    assert gained[1] > 0.05
    assert gained[1] > max(gained[0], gained[2])


def test_an_update_does_not_depend_on_how_it_is_cut_into_passes():
    groups = [group([0.0, 1.0, 0.5]), group([1.0, 0.0], prompt=[3]), group([1.0, 0.0], prompt=[9])]
    gradients = []
    for tokens in (4000, 1):
        network = model()
        Learner(network, dataclasses.replace(SETTINGS, tokens_per_batch=tokens)).learn(groups, 0)
        gradients.append(torch.cat([gradient_of(one).flatten() for one in network.parameters()]))
    assert torch.allclose(*gradients, atol=1e-6)
    assert gradients[0].norm() > 0.01


def test_a_divergence_costs_nothing_at_first_and_holds_back_later():
    settings = dataclasses.replace(SETTINGS, kl=10.0)
    moved = []
    for chosen in (SETTINGS, settings):
        network = model()
        learner = Learner(network, chosen)
        for step in range(6):
            seen = learner.learn([group([0.0, 1.0, 0.0])], seed=step)
        moved.append(seen["moved"])
    assert moved[1] < 0.5 * moved[0]


def test_a_checkpoint_goes_on_to_the_same_next_weights(tmp_path):
    whole, begun, resumed = model(), model(), model()
    first = Learner(whole, SETTINGS)
    for step in range(4):
        first.learn([group([0.0, 1.0, 0.0])], seed=step)
    before = Learner(begun, SETTINGS)
    for step in range(2):
        before.learn([group([0.0, 1.0, 0.0])], seed=step)
    before.save(tmp_path / "checkpoint.safetensors", {})
    after = Learner(resumed, SETTINGS)
    after.load(tmp_path / "checkpoint.safetensors")
    for step in range(2, 4):
        after.learn([group([0.0, 1.0, 0.0])], seed=step)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_damaged_checkpoint_and_one_of_another_model_are_refused(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read"):
        place_of(path)
    Learner(torch.nn.Linear(2, 2), SETTINGS).save(path, {})
    with pytest.raises(ValueError, match="of the model that is trained"):
        Learner(model(), SETTINGS).load(path)


# ---- Beside another's ----


def test_the_loss_is_that_of_trl(tmp_path):
    trl = pytest.importorskip("trl", reason="the loss is compared with that of trl")
    datasets, pyarrow = pytest.importorskip("datasets"), pytest.importorskip("pyarrow")
    network = model()
    network.save_pretrained(tmp_path)
    network.config._name_or_path = str(tmp_path)  # where trl finds what to diverge from
    said = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]])
    completions = torch.tensor([[8, 9, 0], [8, 10, 11], [12, 0, 0], [8, 9, 0]])
    prompts = torch.tensor([[5, 6, 7]] * 4)
    rewards = torch.tensor([0.3, 1.0, -0.5, 0.2])
    now, _ = log_probs_of(network, [trl_group(rewards)])
    noise = torch.linspace(-0.5, 0.5, 12).view(4, 3)
    before, reference = now.detach() + noise, now.detach() - 0.7 * noise
    ours = policy_loss(
        now,
        before,
        advantages(rewards),
        said.bool(),
        Settings(learning_rate=0.0, length=7, kl=0.3),
        reference,
    )
    trainer = trl.GRPOTrainer(
        model=network,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=trl.GRPOConfig(
            loss_type="dr_grpo", beta=0.3, epsilon=0.2, epsilon_high=0.28, max_completion_length=7,
            per_device_train_batch_size=4, num_generations=4, use_cpu=True, bf16=False,
            report_to=[],
        ),
        train_dataset=datasets.Dataset(pyarrow.table({"prompt": ["1 2"]}), fingerprint="asked"),
        processing_class=trl_tokenizer(),
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    theirs = trainer._compute_loss(
        trainer.model,
        {
            "prompt_ids": prompts,
            "prompt_mask": torch.ones_like(prompts),
            "completion_ids": completions,
            "completion_mask": said,
            "advantages": advantages(rewards),
            "old_per_token_logps": before,
            "ref_per_token_logps": reference,
        },
    )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    grown = [torch.autograd.grad(one, list(network.parameters())) for one in (ours, theirs)]
    for one, other in zip(*grown, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def trl_group(rewards):
    return dataclasses.replace(group([0.0] * 4), taken=[0, 1, 2, 0], rewards=rewards.tolist())


def trl_tokenizer():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({str(n): n for n in range(40)}, unk_token="0"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="0", eos_token="1")
