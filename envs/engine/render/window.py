"""A window on the screen that shows frames at the world's own pace."""

import os
import sys

import numpy as np
import pygame
from numpy.typing import NDArray

_DRIVERS_WITHOUT_SCREEN = ("offscreen", "dummy")


class NoDisplayError(RuntimeError):
    """There is no screen to open a window on."""


class Window:
    """Shows frames in a window until somebody closes it; after that, showing does nothing.

    Args:
        title: In the window's bar.
        frames_per_second: `show` waits so that no more than these are shown.

    Raises:
        NoDisplayError: If there is no screen.
    """

    def __init__(self, title: str = "trip", frames_per_second: int = 10):
        _open_display()
        self._title, self._frames_per_second = title, frames_per_second
        self._clock = pygame.time.Clock()
        self.closed = False

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Show one frame, (height, width, 3) uint8, and keep the pace."""
        if self.closed:
            return
        screen = self._screen_for(frame)
        pygame.surfarray.blit_array(screen, frame.swapaxes(0, 1))
        pygame.display.flip()
        if pygame.event.get(pygame.QUIT):
            self.close()
            return
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Close the window; may be called again."""
        if not self.closed:
            self.closed = True
            pygame.display.quit()

    def _screen_for(self, frame: NDArray[np.uint8]) -> pygame.Surface:
        """Return the screen at a frame's size, opened anew where `pygame.quit()` has closed it."""
        size = (frame.shape[1], frame.shape[0])
        screen = pygame.display.get_surface()
        if screen is None or screen.get_size() != size:
            _open_display()
            pygame.display.set_caption(self._title)
            screen = pygame.display.set_mode(size)
        return screen


def _open_display() -> None:
    """Start SDL's video, which without a screen would quietly draw to nowhere."""
    chosen = bool(os.environ.get("SDL_VIDEODRIVER"))  # then somebody knows what they want
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    if not chosen and sys.platform == "linux" and not any(map(os.environ.get, screens)):
        raise _no_display("neither DISPLAY nor WAYLAND_DISPLAY is set")
    try:
        pygame.display.init()
    except pygame.error as error:
        raise _no_display(str(error).rstrip(".")) from None
    if pygame.display.get_driver() in _DRIVERS_WITHOUT_SCREEN and not chosen:
        pygame.display.quit()
        raise _no_display("SDL knows no screen here")


def _no_display(why: str) -> NoDisplayError:
    return NoDisplayError(
        f"a window needs a display, and none was found ({why}); "
        "run where there is one, or use render_mode='rgb_array' (render=video)"
    )
