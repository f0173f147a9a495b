"""What is looked at: terminal, film, screen and replay page."""
