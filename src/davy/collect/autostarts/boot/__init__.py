"""What runs as the machine starts, and what is built into its start."""
