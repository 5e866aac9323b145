"""Build the packages and the wizard for Linux; ``installer`` is the module to ask."""
