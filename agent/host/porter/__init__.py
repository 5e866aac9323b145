"""The porter: holds one port for all users of a computer, and hands each its own connections.

It copies no byte and reads none. Who a connection belongs to, the kernel tells; the accepted
connection itself goes to that user's agent, which asks the kernel again before it listens to it.
"""
