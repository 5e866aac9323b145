"""The icon and its menu on every desktop; uses the agent's types, never the windows."""
