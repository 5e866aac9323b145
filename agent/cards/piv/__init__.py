"""The driver for PIV cards (NIST SP 800-73-4), which organisations give to their people.

``objects`` understands what lies on a card, ``key_commands`` has what its keys are asked, and
``card`` has the verbs. Only :mod:`agent.cards.registry` uses them.
"""
