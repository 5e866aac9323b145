"""Public keys that may sign the manifest of releases: Ed25519, 64 hexadecimal digits each.

``installer/release/manifest.py keys`` makes a pair and prints the line that belongs here. Two at
once let one take the other's place. There is none before the first public release; whoever
distributes builds of their own names theirs in the policy (``update_keys``).
"""

from typing import Final

RELEASE_KEYS: Final[tuple[str, ...]] = ()
