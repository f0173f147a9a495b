"""What every compiled world shares: counted randomness, the view, both Gymnasium faces."""
