"""How texts are read that several kinds of autostart are written in.  Pure; nothing here looks at a host."""
