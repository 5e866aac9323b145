"""The demonstration: identity service, portal, agent and a virtual card on one computer.

``python -m agent.portal.demo.play`` runs it. The only part of the portal that may use the virtual
card; nothing is imported here.
"""
