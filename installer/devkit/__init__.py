"""The chores of ``installer/dev.py``: setup, tests, checks, lock files, installers.

Standard library only, Python 3.11 or newer: it runs before anything is installed.
"""
