"""The computer: folders, the log, what a process shows to others."""
