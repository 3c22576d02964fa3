"""Davy finds cryptominers on a Linux host, explains them, evicts them so that they stay out, and closes the door."""

__version__ = "0.1.0"
