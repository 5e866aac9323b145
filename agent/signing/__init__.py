"""The use cases: what a page or a person asks of the agent."""
