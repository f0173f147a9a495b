"""A being is saved to disk, loaded in a fresh process, and goes on as if nothing had happened."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from agents.attention import Attention
from agents.being import Being
from agents.soul import Soul
from agents.state import decision_from, decision_state, read_state, save_state
from body.ablation import Ablation
from body.body import Body
from body.motor import PolicyMotor
from body.types import Intent, Skill
from envs.engine.faces import WorldVectorEnv
from envs.engine.spec import find
from mind.language_models.transformers_model import TransformersModel
from mind.memory import ExperienceStore
from mind.pretrained import folder
from mind.reasoning.factory import LanguageMindFactory
from mind.reasoning.scale import PrivateScale
from mind.sense_encoder.encoder import load_encoder
from mind.types import Decision, Exchange
from tests.typist import Typist

ROOT = Path(__file__).parents[2]
WORLDS = {
    "trip": ("envs:Trip-v0", {"level": 4, "layouts": 8}),
    "babyai": ("envs:BabyAI-v0", {"task": "putnext", "layouts": 8}),
}


def wordy(prompt):
    """Choose an intent by the length of the prompt, with more or fewer words."""
    length = len(prompt.messages[1].text)
    plan = "<plan>hold red ball; see blue box</plan>" if length % 3 else ""
    what = ("look around", "wait", "go to red ball", "find blue box", "fly")[length % 5]
    return f"<think>{'so ' * (length % 11)}</think>{plan}<answer>{what}, fast</answer>"


class Life:
    """A being in its world, tick by tick, with all that shows of it."""

    def __init__(self, world, memory, *, num=6, model=None, name="body", senses=None):
        made_by, options = WORLDS[world]
        env = gymnasium.make_vec(made_by, num_envs=num, autoreset_mode="Disabled", **options)
        assert isinstance(env, WorldVectorEnv)
        self.env = env
        self.body = Body(num, find(world), PolicyMotor(world=world), senses or {})
        self.path, self.memory = memory, ExperienceStore(memory)
        encoder = None if model else load_encoder(folder("nano"))
        model = model or TransformersModel(
            path=folder("nano"), device="cpu", dtype="float32", temperature=0.0, stop=["</say>"],
            max_new_tokens=96,
        )  # fmt: skip
        minds = LanguageMindFactory(model, self.memory, senses=encoder)
        self.being = Being(
            self.body, Soul(num), minds, run_id="run", tokens_per_tick=3.0, name=name
        )
        self.episodes = np.arange(num)
        self.shown, self.decided, self.thinking = [], 0, False

    def begin(self):
        self.observation, _ = self.env.reset(seed=5)
        self.being.begin(self.observation, self.episodes, self.episodes.tolist())
        return self

    def live(self, ticks=10**9, decisions=10**9):
        until = self.decided + decisions
        for _ in range(ticks):
            self.tick()
            if self.decided >= until:
                break
        return self

    def tick(self):
        actions = self.being.act(self.observation)
        self.observation, _, terminated, truncated, _ = self.env.step(actions)
        over = np.flatnonzero(terminated | truncated)
        self.being.end(over)
        traces = [self.being.trace(row) for row in range(len(actions))]
        self.thinking = any(trace.thinking for trace in traces)
        self.decided += sum(trace.decision is not None for trace in traces)
        self.shown.append([actions.tolist(), *(shown(trace) for trace in traces)])
        if len(over):
            self.episodes[over] += len(self.episodes)
            mask = terminated | truncated
            self.observation, _ = self.env.reset(options={"reset_mask": mask})
            self.being.begin(self.observation, over, self.episodes[over].tolist())

    def save(self, into):
        """Write being, world and memory into a folder."""
        save_state(self.being.state(), into / "being.npz")
        save_state(self.env.fork_state(), into / "world.npz")
        save_state({"episodes": self.episodes.tolist()}, into / "episodes.npz")
        with sqlite3.connect(into / "memory.sqlite") as here:
            sqlite3.connect(self.path).backup(here)
        here.close()
        return self

    def load(self, saved):
        self.being.load_state(read_state(saved / "being.npz"))
        self.env.load_state(read_state(saved / "world.npz"))
        self.episodes[:] = read_state(saved / "episodes.npz")["episodes"]
        self.observation = self.env.world.observation
        return self


def shown(trace):
    """Return a trace as text, without what time it took on this machine.

    Nor with float32's last digits, which depend on who was written together.
    """
    decision = trace.decision and replace(
        trace.decision,
        latency_s=0,
        confidence=round(trace.decision.confidence, 6),
        exchanges=timeless(trace.decision.exchanges),
    )
    return repr(replace(trace, decision=decision, exchanges=timeless(trace.exchanges))) + (
        repr(decision.exchanges) if decision else ""
    )


def timeless(exchanges):
    return tuple(
        replace(one, latency_s=0, log_probability=round(one.log_probability, 4))
        for one in exchanges
    )


def go_on_elsewhere(world, saved):
    """Run `go_on` in a fresh process, and return what it showed."""
    command = f"from tests.agents.test_being_state import go_on; go_on({world!r}, {str(saved)!r})"
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)
    return json.loads((saved / "shown.json").read_text())


def go_on(world, saved):
    saved = Path(saved)
    life = Life(world, saved / "memory.sqlite", senses={"social": "shuffled"}).load(saved)
    life.live(decisions=100)
    (saved / "shown.json").write_text(json.dumps(life.shown))
    life.being.close()


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_a_being_loaded_in_a_fresh_process_takes_the_same_next_hundred_decisions(world, tmp_path):
    saved = tmp_path / "saved"
    saved.mkdir()
    life = Life(world, tmp_path / "memory.sqlite", senses={"social": "shuffled"}).begin()
    life.live(ticks=40)
    while not life.thinking:
        life.tick()
    life.save(saved)
    life.shown.clear()
    life.live(decisions=100)
    life.being.close()
    elsewhere = go_on_elsewhere(world, saved)
    assert len(elsewhere) == len(life.shown)
    for tick, (here, there) in enumerate(zip(life.shown, elsewhere, strict=True)):
        assert here == there, f"{tick} ticks after it was saved"


@pytest.fixture
def lives(tmp_path):
    made = []

    def make(*, world="trip", num=4, **more):
        life = Life(world, tmp_path / f"{len(made)}.sqlite", num=num, model=Typist(wordy), **more)
        made.append(life)
        return life

    yield make
    for life in made:
        life.being.close()


def test_saving_changes_nothing_in_the_life_that_goes_on(lives, tmp_path):
    undisturbed, saved = lives().begin(), lives().begin()
    for _ in range(12):
        undisturbed.live(ticks=11)
        assert saved.live(ticks=11).save(tmp_path).shown == undisturbed.shown
    assert any("reply='<think>" in shown for _, *rows in saved.shown for shown in rows)


def test_a_decision_that_is_written_when_it_is_saved_takes_effect_in_its_own_tick(lives):
    life = lives().begin()
    while not life.thinking:
        life.tick()
    pending = life.being.state()["thinking"]["pending"]
    assert pending
    effective = {
        int(row): one["since"] + -(-one["decision"]["tokens"] // 3) for row, one in pending.items()
    }
    while len(life.shown) < min(effective.values()):
        life.tick()
        taken = life.being.state()["thinking"]["made"]
        assert {int(row) for row in taken} >= {
            row for row, tick in effective.items() if tick == len(life.shown)
        }


def test_a_state_of_something_else_is_refused_in_one_line(lives):
    life = lives().begin().live(ticks=30)
    state = life.being.state()

    def refusal(being, state):
        with pytest.raises(ValueError) as refused:  # noqa: PT011  # looked at below
            being.load_state(state)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    assert "must be of body-0, body-1, got one of body-0" in refusal(lives(num=2).being, state)
    assert "must be of anna-0" in refusal(lives(name="anna").being, state)
    assert "must be of world 'babyai'" in refusal(lives(world="babyai").being, state)
    assert "got one without attention, soul" in refusal(
        life.being,
        {name: part for name, part in state.items() if name not in ("attention", "soul")},
    )
    assert "use a copy of its file from then" in refusal(lives().being, state | {"remembered": {
        "body-0": 7, "body-1": 0, "body-2": 0, "body-3": 0}})  # fmt: skip
    assert repr(life.being.state()) == repr(state)


def test_a_state_comes_back_from_its_file_as_it_was(tmp_path):
    records = np.zeros(2, np.dtype([("flag", np.bool_), ("number", np.int32)], align=True))
    records["number"] = 7, 8
    state = {"part": {"records": records, "words": ["red", "ä"], "inner": {"x": np.eye(2)}},
             "nan": float("nan"), "large": 2**100, "none": None, "empty": {}}  # fmt: skip
    save_state(state, tmp_path / "state.npz")
    came = read_state(tmp_path / "state.npz")
    inner, part = came["part"].pop("inner"), came.pop("part")
    np.testing.assert_array_equal(part.pop("records"), records)
    np.testing.assert_array_equal(inner["x"], np.eye(2))
    expected = {name: value for name, value in state.items() if name != "part"}
    assert (repr(came), part) == (repr(expected), {"words": ["red", "ä"]})
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"{}"])
def test_a_damaged_file_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected a being's state in .*state\.npz") as refused:
        read_state(path)
    assert "\n" not in str(refused.value)


# ---- Part by part ----


def test_attention_goes_on_from_what_was_saved(lives):
    life = lives()
    body, lived, fresh = life.body, Attention(4), Attention(4)
    observation, _ = life.env.reset(seed=1)
    percepts = [body.perceive(observation).copy()]
    for tick in range(60):
        observation, *_ = life.env.step(np.full(4, 2 + tick % 2))
        percepts.append(body.perceive(observation).copy())
    nobody = np.zeros(4, np.bool_)

    def due(attention, percept):
        attention.notice(percept)
        rows = attention.due(nobody, nobody.astype(int))
        attention.attend(rows)
        return rows.tolist()

    for percept in percepts[:17]:
        due(lived, percept)
    fresh.load_state(lived.state())
    going_on = [due(lived, percept) for percept in percepts[17:]]
    assert [due(fresh, percept) for percept in percepts[17:]] == going_on
    assert any(going_on)
    with pytest.raises(ValueError, match=r"attention state 'since' must be int64 of shape \(3,\)"):
        Attention(3).load_state(lived.state())


def test_recent_senses_go_on_from_what_was_saved(lives):
    life, other = lives().begin().live(ticks=21), lives()
    saved, rows = life.being._history.state(), np.arange(4)
    other.being._history.load_state(saved)
    for kind, windows in life.being.windows(rows).items():
        np.testing.assert_array_equal(other.being.windows(rows)[kind], windows)
    life.live(ticks=1)
    now = life.being._history.state()["trail"]["ticks.motor"]
    assert (saved["trail"]["ticks.motor"] != now).any()
    with pytest.raises(ValueError, match=r"trail state 'ticks\.sensation' must be float32"):
        lives(num=3).being._history.load_state(saved)


def test_a_scale_of_pain_goes_on_from_what_was_saved():
    lived, fresh = PrivateScale(), PrivateScale()
    for pain in (0.3, 0.7, 0.05, 1.4):
        lived.take(pain)
    fresh.load_state(json.loads(json.dumps(lived.state())))
    pains = (0.2, 0.71, 1.5, 0.7)
    assert [fresh.take(pain) for pain in pains] == [lived.take(pain) for pain in pains]
    assert PrivateScale().rank(0.71) != lived.rank(0.71)


def test_shuffled_senses_go_on_from_what_was_saved():
    ablation, fresh = (Ablation({"pain": "shuffled"}, find("trip")) for _ in range(2))
    observation = {"pain": np.arange(10.0).reshape(2, 5)}
    for _ in range(3):
        ablation.of(observation)
    fresh.load_state(json.loads(json.dumps(ablation.state())))
    for _ in range(5):
        expected = ablation.of(observation)["pain"]
        np.testing.assert_array_equal(fresh.of(observation)["pain"], expected)


def test_a_decision_comes_back_whole_from_plain_values():
    exchange = Exchange(key="k", reply="r", offered=(("wait, normal", 0.75), ("get up", 0.25)))
    wait = Intent(skill=Skill.WAIT)
    decision = Decision(intent=wait, goals=("a",), memories=(1,), exchanges=(exchange,))
    kept = json.loads(json.dumps(decision_state(decision), allow_nan=True))
    again = decision_from(kept)
    assert repr(again) == repr(decision)
    assert repr(again.exchanges) == repr(decision.exchanges)
