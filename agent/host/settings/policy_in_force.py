"""The policy of this computer, with what follows from certificates that all its users share.

Every user of the computer can read the keys of shared certificates, and could wait in the agent's
place on a port that is free. So pages are not to hand PINs over there: what they send is wiped, and
the agent's own window asks. An administrator's policy that names ``page_pin`` has decided
otherwise, or the same; a user's stand-in for a policy decides nothing of it.
"""

from types import MappingProxyType
from typing import Final

from agent.host.machine.paths import Paths
from agent.host.settings.policy import Policy
from agent.host.tls.places import choose

IMPLIED: Final = MappingProxyType({"page_pin": False})
"""What holds where certificates are shared, unless the policy says otherwise."""


def policy_in_force(paths: Paths) -> Policy:
    """Read the policy of this computer, and see whether its users share certificates.

    Args:
        paths: of the user's files, and of those for all users.

    """
    policy = Policy.of_this_computer(paths.policy)
    if choose(paths).shared.is_administrators:
        policy.implied = IMPLIED
    return policy
