"""The worlds outside the skin, registered with Gymnasium on import: `envs:Trip-v0`."""

from gymnasium.envs.registration import register

register(
    id="Trip-v0",
    entry_point="envs.trip.env:TripEnv",
    vector_entry_point="envs.trip.env:TripVectorEnv",
)
