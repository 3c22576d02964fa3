"""How a shell reads text, and how intruders write it so that others do not.  Pure; never raises.

`simple_commands` cuts a command into what runs; `structure` a whole script into lines that can be taken out; `spelling`
spells out what is written in pieces; `encoded` decodes; `telling` picks the lines of a script that run something.
"""
