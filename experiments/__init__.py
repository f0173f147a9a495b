"""Objects you run: `python -m experiments.run +env=trip` and its neighbours."""
