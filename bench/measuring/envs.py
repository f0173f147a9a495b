"""Worlds beside their peers, in turns: what `bench.envs` measures."""

import importlib.util
import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import gymnasium
import minigrid  # noqa: F401  (registers MiniGrid-FourRooms-v0)
import numpy as np

import envs  # noqa: F401  (registers envs:Trip-v0)
from bench.jax_peers import ROOMS
from envs.babyai.env import BabyAIVectorEnv
from envs.babyai.vocabulary import Action as HandyAction
from envs.engine.view import VIEW
from envs.trip.spec import TRIP
from envs.trip.state import BODY, OBJECT, OBJECTS
from envs.trip.vocabulary import MISSION_TOKENS, Action
from envs.trip.world import TripWorld

FOUR_ROOMS = "MiniGrid-FourRooms-v0"
SIZES = (1, 16, 256, 4096, 16384)
TARGETS = {256: 250, 4096: 300}  # times MiniGrid's single env
FORAGE_SIZES, FORAGE_TARGET = (1, 256, 4096), 1_500_000  # ticks per second, at the last one
HANDY_SIZE = 1024
HANDY_TARGET, HANDY_TARGET_JAX = 1000, 10  # times MiniGrid's, times the better JAX peer
SYNC_ENVS = 8
GROWTH_SIZES = (1, 4, 16, 64, 256, 1024, 4096, 16384)
GROWTH_THREADS = (1, 2)
ACTION_TICKS = 256
WARM_TICKS = 100
TICKS_A_ROUND = 400_000
COPIED_BYTES = 1 << 28


class Contestant:
    """Somebody who is timed in turns with the others.

    Attributes:
        name: What it is called in tables.
        env: What it steps, closed at the end.
        clock: Tells the seconds.
    """

    name: str
    env: Any
    clock: Callable[[], float] = staticmethod(time.process_time)

    def round(self) -> float:
        """Return ticks per second over one more round."""
        begun = self.clock()
        ticks = self._walk()
        return ticks / (self.clock() - begun)

    def _walk(self) -> int:
        """Take steps for a while and return how many ticks were lived."""
        raise NotImplementedError

    def close(self) -> None:
        """Release everything."""
        self.env.close()


# ---- The contestants ----


class SingleMiniGrid(Contestant):
    """A room of MiniGrid as `gymnasium.make` gives it, without the checker."""

    def __init__(self, room: str = "FourRooms"):
        self.name = f"MiniGrid {room}"
        self.env = gymnasium.make(f"MiniGrid-{room}-v0", disable_env_checker=True)
        self.env.reset(seed=0)
        self._actions = np.random.default_rng(0).integers(0, 7, 2000).tolist()

    def _walk(self) -> int:
        for action in self._actions:
            _, _, terminated, truncated, _ = self.env.step(action)
            if terminated or truncated:
                self.env.reset()
        return len(self._actions)


class SyncMiniGrid(Contestant):
    """The same in Gymnasium's SyncVectorEnv."""

    name = f"MiniGrid FourRooms, SyncVectorEnv of {SYNC_ENVS}"

    def __init__(self):
        self.env = gymnasium.make_vec(
            FOUR_ROOMS,
            num_envs=SYNC_ENVS,
            vectorization_mode="sync",
            vector_kwargs={"copy": False},
            disable_env_checker=True,
        )
        self.env.reset(seed=0)
        self._actions = np.random.default_rng(0).integers(0, 7, (250, SYNC_ENVS))

    def _walk(self) -> int:
        for actions in self._actions:
            self.env.step(actions)
        return self._actions.size


