"""The record of what was done with the citizen's cards: lines that are only ever added.

``line`` has the form of a line, ``store`` the database, ``chain`` the check, ``export`` the forms
for other programs. Uses ``agent.database`` and nothing above it; callers import the modules, so
that SQLite loads late.
"""
