"""Train the motor policy that ships with the body for a world, or a smaller one.

    python -m experiments.train_body +env=trip                      # the shipped one, about an hour
    python -m experiments.train_body +env=babyai                    # likewise
    python -m experiments.train_body +env=trip ticks=500000         # a look
    python -m experiments.train_body +env=trip folder=outputs/body  # again: goes on where it was

Its first steps are copied from the motor that is written by hand; then Stable-Baselines3's PPO, on
the world's training env (`experiments.training.motor`). Progress on the terminal, curves for
TensorBoard in the folder, a checkpoint every few minutes that the same command resumes from.
"""

from contextlib import closing
from pathlib import Path

from omegaconf import DictConfig

from experiments.running.cli import BadInput, command, one_line, require_world
from experiments.running.startup import Startup


@command("train_body")
def main(options: DictConfig, _: Path) -> None:
    """Train the motor policy of a world.

    Raises:
        BadInput: If something is out of range, or the folder holds another policy.
    """
    require_world(options)
    with closing(Startup(f"preparing to train a body for {options.world}")) as startup:
        from body.policy import PolicyError
        from experiments.training.motor.train import train

        startup.ready()
        try:
            folder = train(options)
        except (PolicyError, ValueError) as error:
            raise BadInput(one_line(error)) from error
    print(f"policy and card are in {folder}; let it move with")
    print(f"  python -m experiments.run +env={options.world} body.motor.folder={folder}")


if __name__ == "__main__":
    main()
