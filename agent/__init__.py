"""Ankong (安控): a local smart-card signing agent."""

__version__ = "0.1.0"
