"""Interfaces: lives for other people's trainers and evaluations, which bring the language model."""
