"""Cases whose signature is good, by somebody whom the verifier must not take (RFC 5280 §6)."""

from collections.abc import Iterator
from typing import Final

from agent.kits.vectors import certificates
from agent.kits.vectors.case import (
    BROKEN,
    OK,
    UNTRUSTED,
    VectorCase,
    signed_by,
    statement,
    trusting,
)
from agent.kits.vectors.certificates import INSIDE, LONG
from agent.kits.vectors.holders import KeyHolder
from agent.kits.vectors.lists import trust_files
from agent.kits.vectors.messages import MessageParts, sign

_USAGE: Final = "wrong_key_usage"
_REVOKED: Final = "certificate_revoked"
_EXPIRED: Final = "certificate_expired"
_UNKNOWN: Final = "revocation_unknown"
_PROFILE: Final = "profile_mismatch"


def paths() -> Iterator[VectorCase]:
    """Make the cases of this module."""
    yield from _usages()
    yield from _certificates()
    yield from _odd_certificates()
    yield from _in_bag()
    yield from _authorities()
    yield from _lists()
    yield from _partial_lists()
    yield from _several_lists()
    yield from _lists_of_two_keys()
    yield from _numbers()
    yield from _holders()


def _case(name: str, signer: KeyHolder, expect: str | tuple[str, ...], note: str) -> VectorCase:
    return VectorCase(name, signed_by(signer), expect, note)


def _usages() -> Iterator[VectorCase]:
    yield _case(
        "encryption-certificate", certificates.encrypting(), _USAGE, "a certificate for encryption"
    )
    yield _case(
        "encryption-of-foreign",
        certificates.encrypting_of_foreign_authority(),
        (_USAGE, UNTRUSTED),
        "for encryption, and by a foreign authority",
    )
    yield _case("no-key-usage", certificates.unsaid_usage(), _USAGE, "it does not say what for")
    yield _case(
        "non-repudiation-only", certificates.contracting(), _USAGE, "for contracts and nothing else"
    )
    yield _case(
        "authority-as-signer",
        certificates.authority(),
        (_USAGE, UNTRUSTED),
        "the authority itself, whose key is for certificates and lists",
    )
    yield _case(
        "two-key-usages",
        certificates.two_usages(),
        BROKEN,
        "it says twice what for: signatures, then encryption",
    )


def _certificates() -> Iterator[VectorCase]:
    yield _case(
        "foreign-authority",
        certificates.of_foreign_authority(),
        UNTRUSTED,
        "an authority of the same name with another key",
    )
    yield _case(
        "self-signed",
        certificates.self_signed(),
        UNTRUSTED,
        "the citizen's name, certified by nobody",
    )
    yield _case("expired", certificates.expired(), _EXPIRED, "ended in 2020")
    yield _case(
        "not-yet-valid",
        certificates.not_yet_valid(),
        "certificate_not_yet_valid",
        "begins in 2049",
    )
    yield _case("revoked", certificates.revoked(), _REVOKED, "revoked in 2020")
    yield _case(
        "expired-and-revoked",
        certificates.expired_and_revoked(),
        (_EXPIRED, _REVOKED),
        "both of it",
    )


def _odd_certificates() -> Iterator[VectorCase]:
    yield _case(
        "renamed",
        certificates.renamed(),
        UNTRUSTED,
        "the citizen wrote another's serial number into their own certificate",
    )
    yield _case(
        "unknown-critical-extension",
        certificates.with_unknown_extension(),
        UNTRUSTED,
        "a critical extension that nobody knows (RFC 5280 §4.2)",
    )
    yield _case(
        "sha1-certificate", certificates.weakly_certified(), UNTRUSTED, "certified with SHA-1"
    )
    yield _case(
        "two-certificate-algorithms",
        certificates.doubly_certified(),
        BROKEN,
        "its signature is said to be with SHA-256 inside, and with SHA-512 outside",
    )
    yield _case(
        "critical-policies",
        certificates.with_critical_policies(),
        (UNTRUSTED, OK),
        "policies marked critical: refused by whom they are unknown to",
    )
    yield _case("long-life", certificates.with_long_life(), OK, "from 1950 to the end of 9999")
    yield _case("no-constraints", certificates.without_constraints(), OK, "no basicConstraints")
    yield _case(
        "wrong-authority-key-identifier",
        certificates.of_other_key(),
        UNTRUSTED,
        "it names another key of its issuer than the one that signed it",
    )


