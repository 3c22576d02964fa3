"""What systemd starts: its units, and the programs that it runs beside them."""
