"""Getting across: what the world says was crossed, and what a body makes of it by itself."""

import numpy as np
import pytest
from drawn_room import COLOR, KNOWN_RULES, DrawnRoom

from agents.reactive import Reactive
from body.body import Body
from body.motor import ScriptedMotor
from body.senses import Senses
from body.types import NoticedEvent
from envs.engine.body_senses import Posture
from envs.trip.env import TripVectorEnv
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Action, Cause, EventKind, Object

GOT_ACROSS, FELL = NoticedEvent.GOT_ACROSS, NoticedEvent.FELL
BATCH = 100
TICK_S, CELL_M = KNOWN_RULES["tick_s"], KNOWN_RULES["cell_m"]
ODD = [Action.LEFT, Action.RIGHT, Action.STEP_HIGH, Action.TOGGLE, Action.RISE, Action.DONE]
ODD += [Action.FORWARD] * 4 + [Action.RUN] * 2


# ---- In rooms drawn by hand ----


class Walker:
    """A body in a drawn room, and what it notices of its own walk.

    Attributes:
        crossed: Ticks in which the world says that something was crossed.
        noticed: Ticks in which the body notices that it got across something.
        about: What it then believes to have crossed.
    """

    def __init__(self, *drawing, **of_room):
        self.room, self._senses = DrawnRoom(*drawing, **of_room), Senses(1, TRIP)
        self.crossed, self.noticed, self.about, self._tick = [], [], [], 0
        self._perceive()

    def _perceive(self):
        percept = self._senses.perceive(self.room.world.observed(slice(None)))
        if percept.events[0, GOT_ACROSS]:
            self.noticed.append(self._tick)
            self.about.append(tuple(percept.event_objects[0].tolist()))
        return percept

    def do(self, action, ticks=1):
        for _ in range(ticks):
            self._tick += 1
            if EventKind.CROSSED in self.room.do(action):
                self.crossed.append(self._tick)
            self._perceive()
        return self

    def walk(self, cells):
        """Walk on by so many cells."""
        for _ in range(cells):
            before = self.room.cell
            while self.room.cell == before:
                self.do(Action.FORWARD)
        return self

    def fall_on_entering(self):
        """Arrive in the next cell, and fall, in the same tick."""
        body, before = self.room.body, self.room.cell
        while body["progress"] + body["speed"] * TICK_S / CELL_M < 1.0:
            self.do(Action.FORWARD)
        self.room.stumbling(lean=2.0, speed=float(body["speed"]))
        self.do(Action.FORWARD)
        assert self.room.cell != before
        assert self.room.body["posture"] == Posture.DOWN
        return self

    def fall(self):
        """Fall in the middle of a cell."""
        before = self.room.cell
        self.room.stumbling(lean=2.0, speed=0.0)
        self.do(Action.DONE)
        assert (self.room.cell, self.room.body["posture"]) == (before, Posture.DOWN)
        return self

    def get_up(self):
        while self.room.body["posture"] != Posture.STAND:
            self.do(Action.RISE)
        return self


@pytest.mark.parametrize(("mark", "kind"), [("i", Object.ICE), ("r", Object.RUG_EDGE)])
def test_behind_four_cells_of_a_hazard_it_is_crossed_and_noticed_in_the_same_tick(mark, kind):
    walker = Walker(">." + 4 * mark + "..").walk(5)
    assert walker.crossed == walker.noticed == []
    walker.walk(1)
    assert walker.crossed == walker.noticed != []
    assert walker.about == [(kind, COLOR)]
    event = walker.room.history[-1]
    assert (event["kind"], event["cause"]) == (EventKind.CROSSED, Cause[kind.name])
    assert walker.walk(1).crossed == walker.noticed
    assert len(walker.noticed) == 1


@pytest.mark.parametrize("way", ["i", "ii", "iii", "i.i.i.i.i", "iirr", "ii.ii", "rririr"])
def test_narrow_bands_and_others_one_after_the_other_are_not_crossed(way):
    walker = Walker(">." + way + "..").walk(len(way) + 2)
    assert walker.crossed == walker.noticed == []


def test_of_two_hazards_in_a_row_the_last_one_is_crossed_if_it_is_long_enough():
    walker = Walker(">.iirrrr..").walk(8)
    assert walker.crossed == walker.noticed != []
    assert walker.about == [(Object.RUG_EDGE, COLOR)]


