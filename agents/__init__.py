"""Whole beings with one face: soul, mind and body, and the baselines beside them."""
