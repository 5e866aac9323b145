"""What administrators lay policies down with, made of the one table of rules.

``make docs`` writes the templates; a test compares what is committed.
"""
