"""`trip`: a gridworld with a body that can stumble."""
