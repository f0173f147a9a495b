"""The end of an episode: what came last was felt, is remembered, and is checked like the rest."""

import pytest

from agents.being import Being
from agents.soul import Soul
from body.body import Body
from body.motor import HandyMotor
from body.types import Intent, Skill, Target
from envs.babyai.env import BabyAIVectorEnv
from envs.trip.env import TripVectorEnv
from experiments.ground_truth.checker import Checker
from experiments.recall_qa.episodes import Chronicler
from experiments.running.in_turn import run_in_turn
from experiments.running.loop import Loop
from experiments.training.behavior import BehaviorMind, BehaviorMindFactory, noisy_being
from mind.claims.language import Attribute, Claim, Verdict, When
from mind.memory import ExperienceStore
from mind.reasoning.deliberation import anything_goes
from mind.types import Decision
from tests.worlds.corridor import BALL, CORRIDOR, CorridorVectorEnv

pytestmark = pytest.mark.slow
WORLDS = {
    "trip": lambda rows: TripVectorEnv(rows, level=4, split="train", autoreset_mode="Disabled"),
    "babyai": lambda rows: BabyAIVectorEnv(
        rows, task="pickup", split="train", autoreset_mode="Disabled"
    ),
    "corridor": lambda rows: CorridorVectorEnv(rows, length=4, autoreset_mode="Disabled"),
}
ALWAYS_FELT = ("picked_up", "put_down", "fell", "stumbled")
LAST = ("picked_up", "put_down", "fall", "stumble")  # the same, as worlds say it


class Fetcher(BehaviorMind):
    """Picks up a ball as soon as it knows of one, and explores before."""

    def __init__(self, body_id):
        self.body_id = body_id

    async def decide(self, percept, feeling, context, why_not=anything_goes):
        fetch = Intent(skill=Skill.PICK_UP, target=Target(object=BALL))
        return Decision(intent=Intent(skill=Skill.LOOK_AROUND) if why_not(fetch) else fetch)


def being_in(env, memory, seed):
    spec, count = env.world.spec, env.num_envs
    if spec is not CORRIDOR:
        return noisy_being(spec, count, memory, run_id="end", name="body", seed=seed, senses=None)
    body = Body(count, spec, HandyMotor(spec))
    minds = BehaviorMindFactory(Fetcher, memory)
    return Being(body, Soul(count), minds, clock="paused", run_id="end", decide_every=1)


def last_events(graphs):
    """Return (graph, event) of all that happened in the last tick of an episode."""
    return [(one, node) for one in graphs for node in one.nodes if node.tick == one.ticks]


def remembered(memory, graph):
    """Return the ticks of an episode that are remembered."""
    rows = memory.recent(graph.body_id, 100_000)
    return {one.last_tick for one in rows if one.episode == graph.episode}


def assert_nothing_was_lost(graphs, memory):
    felt = [(one, node) for one, node in last_events(graphs) if node.kind in ALWAYS_FELT]
    assert felt, "no episode ended with an event that is always felt"
    for graph, node in felt:
        assert node.noticed, (graph.body_id, graph.episode, node.kind)
        assert node.tick in remembered(memory, graph)
        happened = Claim(
            event=node.kind,
            attribute=Attribute.HAPPENED,
            value="yes",
            when=When(episode=graph.episode),
        )
        assert Checker([graph]).check(happened) is Verdict.TRUE


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("world", WORLDS)
def test_what_ends_an_episode_is_felt_and_remembered(world, rows):
    with ExperienceStore(":memory:") as memory:
        env = WORLDS[world](rows)
        being = being_in(env, memory, seed=3)
        chronicler = Chronicler(being, env)
        for ended in run_in_turn(being, env, chronicler, seed=3, episodes=24 // rows):
            if (ended >= 24 // rows).all():
                break
        assert_nothing_was_lost(chronicler.episodes().graphs.values(), memory)
        being.close()


@pytest.mark.parametrize("world", WORLDS)
def test_and_so_is_what_came_last_where_somebody_stops(world):
    with ExperienceStore(":memory:") as memory:
        env = WORLDS[world](8)
        being = being_in(env, memory, seed=4)
        chronicler = Chronicler(being, env)

        def stopped():
            kinds = env.world.spec.events
            return any(kinds(int(one["kind"])).name.lower() in LAST for one in env.world.events())

        finished = Loop(
            env, being, [], episodes=8, world_seed=4, stopped=stopped, batch_callback=chronicler
        ).run()
        assert not finished
        assert_nothing_was_lost(chronicler.episodes().graphs.values(), memory)
        being.close()
