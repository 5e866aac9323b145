"""PDF files: read and written by a process of their own, which has no card, no PIN, no network.

A PDF is hostile input of the worst kind. Of this room the agent itself uses ``wire`` and ``hole``
alone, which know nothing of the format; the rest runs in the worker.
"""
