"""What commands share: the loop, its callbacks, records, configuration, seeds."""
