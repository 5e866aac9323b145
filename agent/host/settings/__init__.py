"""The agent's configuration from three sources.

``config`` and ``flags``: the settings of file and command line; ``policy``: what an administrator
fixes, which overrides both; ``preferences``: what the user chooses in menus, written by the agent.
Nothing is imported here: callers import from the modules, so that a command which reads one of
them does not load the others. Uses ``agent.files``, ``agent.origin`` and ``agent.words``.
"""
