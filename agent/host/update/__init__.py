"""Hearing of newer versions: a signed manifest, looked at daily where somebody said where it is.

Nothing is ever downloaded or run but that one small text, and nothing about the citizen is sent.
"""
