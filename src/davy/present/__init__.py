"""How people and machines read a result.  Judgements and outcomes come in; text goes out, every word made safe."""
