"""Whether the person at the phone can unlock it: WebAuthn user verification (Level 2 §5.1.3).

The phone's own authenticator makes a credential, which proves that it has verified its user by
face, finger or screen lock just now. Nothing of the credential is kept. Its user handle is the
member's, so that a second one takes the place of the first instead of filling the phone.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from webauthn import generate_registration_options, verify_registration_response
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorAttachment,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from agent.relying.urls import is_this_computer

CHALLENGE_BYTES: Final = 32
_TIMEOUT_MS: Final = 120_000


def can_verify_at(origin: str) -> bool:
    """Return whether browsers offer WebAuthn at an origin: at no IP address, and only by https."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    is_name = any(letter.isalpha() for letter in host) and ":" not in host
    return is_name and (parts.scheme == "https" or is_this_computer(host))


def device_options(origin: str, site_name: str, user: bytes, challenge: bytes) -> dict[str, Any]:
    """Return what the page gives to ``navigator.credentials.create``, as JSON (§5.1.8).

    Args:
        origin: of the page.
        site_name: as the phone shows it.
        user: the member's handle, 32 octets that say nothing about a person.
        challenge: 32 random octets.

    """
    options = generate_registration_options(
        rp_id=urlsplit(origin).hostname or "",
        rp_name=site_name,
        user_id=user,
        user_name=site_name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            authenticator_attachment=AuthenticatorAttachment.PLATFORM,
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return options_to_json_dict(options)


def is_holder_verified(credential: dict[str, Any], challenge: bytes, origin: str) -> bool:
    """Return whether a credential was made for this challenge, at this origin, by a verified user.

    Args:
        credential: what the page got, as JSON (§5.1.3.3).
        challenge: that it was asked for with.
        origin: of the page.

    """
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=urlsplit(origin).hostname or "",
            expected_origin=origin,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  # the library takes hostile CBOR apart, and raises what it meets
        return False
    return verified.user_verified
