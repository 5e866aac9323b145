"""The program that the citizen starts: the agent with its icon, and the windows that ask."""
