"""Judge the sources of the package for macOS; ``installer`` is the module to ask."""
