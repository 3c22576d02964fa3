"""Real incidents rebuilt: what is said of each, as a page."""
