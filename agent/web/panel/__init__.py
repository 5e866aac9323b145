"""The panel: pages of the agent for its own user, and for nobody else."""
