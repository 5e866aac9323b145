"""What a page gets: one JSON object that both kits understand, with every field that either reads.

A kit takes the first message that comes for the answer, looks into objects without asking whether
they are there, and compares ``RV`` as a number. So each is there in every answer, in errors too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from agent.web.jrsys.decode import in_older_names, nothing
from agent.web.jrsys.errors import ReturnValue
from agent.web.jrsys.names import NEVER_SAID

_encoder: Final = msgspec.json.Encoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a method gives.

    Attributes:
        message: the result itself.
        signature: the bare signature value, hex.
        signer: the signer's certificate, DER in hex.
        certificate: a certificate's contents, by their names in the newer kit.

    """

    message: object = ""
    signature: str = ""
    signer: str = ""
    certificate: Mapping[str, str] = field(default_factory=nothing)

    def encode(self, method: str) -> bytes:
        """Return the JSON text that goes to the page, for the method as it wrote it."""
        return _encode(method, self, ReturnValue.GOOD, "")


def encode_refusal(method: str, why: ReturnValue, text: str, *, is_quiet: bool = False) -> bytes:
    """Return the JSON text of a refusal.

    Args:
        method: as the page wrote it; "" where that could not be read.
        why: the number.
        text: for the citizen, without markup: pages put it into their HTML.
        is_quiet: whether the text stands in ``ErrorMessage`` alone. The older kit hands ``Message``
            to its page as the result, whatever else it reads; the newer one shows it as the error.

    """
    return _encode(method, Answer(message="" if is_quiet else text), why, text)


def _encode(method: str, answer: Answer, value: ReturnValue, text: str) -> bytes:
    is_error = value is not ReturnValue.GOOD
    fields: dict[str, Any] = {
        "MethodSelect": "" if method in NEVER_SAID else method,
        "RV": int(value),
        "IsError": is_error,
        "isError": is_error,
        "Message": answer.message,
        "ErrorMessage": text,
        "Signature": answer.signature,
        "SignerCert": answer.signer,
        "ComCertificatePara": answer.certificate,
        "Pro": {
            "rv": int(value),
            "signature": answer.signature,
            "signerCert": answer.signer,
            **in_older_names(answer.certificate),
        },
    }
    return _encoder.encode(fields)
