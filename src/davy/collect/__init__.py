"""Reading facts: `survey` takes what every scan needs, `examine` the costly facts about the few subjects named.

A collector is a function of the host that yields facts, and a `Gap` for what it could not read.  The list of
them is `davy.collect.survey.COLLECTORS`; what is asked of the few is `davy.collect.examine.EXAMINERS`.
"""
