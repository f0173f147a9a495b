"""`babyai` as Gymnasium knows it: `envs:BabyAI-v0`, single and batched."""

import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from envs.babyai.bank import covers
from envs.babyai.levels import Levels
from envs.babyai.world import BabyAIWorld
from envs.engine.faces import WorldEnv, WorldVectorEnv
from envs.engine.view import VIEW

if TYPE_CHECKING:
    from envs.babyai.package import PackageWorld

AnyWorld: TypeAlias = "BabyAIWorld | PackageWorld"


class BabyAIEnv(WorldEnv):
    """MiniGrid and BabyAI with touch: a blocked action is felt.

    ## Description

    Any registered `MiniGrid-*` or `BabyAI-*` id, one of ours in which a number grows
    (`envs.babyai.numbered`), or one of BALROG's five tasks. Rules, images, rewards, ends and
    missions are those of the minigrid package (3.x). A compiled engine stands in for the package
    where it covers the id; where it does not, the package itself is stepped, and a `UserWarning`
    says so.

    ## Action Space

    `Discrete(7)`: left, right, forward, pickup, drop, toggle, done (do nothing).

    ## Observation Space

    | Key | Shape | Range | Meaning |
    |---|---|---|---|
    | image | (7, 7, 3) uint8 | 0..255 | minigrid's: object, color, state; what is held at [3, 6] |
    | proprio | (13,) float32 | -1..1 | crossed a cell, turned; else as at rest |
    | vestibular | (4,) float32 | 0 | as at rest |
    | touch | (19,) float32 | 0..1 | bump and what blocked, hand, door; see `BABYAI.columns` |
    | pain | (5,) float32 | 0 | as at rest |
    | intero | (8,) float32 | 0..1 | as at rest |
    | efference | (7,) float32 | one-hot | the last motor command |
    | social | (3,) float32 | 0 | as at rest |
    | mission | (320,) uint8 | 0..255 | UTF-8, zero after its end; see `mission_words` |
    | clock | (1,) int32 | ticks | since the episode began |

    MiniGrid's `direction` is left out: a body has no compass. Whoever may know the truth asks the
    unwrapped env: `max_steps`, `step_count`, `agent_view_size`, `agent_pos`, `agent_dir`, `mission`
    (also in the info), and `gen_obs()`, which are MiniGrid's.

    ## Rewards

    MiniGrid's, `1 - 0.9 t / T` on success. There is no homeostatic reward.

    ## Starting State

    A level of the bank, by seed. The first image is of the true state: BabyAI's *Carrying* levels
    show a first image in which what is in hand still lies on the floor, and this one does not.

    ## Episode End

    Terminated and truncated as minigrid has it.

    ## Arguments

    `level_id`: a registered id such as BabyAI-GoToLocal-v0, and `task` is then left aside. `task`:
    goto, pickup, open, putnext, pick_up_seq_go_to, or mixed. `words`, `split`: see
    `envs.babyai.levels`. `layouts`: how many levels there are in all. `render_mode`: None,
    "rgb_array" or "human".

    ## Version History

    * v0: first release.
    """

    world: AnyWorld
    agent_view_size = VIEW

    def __init__(
        self,
        level_id: str | None = None,
        task: str | None = "mixed",
        words: str = "train",
        split: str = "train",
        layouts: int = 1024,
        render_mode: str | None = None,
        id: None = None,
    ):
        _refuse(id)
        super().__init__(
            make_world(1, level_id=level_id, task=task, words=words, split=split, layouts=layouts),
            render_mode=render_mode,
        )

    @property
    def max_steps(self) -> int:
        """Ticks after which this episode is truncated."""
        self._check_begun("max_steps")
        return int(self.world.bodies["time_limit"][0])

    @property
    def step_count(self) -> int:
        """Ticks since this episode began."""
        return int(self.world.bodies["tick"][0])

    @property
    def agent_pos(self) -> tuple[int, int]:
        """Column and row of the avatar, in MiniGrid's coordinates."""
        self._check_begun("agent_pos")
        return self.world.pose(0)[:2]

    @property
    def agent_dir(self) -> int:
        """Where the avatar looks: 0 right, 1 down, 2 left, 3 up."""
        self._check_begun("agent_dir")
        return self.world.pose(0)[2]

    def gen_obs(self) -> dict[str, NDArray | int | str]:
        """Return what MiniGrid would show now: `image`, `direction`, and `mission` in words."""
        image = self.world.observation["image"][0].copy()
        return {"image": image, "direction": self.agent_dir, "mission": self.mission}


class BabyAIVectorEnv(WorldVectorEnv):
    """Many avatars of `BabyAIEnv`, each in a grid of its own; see `WorldVectorEnv` for resets."""

    def __init__(
        self,
        num_envs: int = 1,
        level_id: str | None = None,
        task: str | None = "mixed",
        words: str = "train",
        split: str = "train",
        layouts: int = 1024,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        state_hash: bool = False,
        copy: bool = True,
        render_mode: str | None = None,
        id: None = None,
    ):
        _refuse(id)
        super().__init__(
            make_world(
                num_envs, level_id=level_id, task=task, words=words, split=split, layouts=layouts
            ),
            autoreset_mode=autoreset_mode,
            max_episode_steps=max_episode_steps,
            state_hash=state_hash,
            copy=copy,
            render_mode=render_mode,
        )


def make_world(
    num_envs: int,
    *,
    level_id: str | None = None,
    task: str | None = "mixed",
    words: str = "train",
    split: str = "train",
    layouts: int = 1024,
) -> AnyWorld:
    """Return a compiled world, or one that steps the package where the engine does not reach.

    Raises:
        ValueError: If an argument is not one of those that `BabyAIEnv` names.
    """
    levels = Levels(id=level_id, task=None if level_id else task, words=words, split=split)
    reason = covers(levels.reset(0))
    if not reason:
        return BabyAIWorld(num_envs, levels=levels, layouts=layouts)
    warnings.warn(
        f"{level_id or task} is stepped by the minigrid package itself, which is slow: {reason}",
        UserWarning,
        stacklevel=3,
    )
    from envs.babyai.package import PackageWorld

    return PackageWorld(num_envs, levels=levels, layouts=layouts)


def _refuse(id: Any) -> None:
    """Say how a level is chosen: `id` is MiniGrid's word, which `gymnasium.make` needs itself."""
    if id is not None:
        raise ValueError(f"a level is chosen by level_id: say level_id={id!r} instead of id={id!r}")
