"""What Davy, unhide, chkrootkit and rkhunter see of what hides, planted in a namespace, and how long they take.

``python -m bench.concealment`` writes the table to ``docs/concealment.md``.
"""
