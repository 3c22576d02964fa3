"""``python -m davy``."""

from davy.cli import main

main()
