"""The protocol of the component that Ankong replaces, for existing pages: HTTP on port 61161.

It may use the front, the service and what stands below them, never another protocol. Nothing is
exported here: importing the package must not load the web server.
"""
