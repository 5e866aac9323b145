"""PKCS#11 tokens: a vendor's module does the work, in a process of its own.

Whatever that module does, it does it there: it may crash, hang, print or lie, and the agent goes
on. What comes back is looked at as a stranger's.
"""
