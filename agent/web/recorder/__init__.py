"""What pages asked the agent for, through every door, without one personal datum."""
