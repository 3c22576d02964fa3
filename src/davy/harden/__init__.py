"""Harden: what stands open, how bad that is in one number, and the fixes that are one line of a configuration file.

Exposures come in, made by `davy.detect.exposures`.  What is changed goes by the hands and the journal of
`davy.respond`, so that it is never half done and `davy undo` puts it back; restarts are named and left to a person.
"""
