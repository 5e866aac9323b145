"""Policies of browsers that let chosen sites reach the agent; for managed computers only.

An administrator gives them out. No installer of ours writes any.
"""
