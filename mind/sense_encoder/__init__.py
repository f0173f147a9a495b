"""From the last ticks of a life to one vector for each of five senses of it."""
