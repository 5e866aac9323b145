"""Build the packages and the wizard for Linux; :mod:`linux.build.installer` is the entry point."""
