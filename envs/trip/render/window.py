"""A window on the screen that shows frames at the world's own pace."""

import numpy as np
import pygame
from numpy.typing import NDArray


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
        try:
            pygame.display.init()
            pygame.display.set_caption(title)
        except pygame.error as error:
            raise NoDisplayError(
                f"a window needs a display, and none was found ({str(error).rstrip('.')}); "
                "use render_mode='rgb_array' or render=video instead"
            ) from None
        self._frames_per_second = frames_per_second
        self._clock = pygame.time.Clock()
        self._screen: pygame.Surface | None = None
        self.closed = False

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Show one frame, (height, width, 3) uint8, and keep the pace."""
        if self.closed:
            return
        screen = self._screen_for(frame)
        pygame.surfarray.blit_array(screen, frame.swapaxes(0, 1))
        pygame.display.flip()
        if any(event.type == pygame.QUIT for event in pygame.event.get(pygame.QUIT)):
            self.close()
            return
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Close the window; may be called again."""
        if not self.closed:
            self.closed = True
            self._screen = None
            pygame.display.quit()

    def _screen_for(self, frame: NDArray[np.uint8]) -> pygame.Surface:
        size = (frame.shape[1], frame.shape[0])
        if self._screen is None or self._screen.get_size() != size:
            self._screen = pygame.display.set_mode(size)
        return self._screen
