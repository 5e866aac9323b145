"""The people behind the counter and the desk: who they are, how they log in, what they may do."""
