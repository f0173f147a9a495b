"""The peers that run on JAX, timed alone: `python -m bench.jax_peers navix FourRooms`.

Each is run at its best: one jitted `lax.scan` over the steps, vectorised with `vmap`, actions drawn
beforehand, resets included, at the batch size that turns out fastest. Started by `bench.envs`, it
answers each line on its standard input with the ticks per second of one more round.

It imports nothing of this project, so that JAX may live in an environment of its own; where types
are checked it need not be installed.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable

VIEW = 7
BATCHES = (16, 64, 256, 1024, 4096)
TICKS_A_ROUND = 20_000

# One thread, like everybody: XLA's own pool is cut down, and `bench.envs` gives us one core.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")


def navix(room: str) -> tuple[Callable, Callable]:
    """Return (reset, step) of a room of Navix with the symbolic 7x7 view."""
    import navix  # pyright: ignore[reportMissingImports]

    env = navix.make(f"Navix-{room}-v0", observation_fn=navix.observations.symbolic_first_person)
    return env.reset, env.step


def xminigrid(room: str) -> tuple[Callable, Callable]:
    """Return (reset, step) of a room of XLand-MiniGrid, reset in the same step."""
    import xminigrid  # pyright: ignore[reportMissingImports]
    from xminigrid.wrappers import GymAutoResetWrapper  # pyright: ignore[reportMissingImports]

    env, params = xminigrid.make(f"MiniGrid-{room}", view_size=VIEW)
    env = GymAutoResetWrapper(env)
    return (
        lambda key: env.reset(params, key),
        lambda timestep, action: env.step(params, timestep, action),
    )


PEERS = {"navix": navix, "xminigrid": xminigrid}
ROOMS = ("FourRooms", "DoorKey-8x8", "Empty-8x8")


class Walk:
    """A batch that walks at random.

    Args:
        peer: Key of PEERS.
        room: One of ROOMS.
        batch: How many worlds.
    """

    def __init__(self, peer: str, room: str, batch: int):
        import jax  # pyright: ignore[reportMissingImports]
        import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

        reset, step = PEERS[peer](room)
        steps = max(16, TICKS_A_ROUND // batch)
        keys = jax.random.split(jax.random.key(0), batch)
        self.batch, self.ticks = batch, steps * batch
        self._actions = jax.random.randint(jax.random.key(1), (steps, batch), 0, 6)
        self._state = jax.jit(jax.vmap(reset))(keys)

        def tick(state, actions):
            state = jax.vmap(step)(state, actions)
            # What is seen is added up, or the compiler would see that nobody looks.
            return state, (state.observation.sum(dtype=jnp.int32), state.reward.sum())

        self._walk = jax.jit(lambda state, actions: jax.lax.scan(tick, state, actions))
        self.round()  # compiles

    def round(self) -> float:
        """Return ticks per second of CPU time of this process, over one round."""
        import jax  # pyright: ignore[reportMissingImports]

        begun = time.process_time()
        self._state, seen = self._walk(self._state, self._actions)
        jax.block_until_ready((self._state, seen))
        return self.ticks / (time.process_time() - begun)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("peer", choices=PEERS)
    arguments.add_argument("room", choices=ROOMS, nargs="?", default=ROOMS[0])
    given = arguments.parse_args()
    walks = (Walk(given.peer, given.room, batch) for batch in BATCHES)
    try:
        best = max(walks, key=lambda walk: max(walk.round() for _ in range(2)))
    except ImportError as error:
        sys.exit(f"{given.peer} cannot be timed here ({error}): pip install -e '.[bench]'")
    print(best.batch, flush=True)
    for _ in sys.stdin:
        print(best.round(), flush=True)


if __name__ == "__main__":
    main()
