"""What runs as somebody logs in, and who is let in or may be somebody else."""
