"""What programs run that keep others running, and what servers load into themselves."""
