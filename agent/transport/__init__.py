"""Carry command APDUs to cards: the interface of readers, PC/SC behind it, response chaining.

Callers import from :mod:`agent.transport.base` (the interface) and
:mod:`agent.transport.chaining`. Only :mod:`agent.transport.pcsc` loads pyscard, and only
:mod:`agent.transport.pcsc_library` the PC/SC library itself, both when they are first used. May
use ``agent.iso7816``, ``agent.secret`` and ``agent.errors``.
"""
