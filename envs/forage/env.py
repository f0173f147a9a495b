"""`forage` as Gymnasium knows it: `envs:Forage-v0`, single and batched."""

from collections.abc import Mapping

from gymnasium.vector import AutoresetMode

from envs.engine.faces import WorldEnv, WorldVectorEnv
from envs.forage.world import ForageWorld


class ForageEnv(WorldEnv):
    """A day without a mission, in a body that gets hungry, thirsty, tired and cold.

    ## Description

    A field with a camp (a fire, a bed, three persons), a spring, and eight plants, each with
    another food. What a food does comes 20 to 60 ticks after it was eaten, and is in no
    observation: it gives energy, protein, water or nothing, or tastes good and makes ill. It is
    drawn for each lifetime, and so are the plants of each day among 24 foods. Two thirds of the
    day are light; then it is dark and cold, but for the fire. The body walks, stumbles and hurts
    as in `envs:Trip-v0`.

    ## Action Space

    `Discrete(14)`, that of `envs:Trip-v0`. Toggle uses what is ahead: bites at a fruit (five ticks
    for each), drinks, sleeps, asks a person; whoever grasps the fire is burned.

    ## Observation Space

    | Key | Shape | Range | Meaning |
    |---|---|---|---|
    | image | (7, 7, 3) uint8 | 0..27 | object, color, state; of a plant: ripe fruits |
    | proprio | (13,) float32 | speed in m/s, else -1..1 | gait, progress, effort, posture |
    | vestibular | (4,) float32 | metres | lean forward and right, their changes; noisy |
    | touch | (11,) float32 | 0..1 | toes, soles, laces, bump, rail; mouth, heat, refused |
    | pain | (6,) float32 | 0..1 | feet, knees, hands, hips, head; belly |
    | intero | (10,) float32 | 0..1 | the eight of `Trip-v0`; protein, gut |
    | efference | (14,) float32 | one-hot | the last motor command |
    | social | (3,) float32 | 0..1 | seen by, laughter, being helped |
    | mission | (1,) int32 | 0 | there is none |
    | heard | (5,) int32 | 0..27 | speaker, verdict, food, color, phrasing; see `heard_words` |
    | clock | (1,) int32 | ticks | since the episode began |

    ## Rewards

    The drop of the homeostatic drive over energy, protein, water, warmth, rest, pain and dignity,
    times `homeostatic_weight`, and nothing else (Keramati and Gutkin 2014,
    doi:10.7554/eLife.04811).

    ## Starting State

    A field that fits the lifetime's context: two foods on it give energy, one or two protein, and
    three make ill. A seed begins a lifetime in a context; `reset(seed=..., options={"context": 7})`
    chooses it; a reset without a seed is the next day of it.

    ## Episode End

    Terminated when energy or water is gone: the body collapses. Truncated at the end of the day,
    after 1,500 ticks. `info["well"]` is the share of the day in which every need was within its
    range.

    ## Arguments

    `split`, `words`, `layouts`, `drift`, `constants`: see `ForageWorld`. `homeostatic_weight`:
    weight of the homeostatic reward. `render_mode`: None, "rgb_array" or "human".

    ## Version History

    * v0: first release.
    """

    world: ForageWorld

    def __init__(
        self,
        split: str = "train",
        words: str = "train",
        layouts: int = 1024,
        drift: int = 0,
        homeostatic_weight: float = 1.0,
        constants: Mapping[str, float] | None = None,
        render_mode: str | None = None,
    ):
        super().__init__(
            ForageWorld(
                1, split=split, words=words, layouts=layouts, drift=drift, constants=constants
            ),
            homeostatic_weight=homeostatic_weight,
            render_mode=render_mode,
        )


class ForageVectorEnv(WorldVectorEnv):
    """Many bodies of `ForageEnv`, each in a world of its own; see `WorldVectorEnv` for resets."""

    world: ForageWorld

    def __init__(
        self,
        num_envs: int = 1,
        split: str = "train",
        words: str = "train",
        layouts: int = 1024,
        drift: int = 0,
        threads: int = 1,
        homeostatic_weight: float = 1.0,
        constants: Mapping[str, float] | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        state_hash: bool = False,
        copy: bool = True,
        render_mode: str | None = None,
    ):
        super().__init__(
            ForageWorld(
                num_envs,
                split=split,
                words=words,
                layouts=layouts,
                drift=drift,
                threads=threads,
                constants=constants,
            ),
            homeostatic_weight=homeostatic_weight,
            autoreset_mode=autoreset_mode,
            max_episode_steps=max_episode_steps,
            state_hash=state_hash,
            copy=copy,
            render_mode=render_mode,
        )
