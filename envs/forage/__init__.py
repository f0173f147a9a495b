"""`forage`: a day without a mission, in a body that gets hungry."""
