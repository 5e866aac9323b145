"""The windows that ask the citizen; each runs in a short-lived process of its own.

Uses Tk and the types of ``agent.consent``. Nothing is re-exported: a window must open quickly.
"""
