"""What was true of an episode, exactly; and whether what is said of it is."""
