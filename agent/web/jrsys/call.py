"""Read a page's request: one JSON object with a method's name, and blocks with its fields."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from agent.json_texts import SHORT, without_long_texts
from agent.secret import SecretBytes
from agent.size_limits import MAX_JRSYS_MESSAGE
from agent.strict_json import refuse_ambiguous
from agent.web.jrsys.errors import JrsysError, ReturnValue

MAX_NAME: Final = 64
MAX_PIN: Final = 64  # characters; a card takes fewer

_BLOCKS: Final = frozenset(
    {
        *("ComUtilsPara", "ComCryptoPara", "ComCertificatePara", "ComPKCS11Para"),
        *("ComMSCapiPara", "ComMSCspPara", "ComMicroSDPara", "BouncyCastlePara"),
        *("Data", "Pro", "CspObjPro", "storePFX"),
    }
)
"""The objects in which the fields stand: those of the newer kit, and of the older one."""
_PIN: Final = "PIN"
_NAMED: Final = re.compile(rb'"MethodSelect"\s*:\s*"([A-Za-z_][A-Za-z0-9_]{0,63})"')
_decoder: Final = msgspec.json.Decoder(dict[str, Any], float_hook=float)  # 1e999 is no error


class UnreadCallError(JrsysError):
    """A request that cannot be read whole.

    Attributes:
        method: its name where that could be made out, and else "": a kit calls its page only for
            an answer that names the method which it asked for.

    """

    def __init__(self, number: ReturnValue, method: str) -> None:
        super().__init__(number)
        self.method = method


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One request.

    Attributes:
        method: its name, as the page wrote it: an identifier of at most 64 letters.
        fields: of the request's own and of all its blocks, by name; without the PIN.
        pin: that the page handed over; None for none, or an empty one.

    """

    method: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    pin: SecretBytes | None = None

    def __repr__(self) -> str:
        # Names only: pages send what is to be signed.
        return f"Call({self.method}, {sorted(self.fields)})"

    @classmethod
    def parse(cls, raw: bytes | bytearray) -> "Call":
        """Read one message.

        Args:
            raw: UTF-8.

        Raises:
            UnreadCallError: ``PARAMETER``: too long, no JSON object, a name twice in one, a field
                that two blocks have with different values, a PIN that is no text, or no method's
                name; ``PIN_FORM``: a PIN longer than any.

        """
        try:
            return cls._parse(raw)
        except JrsysError as error:
            raise UnreadCallError(error.number, method_named_in(raw)) from error

    @classmethod
    def _parse(cls, raw: bytes | bytearray) -> "Call":
        if len(raw) > MAX_JRSYS_MESSAGE:
            raise JrsysError(ReturnValue.PARAMETER)
        try:
            # Without copies where no text is long: of a PIN, each would be one that nobody wipes.
            refuse_ambiguous(without_long_texts(raw) if len(raw) > SHORT else raw)
            values = _decoder.decode(raw)
        except (ValueError, RecursionError) as error:  # those of msgspec and UTF-8 are ValueErrors
            raise JrsysError(ReturnValue.PARAMETER) from error
        method = values.pop("MethodSelect", None)
        if not isinstance(method, str) or len(method) > MAX_NAME:
            raise JrsysError(ReturnValue.PARAMETER)
        if not (method.isascii() and method.isidentifier()):
            raise JrsysError(ReturnValue.PARAMETER)
        fields = dict(_flat(values))
        pin = fields.pop(_PIN, None)
        return cls(method, fields, _secret(pin))

    @property
    def recorded(self) -> Mapping[str, Any]:
        """The fields as the recorder is told them, which keeps neither a PIN nor any content."""
        return self.fields if self.pin is None else {**self.fields, _PIN: self.pin}

    def with_own_pin(self) -> "Call":
        """Return the same request with a PIN that is not wiped together with this one's."""
        pin = None if self.pin is None else SecretBytes(bytearray(self.pin.buffer))
        return Call(self.method, self.fields, pin)

    def without_pin(self) -> "Call":
        """Return the same request as if the page had handed no PIN over; that one is wiped."""
        self.wipe()
        return Call(self.method, self.fields)

    def wipe(self) -> None:
        """Wipe the PIN, if there is one; may be called twice."""
        if self.pin is not None:
            self.pin.wipe()

    def get(self, *names: str) -> Any:
        """Return the first of these fields that is there: the kits differ in some names.

        A whole number comes as its decimal text, because scripts make no difference; None where
        there is no such field.
        """
        found = next((self.fields[each] for each in names if each in self.fields), None)
        is_number = isinstance(found, int) and not isinstance(found, bool)
        return str(found) if is_number else found

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean, which pages also write as a number or a text.

        Raises:
            JrsysError: ``PARAMETER``: it is none of these.

        """
        known = {"true": True, "1": True, "false": False, "0": False, "none": default}
        found = known.get(str(self.fields.get(name)).lower())
        if found is None:
            raise JrsysError(ReturnValue.PARAMETER)
        return found


def method_named_in(raw: bytes | bytearray) -> str:
    """Return the method that a message seems to name, without reading it whole; "" for none."""
    found = _NAMED.search(raw)
    return "" if found is None else found[1].decode()


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of all blocks and those beside them.

    Raises:
        JrsysError: ``PARAMETER``: one name has two values.

    """
    seen: dict[str, Any] = {}
    for name, value in values.items():
        block = value if name in _BLOCKS and isinstance(value, dict) else {name: value}
        for each, content in block.items():
            if seen.setdefault(each, content) != content:
                raise JrsysError(ReturnValue.PARAMETER)
    yield from seen.items()


def _secret(given: object) -> SecretBytes | None:
    """Return a PIN; only this copy can be wiped, not the text that it came in.

    Raises:
        JrsysError: ``PIN_FORM``: it is longer than any; ``PARAMETER``: it is no text.

    """
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise JrsysError(ReturnValue.PARAMETER)
    if len(given) > MAX_PIN:
        raise JrsysError(ReturnValue.PIN_FORM)
    return SecretBytes.from_text(given)
