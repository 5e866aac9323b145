"""The doctor: examine an installed agent, report findings in words, and repair what it can.

``ankong doctor`` and the panel use it. It stands above ``agent.signing`` and ``agent.host`` and may
use both. Nothing is exported here: a re-export would load dozens of modules.
"""
