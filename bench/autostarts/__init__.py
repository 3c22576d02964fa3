"""Autostarts on a Debian with everything on it: what is found there, at what cost, and which ways others know.

``python -m bench.autostarts`` measures; ``--write`` brings ``docs/autostarts.md`` up to date.
"""
