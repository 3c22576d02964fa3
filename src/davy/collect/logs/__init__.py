"""Logs: which there are, and what they tell of the time in which an intruder came in."""
