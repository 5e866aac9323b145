"""What dev.py does its chores with; standard library only, Python 3.11 or newer."""
