"""The settings, the administrator's policy, and what the citizen chose with the mouse."""
