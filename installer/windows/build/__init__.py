"""Build the wizard for Windows, in Wine on Linux; ``installer`` is the module to ask."""