def _in_bag() -> Iterator[VectorCase]:
    """Make messages that bring the authority along that would be needed."""

    def bringing(name: str, signer: KeyHolder, more: list[bytes], note: str) -> VectorCase:
        text = statement()
        parts = MessageParts(text, [sign(signer, text)], certificates=[signer.der, *more])
        return VectorCase(name, parts.encode(), BROKEN, note)

    foreign = certificates.root("foreign root")
    yield bringing(
        "foreign-root-in-bag",
        certificates.of_foreign_authority(),
        [certificates.authority("foreign authority", "foreign root").der, foreign.der],
        "a whole path to another root, all of the same names",
    )
    yield bringing(
        "sub-authority-in-bag",
        certificates.of_sub_authority(),
        [trust_files()["sub-ca.cer"]],
        "certified by a good authority that is not configured",
    )
    yield bringing(
        "certified-by-citizen",
        certificates.of_citizen(),
        [certificates.citizen().der],
        "certified by a citizen, who is no authority",
    )


def _authorities() -> Iterator[VectorCase]:
    def case(name: str, file: str, note: str, expect: str | tuple[str, ...]) -> VectorCase:
        return VectorCase(name, good, expect, note, trusting(cas=[file]))

    good = signed_by(certificates.citizen())
    yield case("issuer-not-authority", "ca-not-ca.cer", "its issuer is no authority", UNTRUSTED)
    yield case("issuer-unsaid", "ca-unsaid.cer", "nothing says that it is one", UNTRUSTED)
    yield case(
        "issuer-without-cert-sign", "ca-no-cert-sign.cer", "whose key is not for it", UNTRUSTED
    )
    yield case(
        "issuer-without-crl-sign", "ca-no-crl-sign.cer", "whose key is not for lists", _UNKNOWN
    )
    yield case(
        "name-constraints", "ca-name-constraints.cer", "which may certify others only", UNTRUSTED
    )
    old = (UNTRUSTED, _EXPIRED)
    yield case("authority-expired", "ca-expired.cer", "the authority ended in 2020", old)
    yield VectorCase(
        "root-expired", good, old, "the root ended in 2020", trusting(["root-expired.cer"])
    )
    yield VectorCase(
        "authority-missing", good, UNTRUSTED, "the authority is not configured", trusting(cas=[])
    )
    yield VectorCase(
        "root-as-signer",
        signed_by(certificates.signing_root()),
        (UNTRUSTED, _PROFILE),
        "the root itself, which may sign, and is nobody's card",
        trusting(["root-signing.cer"]),
    )
    below = signed_by(certificates.of_sub_authority())
    lists = ["root.crl", "ca.crl", "sub-ca.crl"]
    yield VectorCase(
        "sub-authority",
        below,
        OK,
        "an authority below the authority",
        trusting(cas=["ca.cer", "sub-ca.cer"], crls=lists),
    )
    yield VectorCase(
        "path-too-long",
        below,
        UNTRUSTED,
        "the same, below an authority that may have none below it",
        trusting(cas=["ca-path-length-0.cer", "sub-ca.cer"], crls=lists),
    )


