"""The worlds outside the body, registered with Gymnasium on import."""

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
register(
    id="Forage-v0",
    entry_point="envs.forage.env:ForageEnv",
    vector_entry_point="envs.forage.env:ForageVectorEnv",
)
