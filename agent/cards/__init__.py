"""Card drivers: the interface of any card, and the drivers that speak to real ones.

Callers import from :mod:`agent.cards.card` (what can be asked of a card) and
:mod:`agent.cards.registry` (which driver speaks to which card). Nothing is imported here, so that
asking for one constant does not load the drivers. May use ``agent.transport``,
``agent.secure_messaging``, ``agent.iso7816`` and what is below; knows no site and no web page.
"""
