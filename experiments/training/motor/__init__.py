"""Training of motor policies: PPO on skill executions, after imitation of a scripted motor."""
