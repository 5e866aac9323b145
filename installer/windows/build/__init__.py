"""Build the wizard for Windows; :mod:`windows.build.installer` is the entry point."""
