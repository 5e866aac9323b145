"""Protected commands. No I/O; challenges are arguments."""
