"""`trip` as Gymnasium knows it: `envs:Trip-v0`, single and batched."""

from collections.abc import Mapping

from gymnasium.vector import AutoresetMode

from envs.engine.faces import WorldEnv, WorldVectorEnv
from envs.trip.world import TripWorld


class TripEnv(WorldEnv):
    """A gridworld with a body that can stumble.

    ## Description

    An avatar walks through a room at ten ticks a second, with a gait, a centre of mass and laces.
    Cables, rug edges and kerbs catch a foot that is too low; ice, water and gravel let it shoot
    forward. A stumble leaves a few ticks for a reflex, and which one is right depends on the
    phase of the swing, which is felt and never said. What the hazards feel like, and the body's
    own constants, are not observed.

    ## Action Space

    `Discrete(14)`: left, right, forward, pickup, drop, toggle, done (stand still), run,
    step high, brace, grab, tie lace, rise, careful walk.

    ## Observation Space

    | Key | Shape | Range | Meaning |
    |---|---|---|---|
    | image | (7, 7, 3) uint8 | 0..255 | egocentric view: object, color, state; MiniGrid's layout |
    | proprio | (13,) float32 | speed in m/s, else -1..1 | gait, progress, effort, posture |
    | vestibular | (4,) float32 | metres | lean forward and right, their changes; noisy |
    | touch | (8,) float32 | 0..1 | toes, soles, laces, bump, rail |
    | pain | (5,) float32 | 0..1 | feet, knees, hands, hips, head |
    | intero | (8,) float32 | 0..1 | energy, water, warmth, fatigue, arousal, load, cup, dignity |
    | efference | (14,) float32 | one-hot | the last motor command |
    | social | (3,) float32 | 0..1 | seen by, laughter, being helped |
    | mission | (5,) int32 | 0..255 | mission, object, color, place, color; see `mission_words` |
    | heard | (5,) int32 | 0..20 | speaker, verdict, object, color, phrasing; see `heard_words` |
    | clock | (1,) int32 | ticks | since the episode began |

    ## Rewards

    The mission's, `1 - 0.9 t / T` on success, plus `homeostatic_weight` times the drop of the
    homeostatic drive over pain, energy, water, warmth and dignity. Nothing says "do not fall":
    falling hurts. Both parts are in the info.

    ## Starting State

    A layout of the bank, a body by seed, its condition at random. At level 5 a seed also begins a
    lifetime in a context, which says what each kind and color of hazard feels like until the next
    seed; `reset(seed=..., options={"context": 7})` chooses it. `drift` lets it become another one.

    ## Episode End

    Terminated when the mission has succeeded or failed (the cup is spilled, the fall was seen);
    truncated after 250 to 900 ticks, by level: `env.spec.max_episode_steps`.

    ## Arguments

    `level`, `shift`, `split`, `words`, `layouts`, `drift`, `hazards`, `constants`: see
    `TripWorld`.
    `homeostatic_weight`: weight of the homeostatic reward. `render_mode`: None, "rgb_array" or
    "human".

    ## Version History

    * v0: first release.
    """

    world: TripWorld

    def __init__(
        self,
        level: int = 2,
        shift: str = "S0",
        split: str = "train",
        words: str = "train",
        layouts: int = 256,
        drift: int = 0,
        hazards: int | None = None,
        homeostatic_weight: float = 1.0,
        constants: Mapping[str, float] | None = None,
        render_mode: str | None = None,
    ):
        super().__init__(
            TripWorld(
                1,
                level=level,
                shift=shift,
                split=split,
                words=words,
                layouts=layouts,
                drift=drift,
                hazards=hazards,
                constants=constants,
            ),
            homeostatic_weight=homeostatic_weight,
            render_mode=render_mode,
        )


class TripVectorEnv(WorldVectorEnv):
    """Many bodies of `TripEnv`, each in a world of its own; see `WorldVectorEnv` for resets."""

    world: TripWorld

    def __init__(
        self,
        num_envs: int = 1,
        level: int = 2,
        shift: str = "S0",
        split: str = "train",
        words: str = "train",
        layouts: int = 256,
        drift: int = 0,
        hazards: int | None = None,
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
            TripWorld(
                num_envs,
                level=level,
                shift=shift,
                split=split,
                words=words,
                layouts=layouts,
                drift=drift,
                hazards=hazards,
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
