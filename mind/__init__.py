"""The mind: Percept and Feeling in, Decision out; it knows no world."""
