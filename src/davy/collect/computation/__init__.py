"""How the busiest processes compute: rounding, memory, threads, calls, graphics cards, and the machine tuned for it."""
