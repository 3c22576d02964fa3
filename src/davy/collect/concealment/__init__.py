"""What hides: every way of seeing processes and kernel modules, who owns the CPU time, covers and preloads.

Nothing is called hidden because two reads at two moments disagree: everything that does is looked at again.
"""
