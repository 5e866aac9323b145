"""Virtual citizen cards for tests and demonstrations.

They are used in this process (:mod:`agent.virtualcard.provider`) or through vpcd, the virtual
reader of a real pcscd (:mod:`agent.virtualcard.vpcd`). Written from the card's specification:
shares formats with the agent, never its drivers. Loaded only when a virtual card is used; nothing
is imported here.
"""
