"""Measurements.  They print figures beside their budgets, and pass or fail nothing."""
