"""The operating system of the second generation: the "GPPKI" applet with GlobalPlatform SCP03."""

import secrets
from collections.abc import Callable
from enum import Enum, unique
from typing import ClassVar

from agent.iso7816 import SW, CommandApdu
from agent.virtualcard.channel import (
    CARD_MANAGER_AID,
    CHALLENGE_LENGTH,
    CLA_SECURE,
    CRYPTOGRAM_LENGTH,
    MAC_LENGTH,
    SECURITY_LEVEL,
    Channel,
    ChannelError,
    ChannelKeys,
)
from agent.virtualcard.files import DF_KEYS
from agent.virtualcard.model import PIN_FIELD, CardData
from agent.virtualcard.operating_system import (
    HALF,
    INS_GET_RESULT,
    INS_PRIVATE_OPERATION,
    INS_READ_BINARY,
    INS_READ_RECORD,
    INS_SELECT,
    INS_VERIFY,
    PIN_REFERENCE,
    SUCCESS,
    Answer,
    CardOperatingSystem,
    require_le,
)
from agent.virtualcard.status import StatusError

ATR = bytes.fromhex("3BD8960081B1FE451F0743485447504B494ADD")
AID = bytes.fromhex("A0000002830000062201696400010101")
ISSUER_AID = bytes.fromhex("A0000001510000")
CLA_ISO = 0x00
CLA_GLOBAL_PLATFORM = 0x80
INS_INITIALIZE_UPDATE = 0x50
INS_EXTERNAL_AUTHENTICATE = 0x82
INS_GET_DATA = 0xCA
P1_BY_FILE_ID, P1_BY_NAME = 0x00, 0x04
P2_FILE, P2_NAME = (0x04,), (0x00, 0x0C)
KEY_VERSION = 0x01
KEY_INFORMATION = bytes.fromhex("E012 C00401018810 C00402018810 C00403018810")  # three AES-128
AUTHENTICATION_FAILED = 0x6300  # GlobalPlatform 2.3 §11.1: host cryptogram
_RECORD_HALVES = {3: slice(0, HALF), 4: slice(HALF, None)}


@unique
class Application(Enum):
    """The applications that can be selected by name."""

    CARD_MANAGER = CARD_MANAGER_AID
    ISSUER = ISSUER_AID
    PKI = AID


