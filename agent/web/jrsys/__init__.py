"""The protocol of the JRSYS family of components, for existing pages: WebSocket on four ports.

It was read from two public kits of this family, the newer and the older one, which a page loads and
by which it speaks: one JSON text a request, one JSON text an answer. Transport and names of fields
are read; most formats of values are inferred, and stand in ``values``.
"""
