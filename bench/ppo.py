"""How fast a body learns, beside SB3 on MiniGrid: `python -m bench.ppo`, ten to fifteen minutes.

First, PPO end to end, rollouts and gradient steps, by the clock on the wall and in turns: SB3 with
its defaults on MiniGrid's FourRooms (8 envs), and the training of the motor policy as
`configs/train_body.yaml` has it, without its rehearsals; once more with the largest batch. One
torch thread each. MiniGrid is shown whole, mission included (FlatObsWrapper), and by its image
alone, which is less than half the work.

Then, what decides that speed: encoders and batches, by ticks per second and by the seconds until
level 0 is solved by bodies that have copied a few steps and no more.

    python -m bench.ppo
    python -m bench.ppo --quick         # one round, and half a minute at most for each way to learn
"""

from experiments.running.arguments import CommandParser
from experiments.running.cli import answering


def main() -> None:
    parser = CommandParser(
        "bench.ppo",
        "How fast a body learns, beside Stable-Baselines3 on MiniGrid.",
        [("", "ten to fifteen minutes"), ("--quick", "about five minutes")],
    )
    parser.add_argument("--quick", action="store_true", help="one round instead of three")
    arguments = parser.parse_args()
    from bench.measuring.ppo import run  # slow, and not needed for help

    run(arguments)


if __name__ == "__main__":
    with answering():
        main()
