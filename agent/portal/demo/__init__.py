"""The demonstration: identity service, portal, agent and a virtual card on one computer.

``python -m agent.portal.demo.play`` runs it. It is the only part of the portal that may use the
virtual card. Nothing is re-exported here: tests import modules that need neither.
"""
