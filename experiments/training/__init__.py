"""Training of motor policies and minds."""
