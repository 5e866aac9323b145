"""The reference member service: a site that upgrades members who prove who they are with a card.

A relying party and a distribution of its own (``agent/portal/pyproject.toml``); the agent's wheel
does not have it. Knows the agent only by its public API, and uses ``agent.cms`` and ``agent.pki``
to verify signatures.
"""
