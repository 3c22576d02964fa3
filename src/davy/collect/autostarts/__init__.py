"""Everything that makes a command run without a person: a file per kind, one common record.

In goes a host; out come `davy.model.autostarts.Autostart` records, with the command followed to the files it runs as
far as its words say.  The kinds lie in folders by what sets them off: the clock, the machine's start, systemd, a login,
an event, a service, a program's own start.  All look at the host by `reading`, and share `formats` and `commands`.
What is known of each kind, and of how it is taken out, is in ``knowledge/autostarts``.
The list of them all is `readers`.
"""
