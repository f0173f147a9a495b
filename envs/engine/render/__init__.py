"""What all worlds are drawn with: colours, type, shapes, and a window to show them in."""
