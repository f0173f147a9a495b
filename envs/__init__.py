"""The worlds outside the body, registered with Gymnasium on import: `Trip-v0`, `BabyAI-v0`."""

from gymnasium.envs.registration import register

register(
    id="Trip-v0",
    entry_point="envs.trip.env:TripEnv",
    vector_entry_point="envs.trip.env:TripVectorEnv",
)
register(
    id="BabyAI-v0",
    entry_point="envs.babyai.env:BabyAIEnv",
    vector_entry_point="envs.babyai.env:BabyAIVectorEnv",
)
