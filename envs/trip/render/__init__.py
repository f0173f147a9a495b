"""Pictures of the `trip` world: `Renderer` draws frames in memory."""

from envs.trip.render.renderer import Renderer

__all__ = ["Renderer"]
