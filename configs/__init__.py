"""The choices of a run: `run.yaml`, and one folder for each part that can be swapped."""
