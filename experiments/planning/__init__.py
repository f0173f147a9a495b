"""Does thinking pay? Ways to deliberate in missions that get longer, beside shortest plans."""
