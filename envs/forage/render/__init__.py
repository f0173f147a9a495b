"""Pictures of the `forage` world: `Renderer` draws frames in memory."""

from envs.forage.render.renderer import Renderer

__all__ = ["Renderer"]