class Gen2(CardOperatingSystem):
    """A gen2 card: SELECT by name, PIN and keys only in the channel, a PIN for each signature."""

    verify_per_signature: ClassVar[bool] = True

    def __init__(
        self,
        data: CardData,
        save: Callable[[], None],
        pause: Callable[[float], None],
    ) -> None:
        super().__init__(data, save, pause)
        self._channel_keys = ChannelKeys.of_card(data.channel_id)
        self.random: Callable[[int], bytes] = secrets.token_bytes
        self.restart()

    def restart(self) -> None:
        """Forget everything, and select the card manager."""
        super().restart()
        self._application = Application.CARD_MANAGER
        self._channel: Channel | None = None

    def run(self, command: CommandApdu) -> Answer:
        """Carry out a command; see :meth:`CardOperatingSystem.run`.

        Raises:
            StatusError: it failed; with the status word to answer.

        """
        if command.cla & ~CLA_SECURE not in (CLA_ISO, CLA_GLOBAL_PLATFORM):
            raise StatusError(SW.CLA_NOT_SUPPORTED)
        self.forget_unfinished(command.ins)
        if command.cla & CLA_SECURE:
            return self._run_secure(command)
        if (command.cla, command.ins) == (CLA_ISO, INS_SELECT) and command.p1 == P1_BY_NAME:
            return self._select_by_name(command)
        if (command.cla, command.ins) == (CLA_GLOBAL_PLATFORM, INS_INITIALIZE_UPDATE):
            return self._initialize_update(command)
        return self._run_plain(command)

    def _run_secure(self, command: CommandApdu) -> Answer:
        if command.ins == INS_EXTERNAL_AUTHENTICATE:
            return self._external_authenticate(command)
        if self._channel is None or not self._channel.open:
            self._close_channel()
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        try:
            plain = self._channel.unwrap(command)
        except ChannelError as error:
            self._close_channel()
            raise StatusError(SW.SM_DATA_INCORRECT) from error
        handler = self._secure_handlers.get((plain.cla, plain.ins))
        if handler is not None:
            return handler(self, plain)
        return self._run_public(plain)

    def _run_plain(self, command: CommandApdu) -> Answer:
        if self._channel is not None and not self._channel.open:
            self._close_channel()  # only EXTERNAL AUTHENTICATE may follow INITIALIZE UPDATE
        if self._channel is not None and self.data.options.strict_channel:
            self._close_channel()
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        if (command.cla, command.ins) in self._secure_handlers:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        return self._run_public(command)

    def _run_public(self, command: CommandApdu) -> Answer:
        handler = self._public_handlers.get((command.cla, command.ins))
        if handler is None:
            raise StatusError(SW.INS_NOT_SUPPORTED)
        return handler(self, command)

    def _close_channel(self) -> None:
        self._channel = None
        self.pin.verified = False
        self.forget_unfinished(0)

    def _select_by_name(self, command: CommandApdu) -> Answer:
        if command.p2 not in P2_NAME:
            raise StatusError(SW.WRONG_P1_P2)
        try:
            application = Application(command.data)
        except ValueError as error:
            raise StatusError(SW.FILE_NOT_FOUND) from error
        self.restart()
        self._application = application
        return SUCCESS

    def _initialize_update(self, command: CommandApdu) -> Answer:
        """Carry out INITIALIZE UPDATE (Amendment D §7.1.1)."""
        self._close_channel()
        self._require(Application.PKI)
        if command.p1 not in (0, KEY_VERSION):
            raise StatusError(SW.REFERENCE_NOT_FOUND)
        if command.p2 != 0:
            raise StatusError(SW.WRONG_P1_P2)
        if len(command.data) != CHALLENGE_LENGTH:
            raise StatusError(SW.WRONG_LENGTH)
        challenge = self.random(CHALLENGE_LENGTH)
        self._channel = Channel(self._channel_keys, command.data, challenge)
        key_information = bytes((KEY_VERSION, 0x03, 0x00))
        head = self.data.channel_id + key_information
        return head + challenge + self._channel.card_cryptogram, SW.SUCCESS

    def _external_authenticate(self, command: CommandApdu) -> Answer:
        """Carry out EXTERNAL AUTHENTICATE (Amendment D §7.1.2), right after INITIALIZE UPDATE."""
        channel = self._channel
        if channel is None or channel.open or command.cla != CLA_GLOBAL_PLATFORM | CLA_SECURE:
            self._close_channel()
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        self._close_channel()
        if (command.p1, command.p2) != (SECURITY_LEVEL, 0):
            raise StatusError(SW.WRONG_P1_P2)
        if len(command.data) != CRYPTOGRAM_LENGTH + MAC_LENGTH:
            raise StatusError(SW.WRONG_LENGTH)
        try:
            genuine = channel.authenticate(command)
        except ChannelError as error:
            raise StatusError(SW.SM_DATA_INCORRECT) from error
        if not genuine:
            raise StatusError(AUTHENTICATION_FAILED)
        self._channel = channel
        return SUCCESS

    def _require(self, application: Application) -> None:
        if self._application is not application:
            raise StatusError(SW.INS_NOT_SUPPORTED)

    def _select(self, command: CommandApdu) -> Answer:
        self._require_files()
        if command.p1 != P1_BY_FILE_ID or command.p2 not in P2_FILE:
            raise StatusError(SW.WRONG_P1_P2)
        return self.select_file(command)

    def _require_files(self) -> None:
        if self._application is not Application.PKI:
            raise StatusError(SW.FILE_NOT_FOUND)

    def _read_record(self, command: CommandApdu) -> Answer:
        """Answer one half of a public modulus: P1 is the key reference, P2 the half."""
        self._require_files()
        if command.data:
            raise StatusError(SW.WRONG_LENGTH)
        if self.directory.fid != DF_KEYS:
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        if command.p2 not in _RECORD_HALVES:
            raise StatusError(SW.WRONG_P1_P2)
        key = self.key(command.p1)
        if key is None:
            raise StatusError(SW.RECORD_NOT_FOUND)
        require_le(command, HALF)
        return key.modulus[_RECORD_HALVES[command.p2]], SW.SUCCESS

    def _get_data(self, command: CommandApdu) -> Answer:
        """Carry out GET DATA (GlobalPlatform 2.3 §11.3): each application has its own objects."""
        objects = {
            (Application.CARD_MANAGER, 0xE0): KEY_INFORMATION,
            (Application.ISSUER, 0x45): b"\x45\x0a" + self.data.channel_id,
        }
        found = objects.get((self._application, command.p1 << 8 | command.p2))
        if found is None:
            raise StatusError(SW.REFERENCE_NOT_FOUND)
        if command.data:
            raise StatusError(SW.WRONG_LENGTH)
        require_le(command, len(found))
        return found, SW.SUCCESS

    def _verify(self, command: CommandApdu) -> Answer:
        if command.p1 != 0:
            raise StatusError(SW.WRONG_P1_P2)
        if command.p2 != PIN_REFERENCE:
            raise StatusError(SW.REFERENCE_NOT_FOUND)
        if len(command.data) != PIN_FIELD:
            raise StatusError(SW.WRONG_LENGTH)
        self.pin.check(command.data)
        return SUCCESS

    _secure_handlers: ClassVar[dict[tuple[int, int], Callable[["Gen2", CommandApdu], Answer]]] = {
        (CLA_ISO, INS_VERIFY): _verify,
        (CLA_GLOBAL_PLATFORM, INS_PRIVATE_OPERATION): CardOperatingSystem.private_operation,
        (CLA_GLOBAL_PLATFORM, INS_GET_RESULT): CardOperatingSystem.get_result,
    }
    _public_handlers: ClassVar[dict[tuple[int, int], Callable[["Gen2", CommandApdu], Answer]]] = {
        (CLA_ISO, INS_SELECT): _select,
        (CLA_ISO, INS_READ_BINARY): CardOperatingSystem.read_binary,
        (CLA_GLOBAL_PLATFORM, INS_READ_RECORD): _read_record,
        (CLA_GLOBAL_PLATFORM, INS_GET_DATA): _get_data,
    }
