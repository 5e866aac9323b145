"""All cases: for each a message, and what a relying party has to say to it."""

from collections.abc import Iterator

from agent.cms.digest import HashAlgorithm
from agent.kits.vectors import certificates
from agent.kits.vectors.case import OK, VectorCase, message_of, signed_by, statement
from agent.kits.vectors.encodings import encodings
from agent.kits.vectors.forms import forms
from agent.kits.vectors.messages import sign
from agent.kits.vectors.paths import paths
from agent.kits.vectors.signatures import signatures
from agent.kits.vectors.statements import statements
from agent.kits.vectors.steps import steps
from agent.kits.vectors.structures import structures


def all_cases() -> Iterator[VectorCase]:
    """Make every case, mostly in the order in which a relying party would find its fault."""
    yield from _good()
    yield from encodings()
    yield from structures()
    yield from forms()
    yield from signatures()
    yield from paths()
    yield from statements()
    yield from steps()


def _good() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    yield VectorCase("valid", signed_by(citizen), OK, "SHA-256")
    for algorithm in (HashAlgorithm.SHA384, HashAlgorithm.SHA512):
        message = message_of(sign(citizen, text, algorithm))
        yield VectorCase(f"valid-{algorithm.hashlib_name}", message, OK, algorithm.value)
    yield VectorCase(
        "second-citizen", signed_by(certificates.second_citizen()), OK, "somebody else"
    )
