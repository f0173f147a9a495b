"""Train networks that foresee what would come of an intent, for one world.

    python -m experiments.train_imagination +env=forage             # a few minutes
    python -m experiments.train_imagination +env=trip
    python -m experiments.train_imagination +env=trip folder=outputs/imagination

Bodies live lifetimes by the scripted planner, which they often leave; an ensemble learns from what
came of each attempt (`experiments.training.imagination`), and is measured on lifetimes in contexts
that it has never seen.
"""

from contextlib import ExitStack, closing
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from experiments.running.cli import BadInput, built, command, one_line, require_part, require_world
from experiments.running.startup import Startup


@command("train_imagination")
def main(options: DictConfig, _: Path) -> None:
    """Train an imagination, and say where it is.

    Raises:
        BadInput: If something is out of range, or nothing can be learned in that world.
    """
    require_world(options)
    with closing(Startup(f"preparing to imagine {options.world}")) as startup:
        from body.policy import PolicyError
        from envs.engine.faces import WorldVectorEnv
        from experiments.training.imagination.train import train

        require_part(options, "choosing_planner", "nothing in it is another in each lifetime")
        startup.ready()

        def open_world(split: str, level: int | None, rows: int) -> WorldVectorEnv:
            """Return a world of a split; whoever lives in it closes it."""
            settings = OmegaConf.merge(options, {"env": {"split": split}, "avatars": rows})
            if level is not None:
                settings = OmegaConf.merge(settings, {"level": level})
            return built("env", DictConfig(settings), ExitStack())

        try:
            folder = train(options, open_world)
        except (PolicyError, ValueError) as error:
            raise BadInput(one_line(error)) from error
    print(f"weights and card are in {folder}; let a being imagine with")
    print(f"  python -m experiments.run +env={options.world} mind/language_model=smollm2", end=" ")
    print(f"mind.imagination.folder={folder}")


if __name__ == "__main__":
    main()
