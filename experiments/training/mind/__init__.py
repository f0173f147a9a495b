"""Moments of decision, labelled on exact forks."""
