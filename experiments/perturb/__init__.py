"""Whether what a mind is shown of its life is why it decides as it does: `experiments.perturb`."""
