"""The experiment on all levels of the minigrid package: what the bundled agents can do in each."""
