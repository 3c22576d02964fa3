"""The nouns: facts, findings, incidents, plans.  Data only; imports nothing of ours."""
