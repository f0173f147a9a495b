"""Ask the `rliable` package what it makes of made-up scores, and write that down.

    python -m venv ~/rliable && ~/rliable/bin/pip install rliable 'pandas<3'
    ~/rliable/bin/python tests/experiments/oracle_rliable.py

It needs an environment of its own, since it is archived and fails with newer libraries.
"""

import json
from pathlib import Path

import numpy as np

THRESHOLDS = np.linspace(0.0, 1.2, 13)


def made_up() -> dict[str, np.ndarray]:
    """Return scores of two agents, (runs, tasks)."""
    rng = np.random.default_rng(7)
    skill = np.linspace(0.2, 0.9, 6)
    return {
        "one": np.round(np.clip(rng.normal(skill, 0.15, (10, 6)), 0.0, 1.3), 2),
        "other": np.round(np.clip(rng.normal(skill - 0.1, 0.2, (8, 6)), 0.0, 1.3), 2),
    }


def main() -> None:
    """Write what it finds beside this file."""
    from rliable import library, metrics  # pyright: ignore[reportMissingImports]

    scores = made_up()

    def aggregated(matrix: np.ndarray) -> np.ndarray:
        return np.array(
            [
                metrics.aggregate_iqm(matrix),
                metrics.aggregate_mean(matrix),
                metrics.aggregate_median(matrix),
                metrics.aggregate_optimality_gap(matrix, gamma=1.0),
            ]
        )

    points, bounds = library.get_interval_estimates(scores, aggregated, reps=20_000)
    pair = {"one,other": (scores["one"], scores["other"])}
    better, better_bounds = library.get_interval_estimates(
        pair, metrics.probability_of_improvement, reps=5_000
    )
    profiles, profile_bounds = library.create_performance_profile(scores, THRESHOLDS, reps=5_000)
    found = {
        "scores": {name: matrix.tolist() for name, matrix in scores.items()},
        "thresholds": THRESHOLDS.tolist(),
        "measures": ["interquartile_mean", "mean", "median", "optimality_gap"],
        "points": {name: values.tolist() for name, values in points.items()},
        "bounds": {name: values.tolist() for name, values in bounds.items()},
        "improvement": [float(better["one,other"]), *np.ravel(better_bounds["one,other"]).tolist()],
        "profiles": {name: values.tolist() for name, values in profiles.items()},
        "profile_bounds": {name: values.tolist() for name, values in profile_bounds.items()},
    }
    path = Path(__file__).with_name("rliable_oracle.json")
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