def test_a_longer_stretch_is_crossed_once():
    walker = Walker(">.kkkkkkkk..").walk(11)
    assert walker.crossed == walker.noticed
    assert len(walker.crossed) == 1


def test_who_stands_still_or_turns_on_the_way_gets_across_all_the_same():
    walker = Walker("#########", ">.iiii...", "#########").walk(3)
    walker.do(Action.DONE, 5).do(Action.LEFT).do(Action.RIGHT).walk(3)
    assert walker.crossed == walker.noticed
    assert len(walker.crossed) == 1


@pytest.mark.parametrize("cells", [2, 3, 4, 5])
def test_a_fall_on_the_way_is_neither_crossed_nor_noticed(cells):
    walker = Walker(">.iiii..").walk(cells).fall().get_up().walk(6 - cells)
    assert walker.crossed == walker.noticed == []


@pytest.mark.parametrize("cells", [1, 2, 3, 4])
def test_a_fall_into_a_cell_of_the_way_is_neither_crossed_nor_noticed(cells):
    walker = Walker(">.iiii..").walk(cells).fall_on_entering().get_up().walk(5 - cells)
    assert walker.crossed == walker.noticed == []


def test_after_a_fall_four_more_cells_are_a_way_again():
    walker = Walker(">.iiiiiiii..").walk(4).fall().get_up().walk(6)
    assert walker.crossed == walker.noticed
    assert len(walker.crossed) == 1


def test_a_fall_in_the_tick_in_which_it_is_across_is_noticed_as_a_fall():
    walker = Walker(">.iiii..").walk(5).fall_on_entering()
    assert len(walker.crossed) == 1  # the world says both, one after the other
    assert walker.noticed == []


# ---- In many rooms ----


def lives(odd, ticks=350):
    """Return what the world says and what bodies notice, (ticks, BATCH), over many episodes.

    Args:
        odd: Share of ticks in which a body does something else than what it should.
        ticks: How long they live.
    """
    env = TripVectorEnv(
        BATCH, level=5, layouts=128, autoreset_mode="Disabled", max_episode_steps=10_000
    )
    agent, senses = Reactive(Body(BATCH, TRIP, ScriptedMotor())), Senses(BATCH, TRIP)
    rng, kept = np.random.default_rng(0), []
    observation, _ = env.reset(seed=3)
    agent.begin(observation, np.arange(BATCH), range(BATCH))
    senses.perceive(observation)
    for _ in range(ticks):
        actions = agent.act(observation)
        actions = np.where(rng.random(BATCH) < odd, rng.choice(ODD, BATCH), actions)
        observation, _, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        if over.any():
            observation, _ = env.reset(options={"reset_mask": over})
            senses.begin(np.flatnonzero(over))
            agent.begin(observation, np.flatnonzero(over), np.flatnonzero(over).tolist())
        percept, kinds = senses.perceive(observation), info["events"]["kind"]
        crossed = (kinds == EventKind.CROSSED) & ~over[:, None]
        kept.append({
            "crossed": crossed.any(1),
            "cause": np.where(crossed, info["events"]["cause"], 0).max(1),
            "fell": (kinds == EventKind.FALL).any(1),
            "noticed": percept.events[:, GOT_ACROSS].copy(),
            "about": percept.event_objects.copy(),
        })  # fmt: skip
    env.close()
    return {name: np.array([tick[name] for tick in kept]) for name in kept[0]}


@pytest.mark.parametrize(("odd", "least"), [(0.0, 100), (0.3, 50), (0.6, 10)])
def test_what_bodies_notice_of_ways_agrees_with_what_the_world_says(odd, least):
    lived = lives(odd)
    both = lived["noticed"] & lived["crossed"]
    assert both.sum() >= least
    assert lived["fell"].sum() >= 50
    assert not (lived["noticed"] & ~lived["crossed"]).any()
    # Who falls in the very tick in which it is across notices the fall: a tick is felt as one.
    unnoticed = lived["crossed"] & ~lived["noticed"]
    assert (lived["fell"] | ~unnoticed).all()
    causes = {int(Object[cause.name]): cause for cause in Cause if cause.name in Object.__members__}
    believed = [causes[obj] for obj in lived["about"][both][:, 0].tolist()]
    assert believed == lived["cause"][both].tolist()
    assert len(set(believed)) > 3
