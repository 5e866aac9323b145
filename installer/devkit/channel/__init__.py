"""Where people get the program besides a release's page; :mod:`devkit.channels` is the chore."""
