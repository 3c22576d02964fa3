"""What programs load or run by themselves as they start or do their work."""
