"""Secure messaging: the protected VERIFY of gen1 cards, and the SCP03 channel of gen2 cards.

No I/O; random challenges are arguments. Uses ``agent.iso7816``, ``agent.secret`` and
``agent.errors`` alone. Nothing is imported here, because each driver needs one of the modules only.
"""
