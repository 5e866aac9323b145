"""What each method does, and what the citizen is asked before: one line for each name."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class Method(Enum):
    """What a page can have done; both kits have a name for most."""

    VERSION = auto()
    TOOL_INFORMATION = auto()
    METHOD_LIST = auto()
    NEW_VERSION = auto()
    PRESENCE = auto()
    SET_LICENSE = auto()
    HEX_TO_BASE64 = auto()
    BASE64_TO_HEX = auto()
    TEXT_TO_HEX = auto()
    HEX_TO_TEXT = auto()
    DIGEST = auto()
    DECODE_CERTIFICATE = auto()
    ENCRYPT = auto()
    SERIAL = auto()
    CERTIFICATE = auto()
    SIGNING_CERTIFICATE = auto()
    ALL_CERTIFICATES = auto()
    CARD_INFORMATION = auto()
    ALL_INFORMATION = auto()
    SELECT = auto()
    SIGN = auto()
    SIGN_IN_WINDOW = auto()
    SIGN_DIGEST = auto()
    SIGN_DIGEST_WITH = auto()
    SIGN_MATCHING = auto()
    LOG_IN = auto()
    DECRYPT = auto()


BY_NAME: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "GetComVersion": Method.VERSION,
        "Version": Method.VERSION,
        "isComRegister": Method.VERSION,
        "GetToolInfo": Method.TOOL_INFORMATION,
        "GetMethodList": Method.METHOD_LIST,
        "CheckNewVersion": Method.NEW_VERSION,
        "IsGCACardPresent": Method.PRESENCE,
        "isGCACardPresent": Method.PRESENCE,
        "SetLicense": Method.SET_LICENSE,
        "HexToBase64": Method.HEX_TO_BASE64,
        "hexToB64": Method.HEX_TO_BASE64,
        "Base64ToHex": Method.BASE64_TO_HEX,
        "b64ToHex": Method.BASE64_TO_HEX,
        "UnicodeToHex": Method.TEXT_TO_HEX,
        "UnicodeToHexString": Method.TEXT_TO_HEX,
        "HexToUnicode": Method.HEX_TO_TEXT,
        "DigestData": Method.DIGEST,
        "digestData": Method.DIGEST,
        "DecodeCertificate": Method.DECODE_CERTIFICATE,
        "decodeCertificate": Method.DECODE_CERTIFICATE,
        "RsaEncryptP11": Method.ENCRYPT,
        "EncryptP11": Method.ENCRYPT,
        "GetSmartCardSnP11": Method.SERIAL,
        "ExportCertToHexP11": Method.CERTIFICATE,
        "exportCertToHexP11": Method.CERTIFICATE,
        "ExportCertToHex": Method.SIGNING_CERTIFICATE,
        "exportCertToHex": Method.SIGNING_CERTIFICATE,
        "ExportAllCertToHexP11": Method.ALL_CERTIFICATES,
        "GetSmartCardInfoP11": Method.CARD_INFORMATION,
        "GetAllSmartCardInfoP11": Method.ALL_INFORMATION,
        "SelectSmartCardP11": Method.SELECT,
        "RsaSignedDataP11": Method.SIGN,
        "SignP11": Method.SIGN,
        "RsaSignedDataP11NetForm": Method.SIGN_IN_WINDOW,
        "RsaSignedDataWithContentDigestP11": Method.SIGN_DIGEST,
        "SignedDataWithContentDigest": Method.SIGN_DIGEST,
        "RsaSignedDataWithContentDigestP11NetForm": Method.SIGN_DIGEST_WITH,
        "RsaSignedDataWithContentDigest": Method.SIGN_DIGEST_WITH,
        "RsaSignedData": Method.SIGN_MATCHING,
        "RsaSignedDataUserSelect": Method.SIGN_MATCHING,
        "SignedData": Method.SIGN_MATCHING,
        "SignUseCn": Method.SIGN_MATCHING,
        "SignUseSn": Method.SIGN_MATCHING,
        "SignUseCnOu": Method.SIGN_MATCHING,
        "RSAP7SignExByCNHex": Method.SIGN_MATCHING,
        "LoginSmartCardP11": Method.LOG_IN,
        "RsaDecryptP11": Method.DECRYPT,
        "DecryptP11": Method.DECRYPT,
        "RsaDecrypt": Method.DECRYPT,
        "Decrypt": Method.DECRYPT,
    }
)
"""Every name that is answered; others are refused: they manage keys, cards, files or the system's
store, for which a page is not to use this program."""