class JaxPeer(Contestant):
    """A peer of `bench.jax_peers`, in its own process, which tells its own rates.

    Raises:
        ImportError: If that Python has no such peer; the message is its own last line.
    """

    titles = MappingProxyType({"navix": "Navix", "xminigrid": "XLand-MiniGrid"})

    def __init__(self, python: str, peer: str, room: str):
        self._process = subprocess.Popen(
            [python, "-m", "bench.jax_peers", peer, room],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.name = f"{self.titles[peer]} {room}, best B = {self._answer()}"

    def round(self) -> float:
        """Ask for the ticks per second of one more round."""
        return float(self._answer("round"))

    def _answer(self, question: str = "") -> str:
        pipes = self._process
        assert pipes.stdin and pipes.stdout and pipes.stderr  # noqa: PT018  (all three are pipes, as asked for)
        if question:
            print(question, file=pipes.stdin, flush=True)
        line = pipes.stdout.readline()
        if not line:
            said = pipes.stderr.read().strip().splitlines()
            raise ImportError(said[-1] if said else "it ended without a word")
        return line.strip()

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


class Trip(Contestant):
    """A world of walking bodies, all senses on, through its public vector env.

    Args:
        size: How many bodies.
        copy: Whether observations are copies.
        threads: How many threads step them.
        action: The one action that everybody takes all the time; at random without.
    """

    world = "trip"

    def __init__(self, size: int, *, copy=False, threads=1, action: Action | None = None):
        self.name = f"{self.world}, B = {size:,}" + (", copies" if copy else "")
        self.size = size
        world = f"envs:{self.world.title()}-v0"
        self.env = gymnasium.make_vec(world, num_envs=size, copy=copy, threads=threads)
        self.env.world.make_layouts()
        self.env.reset(seed=0)
        shape = (ACTION_TICKS, size)
        drawn = np.random.default_rng(0).integers(0, len(Action), shape)
        self._actions = drawn if action is None else np.full(shape, action)
        self._ticks = min(4000, max(8, TICKS_A_ROUND // size))
        for tick in range(WARM_TICKS):  # by then bodies are at all stages of their episodes
            self.env.step(self._actions[tick])

    def _walk(self) -> int:
        for tick in range(self._ticks):
            self.env.step(self._actions[tick % ACTION_TICKS])
        return self._ticks * self.size


class Forage(Trip):
    """The same of `envs:Forage-v0`."""

    world = "forage"


class Handy(Contestant):
    """A room of MiniGrid on our engine, all senses on, through the public vector env."""

    title = "ours, as Gymnasium has it"

    def __init__(self, room: str, size: int = HANDY_SIZE):
        self.name = f"{room}, B = {size:,}, {self.title}"
        self.size = size
        id = f"MiniGrid-{room}-v0"
        self.env = BabyAIVectorEnv(size, level_id=id, split="any", copy=False)
        self.env.world.make_layouts()
        self.env.reset(seed=0)
        shape = (ACTION_TICKS, size)
        self._actions = np.random.default_rng(0).integers(0, len(HandyAction), shape)
        for tick in range(2 * WARM_TICKS):
            self.env.step(self._actions[tick])

    def _walk(self) -> int:
        ticks = TICKS_A_ROUND // self.size
        for tick in range(ticks):
            self.env.step(self._actions[tick % ACTION_TICKS])
        return ticks * self.size


class HandyWorld(Handy):
    """The same without Gymnasium's manners: nobody asks for infos and for last observations."""

    title = "ours, world and resets alone"

    def _walk(self) -> int:
        ticks, world = TICKS_A_ROUND // self.size, self.env.world
        for tick in range(ticks):
            world.step(self._actions[tick % ACTION_TICKS])
            done = world.terminated | world.truncated
            if done.any():
                world.reset(np.flatnonzero(done))
        return ticks * self.size


def jax_peers(python: str, room: str = "FourRooms") -> list[Contestant]:
    """Return those JAX peers that are installed; say so in one line of each that is not."""
    peers: list[Contestant] = []
    for peer in JaxPeer.titles:
        if python == sys.executable and importlib.util.find_spec(peer) is None:
            print(f"{JaxPeer.titles[peer]} is left out: it is not installed; see --jax-python")
            continue
        try:
            peers.append(JaxPeer(python, peer, room))
        except (ImportError, OSError) as error:
            print(f"{JaxPeer.titles[peer]} is left out: {error}")
    return peers


# ---- In turns ----


def in_turns(contestants: Sequence[Contestant], rounds: int) -> np.ndarray:
    """Return (rounds, contestants) ticks per second; nobody has the quiet minute for himself."""
    for contestant in contestants:
        contestant.round()
    return np.array([[each.round() for each in contestants] for _ in range(rounds)])


def compare(python: str, rounds: int) -> None:
    """Print the table of all contestants, and whether the targets are met."""
    contestants: list[Contestant] = [SingleMiniGrid(), SyncMiniGrid(), *jax_peers(python)]
    contestants += [Trip(size, copy=copy) for size in SIZES for copy in (False, True)]
    contestants.append(Trip(4096, action=Action.LEFT))
    contestants[-1].name = "trip, B = 4,096, every view a new one"
    contestants += [Forage(size) for size in FORAGE_SIZES]
    rates = in_turns(contestants, rounds)
    ratios = np.median(rates / rates[:, :1], axis=0)
    print(f"\n| {'one thread':44} | ticks/s | times MiniGrid |\n|---|--:|--:|")
    for contestant, rate, ratio in zip(contestants, np.median(rates, 0), ratios, strict=True):
        print(f"| {contestant.name:44} | {rate:11,.0f} | {ratio:7,.1f} |")
        contestant.close()
    print()
    by_name = {
        contestant.name: ratio for contestant, ratio in zip(contestants, ratios, strict=True)
    }
    forage = np.median(rates, 0)[-1]
    verdict = "met" if forage >= FORAGE_TARGET else "MISSED"
    print(f"target of forage at B = {FORAGE_SIZES[-1]:,}: {FORAGE_TARGET:,} ticks/s, {verdict}")
    for size, target in TARGETS.items():
        ratio = by_name[f"trip, B = {size:,}"]
        verdict = "met" if ratio >= target else "MISSED"
        print(f"target at B = {size:,}: {target} times MiniGrid; {ratio:.0f} times, {verdict}")


def compare_rooms(python: str, rounds: int) -> None:
    """Print, for each room, MiniGrid, the JAX peers and our engine, and whether targets are met."""
    print("\n| one thread | ticks/s | times MiniGrid | times the better JAX peer |")
    print("|---|--:|--:|--:|")
    for room in ROOMS:
        peers = jax_peers(python, room)
        contestants = [SingleMiniGrid(room), *peers, Handy(room), HandyWorld(room)]
        rates = in_turns(contestants, rounds)
        best = rates[:, 1 : 1 + len(peers)].max(1) if peers else np.nan
        beside = np.stack([rates / rates[:, :1], (rates.T / best).T])
        for i, (contestant, ratios) in enumerate(zip(contestants, beside.T, strict=True)):
            rate, (times, times_jax) = np.median(rates[:, i]), np.median(ratios, 0)
            print(f"| {contestant.name:52} | {rate:11,.0f} | {times:7,.1f} | {times_jax:6,.2f} |")
            contestant.close()
    print(
        f"\nwanted of ours: {HANDY_TARGET:,} times MiniGrid, "
        f"{HANDY_TARGET_JAX} times the better JAX peer"
    )


# ---- What memory would allow ----


def bandwidth() -> float:
    """Return bytes per second read or written by one thread that copies a large array."""
    source, target = np.ones(COPIED_BYTES, np.uint8), np.empty(COPIED_BYTES, np.uint8)
    seconds = []
    for _ in range(7):
        begun = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - begun)
    return 2 * COPIED_BYTES / float(np.median(seconds))


def share_of_new_views(size: int = 1024, ticks: int = 200) -> float:
    """Return in which share of random ticks a body's image is another than before."""
    world, rng = TripWorld(size), np.random.default_rng(0)
    world.reset(np.arange(size), seeds=np.arange(size))
    changed = 0
    for _ in range(ticks):
        before = world.observation["image"].copy()
        world.step(rng.integers(0, len(Action), size))
        changed += (before != world.observation["image"]).any((1, 2, 3)).sum()
    return changed / (size * ticks)


def bytes_per_tick(new_views: float) -> dict[str, float]:
    """Return how many bytes one body reads and writes in a tick, by what they are."""
    cells = VIEW**2
    return {
        "the body's record, read and written": 2 * BODY.itemsize,
        "its things, read": OBJECTS * OBJECT.itemsize,
        "what its image was drawn from, read and written": 2 * 8 * (OBJECTS + 1),
        "cells gathered, twice, where the view is new": new_views * 2 * 4 * cells,
        "image, where it is new": new_views * 3 * cells,
        "felt vector, mission and clock, written": 4 * (TRIP.vector_size + MISSION_TOKENS + 1),
        "action, rewards, ends, count of events": 8 + 8 + 2 + 8,
    }


def growth(rounds: int) -> None:
    """Print how the rate grows with bodies and threads, beside what memory would allow."""
    speed, new_views = bandwidth(), share_of_new_views()
    parts = bytes_per_tick(new_views)
    print(f"\n| {'bytes touched in a tick of one body':50} | bytes |\n|---|--:|")
    for name, size in (parts | {"in all": sum(parts.values())}).items():
        print(f"| {name:50} | {size:5.0f} |")
    bound = speed / sum(parts.values())
    print(f"\nviews are new in {new_views:.0%} of random ticks; one thread copies")
    print(
        f"{speed / 1e9:.1f} GB/s (read and written), which would allow {bound / 1e6:.1f} M ticks/s"
    )
    runs = [Trip(size, threads=threads) for size in GROWTH_SIZES for threads in GROWTH_THREADS]
    for run in runs:
        run.clock = time.perf_counter  # CPU time counts all threads
    rates = np.median(in_turns(runs, rounds), 0).reshape(len(GROWTH_SIZES), len(GROWTH_THREADS))
    print("\nby the clock on the wall, which other work on the machine slows down:")
    print("\n| B | 1 thread | 2 threads | 1 thread, of what memory allows |\n|--:|--:|--:|--:|")
    for size, row in zip(GROWTH_SIZES, rates, strict=True):
        cells = " | ".join(f"{rate / 1e6:.2f} M" for rate in row)
        print(f"| {size:,} | {cells} | {row[0] / bound:.0%} |")
    for run in runs:
        run.close()


def run(arguments: Namespace) -> None:
    """Measure, and print what came of it, as `bench.envs` was asked to."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if cores:  # one core for everybody, also for those whose libraries like threads
        os.sched_setaffinity(0, {min(cores)})
    if arguments.world != "trip":
        compare_rooms(str(arguments.jax_python), arguments.rounds)
    if arguments.world == "babyai":
        return
    compare(arguments.jax_python, arguments.rounds)
    if cores:
        os.sched_setaffinity(0, cores)
    growth(arguments.rounds)
