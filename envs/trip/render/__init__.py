"""Pictures of the `trip` world: `Renderer` draws frames in memory, `Window` shows them."""

from envs.trip.render.renderer import Renderer
from envs.trip.render.window import NoDisplayError, Window

__all__ = ["NoDisplayError", "Renderer", "Window"]
