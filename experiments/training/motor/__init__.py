"""Training envs and the trainer of motor policies."""
