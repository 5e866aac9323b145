"""Drivers for both generations of Taiwan's citizen certificate card.

``card`` has what they share, ``gen1`` and ``gen2`` what differs; only :mod:`agent.cards.registry`
uses them.
"""
