"""What it costs to read logs: a window of a log of 10 GB, and a gigabyte as a whole, beside ripgrep.

python -m bench.logs --folder FOLDER [--rounds N]
"""
