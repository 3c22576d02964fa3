"""The only hands: stop, end, move away, edit, link.  Each acts by descriptor on exactly what a plan names.

A hand is told what to do by `davy.respond` and writes what undoes it to the journal before it moves.  It raises
`Untouched`, having changed nothing, when the thing is not what the plan saw.
"""
