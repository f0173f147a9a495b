"""What every compiled world shares: counted randomness, the egocentric view, the two Gymnasium faces."""
