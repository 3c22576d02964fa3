"""How often Davy's verdict is true, measured on the corpus.  Run: ``python -m bench.accuracy``."""
