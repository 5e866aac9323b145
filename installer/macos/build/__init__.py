"""Check the sources of the package for macOS; :mod:`macos.build.installer` is the entry point."""
