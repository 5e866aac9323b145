"""Find patterns that allow whoever registers a name: those over a public suffix."""

from collections.abc import Iterator

from agent.domain import registrable_domain
from agent.host.settings.policy_rules import SiteRules
from agent.origin import OriginPattern


def broad_patterns(rules: SiteRules) -> Iterator[tuple[str, str]]:
    """Yield the rule and the pattern, for each that allows every name below a public suffix.

    What is forbidden may be as broad as an administrator likes. Reads the Public Suffix List the
    first time, which blocks for a tenth of a second.

    Raises:
        OSError: the list is missing: the installation is broken.

    """
    for rule in ("allowed", "blind_origins"):
        for text in getattr(rules, rule):
            pattern = OriginPattern.parse(text)
            if pattern.below and registrable_domain(pattern.origin.host) is None:
                yield rule, text
