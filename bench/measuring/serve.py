"""A server of lives under load, beside the same lives alone; see `bench.serve`."""

# pyright: reportMissingImports=false

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np

from experiments.interfaces.lives import LifeFactory

_REPLIES = (
    "<answer>look around, normal</answer>",
    "<answer>wait, normal</answer>",
    "<answer>go to red ball, normal</answer>",
    "<answer>cross blue ice, careful</answer>",
    "<answer>get up, normal</answer>",
    "words outside of any form",
)
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """What a session was told, as a digest, with the number of its replies and their seconds."""

    digest: str
    replies: int
    seconds: list[float]


def run(arguments: Namespace) -> None:
    """Serve, ask, kill, compare, and print a table."""
    each = max(1, arguments.steps // arguments.sessions)
    with _Served(arguments.world, arguments.sessions) as served:
        asyncio.run(session(served.address, 0, 2))  # what is compiled once
        before = served.threads()
        began = time.perf_counter()
        told = asyncio.run(_all(served.address, arguments.sessions, each))
        seconds = time.perf_counter() - began
        _kill_some(served.address, arguments.killed)
        left = served.settle(before)
    factory = LifeFactory.for_world(arguments.world)
    mixed = sum(one.digest != alone(factory, seed, each).digest for seed, one in enumerate(told))
    waits = np.array([wait for one in told for wait in one.seconds])
    replies = sum(one.replies for one in told)
    print("| | measured | wanted |\n|---|--:|--:|")
    print(f"| sessions at once | {arguments.sessions} | 64 |")
    print(f"| replies | {replies:,} | 10,000 |")
    print(f"| told otherwise than alone | {mixed} | 0 |")
    print(f"| replies a second | {replies / seconds:,.0f} | |")
    print(f"| median wait, ms | {np.median(waits) * 1000:.0f} | |")
    print(f"| 99th percentile, ms | {np.quantile(waits, 0.99) * 1000:.0f} | |")
    print(f"| threads left by {arguments.killed} killed clients | {left} | 0 |")


class _Served:
    """A server in a process of its own."""

    def __init__(self, world: str, sessions: int):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "experiments.serve", f"+env={world}", f"port={port}"]
        self._process = subprocess.Popen([*command, f"sessions={sessions + 1}"])

    def __enter__(self) -> "_Served":
        for _ in range(int(_WAIT_S * 5)):
            try:
                with urlopen(f"{self.address}/health", timeout=1):
                    return self
            except OSError:
                time.sleep(0.2)
        raise TimeoutError(f"expected a server at {self.address} within {_WAIT_S} s, got none")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=_WAIT_S)

    def threads(self) -> int:
        """Return how many threads the server has."""
        return len(list(Path(f"/proc/{self._process.pid}/task").iterdir()))

    def settle(self, before: int) -> int:
        """Return how many threads more than before there still are, after some seconds at most."""
        for _ in range(50):
            if self.threads() <= before:
                break
            time.sleep(0.2)
        return max(0, self.threads() - before)


# ---- Clients ----


async def _all(address: str, sessions: int, each: int) -> list[Told]:
    return await asyncio.gather(*(session(address, seed, each) for seed in range(sessions)))


async def session(address: str, seed: int, each: int) -> Told:
    """Return what a client of the server is told."""
    from openenv.core.generic_client import GenericEnvClient

    async with GenericEnvClient(base_url=address, message_timeout_s=_WAIT_S) as client:

        async def begin(number: int) -> dict[str, Any]:
            return _plain(await client.reset(seed=seed, index=number))

        async def reply(text: str) -> dict[str, Any]:
            return _plain(await client.step({"text": text}))

        return await _lead(begin, reply, seed, each)


def alone(factory: LifeFactory, seed: int, each: int) -> Told:
    """Return what the same replies have told where nobody else lives."""
    from experiments.interfaces.openenv_server import LifeServerEnvironment, Reply

    session = LifeServerEnvironment(factory)

    async def begin(number: int) -> dict[str, Any]:
        return session.reset(seed=seed, index=number).model_dump()

    async def reply(text: str) -> dict[str, Any]:
        return session.step(Reply(text=text)).model_dump()

    try:
        return asyncio.run(_lead(begin, reply, seed, each))
    finally:
        session.close()


async def _lead(
    begin: Callable[[int], Awaitable[dict[str, Any]]],
    reply: Callable[[str], Awaitable[dict[str, Any]]],
    seed: int,
    each: int,
) -> Told:
    """Reply so many times at random, in one life after the other."""
    rng, digest, seconds, lives = np.random.default_rng(seed), hashlib.sha256(), list[float](), 0
    told = {"done": True}
    while len(seconds) < each:
        began = time.perf_counter()
        if told["done"]:
            told, lives = await begin(lives), lives + 1
        else:
            told = await reply(_REPLIES[rng.integers(len(_REPLIES))])
            seconds.append(time.perf_counter() - began)
        digest.update(f"{told['text']} {told['reward']!r} {told['done']}\n".encode())
    return Told(digest.hexdigest(), len(seconds), seconds)


def _plain(result: Any) -> dict[str, Any]:
    return result.observation | {"reward": result.reward, "done": result.done}


def _kill_some(address: str, count: int) -> None:
    """Begin lives in processes that are killed before these end."""
    context = get_context("spawn")
    clients = [context.Process(target=_never_ends, args=(address, seed)) for seed in range(count)]
    for client in clients:
        client.start()
    time.sleep(8.0)
    for client in clients:
        assert client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        client.join()


def _never_ends(address: str, seed: int) -> None:
    asyncio.run(session(address, seed, 10**9))
