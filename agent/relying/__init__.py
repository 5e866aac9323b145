"""The public face for servers: judge logins and documents that a citizen's card has signed.

Nothing here knows the agent. A site's server installs this room with ``cms`` and ``pki`` as the
package ``ankong_verify``.
"""
