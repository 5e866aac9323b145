"""The running agent: one for each state folder, how to find it, prove it and end it."""
