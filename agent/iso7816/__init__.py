"""ISO/IEC 7816: encode and decode commands, status words and data objects; no I/O.

Uses no other package of the agent.
"""
