"""The commands of ``ankong``, one module each, and what they share.

``agent.cli`` imports a command's module when the command is chosen, so a module may import all
that its command needs. It may use every other package of the agent. Nothing is exported here: a
re-export would load the modules of all commands.
"""