def _lists() -> Iterator[VectorCase]:
    def case(name: str, crls: list[str], note: str, expect: str = _UNKNOWN) -> VectorCase:
        return VectorCase(name, good, expect, note, trusting(crls=crls))

    good = signed_by(certificates.citizen())
    yield case("crl-none", [], "no list at all")
    yield case("crl-missing", ["root.crl"], "no list of the authority")
    yield case("crl-of-root-missing", ["ca.crl"], "no list of the root")
    yield case("crl-stale", ["root.crl", "ca-stale.crl"], "it was to be replaced in 2020")
    yield case("crl-future", ["root.crl", "ca-future.crl"], "it is of 2049")
    yield case("crl-endless", ["root.crl", "ca-endless.crl"], "it does not say until when")
    yield case("crl-foreign", ["root.crl", "other-key.crl"], "by the same name and another key")
    yield case("crl-badly-signed", ["root.crl", "ca-badly-signed.crl"], "its signature is broken")
    yield case("crl-by-root", ["root.crl", "ca-by-root.crl"], "signed by the root's key")
    yield case("crl-of-root-by-authority", ["root-by-ca.crl", "ca.crl"], "the other way round")
    yield case("crl-two-algorithms", ["root.crl", "ca-two-algorithms.crl"], "two algorithms named")
    yield case("crl-followed", ["root.crl", "ca-followed.crl"], "an octet after it")
    yield case("crl-impossible", ["root.crl", "ca-impossible.crl"], "it is of 30 February")
    yield case(
        "crl-two-entry-lists",
        ["root.crl", "ca-two-entry-lists.crl"],
        "its entries, and more of them",
    )
    yield case("crl-sha1", ["root.crl", "ca-sha1.crl"], "it is signed with SHA-1")
    yield VectorCase(
        "crl-tampered",
        signed_by(certificates.revoked()),
        _UNKNOWN,
        "the card was revoked, and its entry changed",
        trusting(crls=["root.crl", "ca-tampered.crl"]),
    )
    yield case(
        "authority-revoked", ["root-revokes-ca.crl", "ca.crl"], "revoked by the root", _REVOKED
    )
    yield case(
        "on-hold", ["root.crl", "ca-on-hold.crl"], "suspended, which is revoked for now", _REVOKED
    )
    text, citizen = statement(), certificates.citizen()
    parts = MessageParts(text, [sign(citizen, text)], lists=[trust_files()["ca.crl"]])
    yield VectorCase(
        "crl-in-message-only",
        parts.encode(),
        BROKEN,
        "the list that is needed comes along, and is not configured",
        trusting(crls=["root.crl"]),
    )


def _partial_lists() -> Iterator[VectorCase]:
    """Make lists that do not speak of everything (RFC 5280 §5.2)."""

    def case(
        name: str, file: str, note: str, expect: str | tuple[str, ...] = _UNKNOWN
    ) -> VectorCase:
        return VectorCase(name, good, expect, note, trusting(crls=["root.crl", file]))

    good = signed_by(certificates.citizen())
    yield case(
        "crl-of-people", "ca-people-only.crl", "it has people's certificates only", (OK, _UNKNOWN)
    )
    yield case("crl-of-authorities", "ca-authorities-only.crl", "it has authorities only")
    yield case("crl-of-attributes", "ca-attributes-only.crl", "it has attribute certificates only")
    yield case("crl-of-some-reasons", "ca-some-reasons.crl", "it has compromised keys only")
    yield case("crl-indirect", "ca-indirect.crl", "it has other issuers' certificates, too")
    yield case(
        "crl-unknown-extension", "ca-unknown-extension.crl", "a critical extension nobody knows"
    )
    yield case("crl-delta-alone", "ca-delta.crl", "a list of changes without what it changes")
    yield case(
        "remove-from-crl",
        "ca-removed.crl",
        "a complete list that says 'removed', which only a list of changes may",
        (_REVOKED, _UNKNOWN),
    )


