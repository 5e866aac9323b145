"""What members are told by e-mail and text message: the outbox, what stands in it, and delivery.

Nothing is re-exported here: a room that tells something needs the outbox only.
"""
