"""A window that shows the first avatar while it lives."""

from experiments.story import Beginning, Ending, Moment


class Screen:
    """Shows each picture in the world's own window."""

    wants_frames = True

    def __init__(self):
        from envs.trip.render import Window

        self._window = Window()

    def begin(self, beginning: Beginning) -> None:
        """The first picture comes with the first moment."""

    def live(self, moment: Moment) -> None:
        """Show the moment."""
        if moment.frame is not None:
            self._window.show(moment.frame)

    def end(self, ending: Ending) -> None:
        """Show how it ended."""
        if ending.frame is not None:
            self._window.show(ending.frame)

    def close(self) -> None:
        """Close the window."""
        self._window.close()