def _several_lists() -> Iterator[VectorCase]:
    def case(name: str, crls: list[str], expect: str | tuple[str, ...], note: str) -> VectorCase:
        return VectorCase(name, good, expect, note, trusting(crls=["root.crl", *crls]))

    good = signed_by(certificates.citizen())
    yield case(
        "crl-newer-revokes",
        ["ca-newer.crl", "ca.crl"],
        _REVOKED,
        "the newer of two lists has it, the older does not",
    )
    yield case(
        "crl-newer-lifts",
        ["ca-on-hold.crl", "ca-lifted.crl"],
        (OK, _REVOKED),
        "the older of two lists has it suspended, the newer does not",
    )
    yield case(
        "crl-delta-revokes",
        ["ca.crl", "ca-delta-revokes.crl"],
        (_REVOKED, _UNKNOWN),
        "a list of changes has it",
    )
    yield case(
        "crl-delta-lifts",
        ["ca-on-hold.crl", "ca-delta-lifts.crl"],
        (OK, _REVOKED, _UNKNOWN),
        "a list of changes ends the suspension",
    )
    for name, crls in (
        ("crl-same-moment-first", ["ca-same-moment.crl", "ca.crl"]),
        ("crl-same-moment-last", ["ca.crl", "ca-same-moment.crl"]),
    ):
        yield case(name, crls, _REVOKED, "one of two lists that were issued at one moment has it")
    yield case(
        "crl-padded-entry",
        ["ca-padded-entry.crl"],
        (_REVOKED, _UNKNOWN),
        "it is in the list, with a zero octet too many in its number",
    )
    yield case(
        "crl-undated-entry",
        ["ca-undated-entry.crl"],
        (UNTRUSTED, _REVOKED, _UNKNOWN),
        "it is in the list, with a date of no calendar",
    )


def _lists_of_two_keys() -> Iterator[VectorCase]:
    good = signed_by(certificates.citizen())
    yield VectorCase(
        "authority-certified-by-itself",
        signed_by(certificates.of_foreign_authority(0x102C)),
        UNTRUSTED,
        "the authority's next key is certified by its last one: two authorities of one name",
        trusting(cas=["ca.cer", "ca-next-key.cer"], crls=["root.crl", "ca.crl", "other-key.crl"]),
    )
    both = {"cas": ["ca-other-key.cer", "ca.cer"], "crls": ["root.crl", "ca.crl"]}
    yield VectorCase(
        "two-keys-of-one-authority",
        good,
        OK,
        "two authorities of one name; the other one revoked this serial number",
        trusting(cas=both["cas"], crls=[*both["crls"], "other-key-revokes.crl"]),
    )
    yield VectorCase(
        "list-of-other-key",
        signed_by(certificates.of_foreign_authority(0x1020)),
        _UNKNOWN,
        "the same two, and no list by the key that signed this certificate",
        trusting(**both),
    )


def _numbers() -> Iterator[VectorCase]:
    """Make serial numbers that are easily taken for others."""
    long, inside = certificates.numbered(LONG), certificates.numbered(INSIDE)
    for name, signer, file, expect, note in (
        ("long-serial", long, "ca-long.crl", OK, "20 octets; its neighbours are revoked"),
        ("long-serial-revoked", long, "ca-long-revokes.crl", _REVOKED, "20 octets, and revoked"),
        (
            "serial-inside-another",
            inside,
            "ca-long.crl",
            (OK, _REVOKED),
            "a revoked number has it inside; who searches for octets refuses too much",
        ),
    ):
        yield VectorCase(name, signed_by(signer), expect, note, trusting(crls=["root.crl", file]))


def _holders() -> Iterator[VectorCase]:
    yield _case(
        "no-subject-serial",
        certificates.without_serial(),
        (_PROFILE, OK),
        "its name has no serial number; who does not ask whose account it is accepts it",
    )
    yield _case(
        "odd-subject-serial",
        certificates.with_odd_serial(),
        (_PROFILE, OK),
        "its name has a serial number that is not 16 digits; likewise",
    )
    yield _case(
        "two-subject-serials",
        certificates.with_two_serials(),
        (_PROFILE, OK),
        "its name has two serial numbers, of two people; likewise",
    )
    yield _case(
        "authority-of-citizens-name",
        certificates.citizen_as_authority(),
        (_PROFILE, UNTRUSTED, OK),
        "an authority with a citizen's name; likewise",
    )
