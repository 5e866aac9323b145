"""The government's identity service (ICS): a client, its XML, and a stand-in for tests.

Answers whether a certificate and an ID number belong to the same person.
"""
