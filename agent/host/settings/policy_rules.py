"""The rules of an administrator's policy: one row each, of which every spelling is made.

A row is made of a declaration: a setting of ``config.Settings`` with a ``Lock``, or a field of one
of the two classes here. Files, registry, profile, templates, documents and ``ankong policy`` take
what they need from :data:`RULES`; what people read of a rule stands in the catalogues under
``policy.rules.NAME.title`` and ``policy.rules.NAME.help``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from agent.host.settings.config import Lock, Settings, marked

Patterns = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...], Meta(max_length=1000)
]
PolicyVersion = Annotated[
    str,
    Meta(pattern=r"^(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){1,3}\Z", max_length=23),
]
ConsentText = Annotated[str, Meta(max_length=80, extra={"expected": "cli.expected.line"})]
LONGEST_TEXT: Final = 1024
"""Characters of a text, where its rule states no bound; no rule allows more."""
MOST_ENTRIES: Final = 1000
"""Of a list, where its rule states no bound; no rule allows more."""


_EXAMPLES: Final[Mapping[str, object]] = MappingProxyType(
    {
        "allowed": ["https://*.agency.example"],
        "forbidden": ["https://old.agency.example"],
        "other_sites": "forbid",
        "blind_origins": ["https://forms.agency.example"],
        "minimum_version": "0.1.0",
        "consent_text": "Questions? Extension 1234",
        "port": 28443,
        "hipki_version": "1.3.4.103349",
        "jrsys_ports": [17022, 17522],
        "jrsys_tls_ports": [17040, 17540],
        "questions": "window",
        "page_pin": False,
        "allow_sha1": False,
        "blind_signatures": "deny",
        "last_try": False,
        "update_check": False,
        "update_url": "https://updates.agency.example/ankong.json",
        "update_keys": ["0123456789abcdef" * 4],
        "timestamp_url": "https://time.agency.example/",
        "timestamp_anchors": ["/etc/ankong/time.pem"],
        "document_level": "B-LT",
        "evidence_urls": ["https://crl.agency.example/root.crl"],
        "document_anchors": ["/etc/ankong/documents"],
        "pkcs11_modules": [{"name": "OpenSC", "path": "/usr/lib/opensc-pkcs11.so"}],
        "log_level": "debug",
        "events": "system",
        "events_sites": True,
    }
)
"""Values that show what a rule takes, where its default does not."""


class SiteRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a policy that is about sites.

    Attributes:
        allowed: patterns of origins that are allowed without asking the user.
        forbidden: patterns of origins that are refused, also if ``allowed`` matches them.
        other_sites: whether to ask the user about all other origins, or refuse them.
        blind_origins: patterns of origins that may have signed what cannot be shown, without
            asking the user and whatever the setting ``blind_signatures`` says about others.

    """

    allowed: Annotated[Patterns, Lock()] = ()
    forbidden: Annotated[Patterns, Lock()] = ()
    other_sites: Annotated[Literal["ask", "forbid"], Lock()] = "ask"
    blind_origins: Annotated[Patterns, Lock()] = ()


class FleetRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part that no setting of a user's has, and that is not about sites.

    Attributes:
        minimum_version: older agents refuse everything; None for none.
        consent_text: one line that our windows show, such as whom to ask for help; empty for none.

    """

    minimum_version: Annotated[PolicyVersion | None, Lock()] = None
    consent_text: Annotated[ConsentText, Lock()] = ""


@unique
class RuleKind(StrEnum):
    """What a rule's value is."""

    BOOL = "bool"
    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"
    TEXTS = "texts"
    NUMBERS = "numbers"
    NAMED = "named"  # a list of tables with a name and a path each

    @property
    def is_list(self) -> bool:
        """Whether the value has entries."""
        return self in {RuleKind.TEXTS, RuleKind.NUMBERS, RuleKind.NAMED}


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One row.

    Attributes:
        name: as in TOML; in registry and profile, too.
        kind: what its value is.
        annotation: the declared type, with its bounds.
        since: the first version that knows it.
        default: what holds without it; None where the agent decides.
        choices: of :attr:`RuleKind.CHOICE`, all values.
        least: of a number, or of each in a list.
        most: likewise.
        longest: characters of a text, or of each in a list.
        entries: how many a list may have.

    """

    name: str
    kind: RuleKind
    annotation: Any
    since: str
    default: object
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    longest: int = LONGEST_TEXT
    entries: int = MOST_ENTRIES

    @property
    def title(self) -> str:
        """The key of its title in the catalogues."""
        return f"policy.rules.{self.name}.title"

    @property
    def help(self) -> str:
        """The key of what it does."""
        return f"policy.rules.{self.name}.help"

    @property
    def example(self) -> Any:
        """A value that it may have, in what TOML has."""
        return _EXAMPLES.get(self.name, self.default)


def _rules() -> Iterator[PolicyRule]:
    for struct in (SiteRules, FleetRules):
        for name, kind in get_type_hints(struct, include_extras=True).items():
            (lock,) = (each for each in get_args(kind)[1:] if isinstance(each, Lock))
            yield _rule(name, kind, lock, struct)
    for name, kind, lock in marked(Lock):
        yield _rule(name, kind, lock, Settings)


def _rule(name: str, annotation: Any, lock: Lock, struct: type[Struct]) -> PolicyRule:
    plain, bounds = _plain(annotation)
    fields = zip(struct.__struct_fields__, struct.__struct_defaults__, strict=True)
    kind, item = _kind(plain), bounds
    if kind.is_list:
        _, item = _plain(get_args(plain)[0])
    return PolicyRule(
        name=name,
        kind=kind,
        annotation=annotation,
        since=lock.since,
        default=dict(fields)[name],
        choices=get_args(plain) if kind is RuleKind.CHOICE else (),
        least=item.get("ge", 0),
        most=item.get("le", 0),
        longest=item.get("max_length", LONGEST_TEXT),
        entries=bounds.get("max_length", MOST_ENTRIES) if kind.is_list else 0,
    )


def _plain(annotation: Any) -> tuple[Any, dict[str, Any]]:
    """Take ``Annotated`` and ``| None`` off a type; return it and the bounds that stood there."""
    bounds: dict[str, Any] = {}
    while True:
        if hasattr(annotation, "__metadata__"):
            for each in annotation.__metadata__:
                for name in ("ge", "le", "max_length"):
                    if isinstance(each, Meta) and getattr(each, name) is not None:
                        bounds[name] = getattr(each, name)
            annotation = annotation.__origin__
            continue
        members = [each for each in get_args(annotation) if each is not type(None)]
        if type(None) not in get_args(annotation):
            return annotation, bounds
        annotation = members[0]


def _kind(plain: Any) -> RuleKind:
    if get_origin(plain) is Literal:
        return RuleKind.CHOICE
    if get_origin(plain) is tuple:
        item, _ = _plain(get_args(plain)[0])
        of = {str: RuleKind.TEXTS, int: RuleKind.NUMBERS}
        return of.get(item, RuleKind.NAMED)
    return {bool: RuleKind.BOOL, int: RuleKind.NUMBER, str: RuleKind.TEXT}[plain]


RULES: Final = tuple(_rules())
"""All of them, those about sites first."""
BY_NAME: Final[Mapping[str, PolicyRule]] = MappingProxyType({each.name: each for each in RULES})
