"""The body: from what the senses report to a Percept, and from an Intent to motor commands."""
