"""The names of all methods, as both kits write them: 64 of the newer one, 33 of the older one."""

from typing import Final

NEWER: Final = frozenset(
    {
        *("GetToolInfo", "GetMethodList", "CheckNewVersion", "GetComVersion", "IsGCACardPresent"),
        *("SetLicense", "HexToBase64", "Base64ToHex", "UnicodeToHex", "HexToUnicode"),
        *("RsaSignedData", "RsaSignedDataUserSelect", "RsaSignedDataWithContentDigest"),
        *("RsaEncrypt", "RsaDecrypt", "RsaEncryptFileByCert", "DigestData", "DigestFile"),
        *("ExportCertToHex", "DecodeCertificate", "StoreExportPFX", "StoreImportPFX"),
        *("StoreImportCert", "FindCtxByCertDERHex", "FindCertValue", "DeleteKeyAndCertCAPI"),
        *("ContainerGenCSR", "ContainerImportCert", "ContainerImportCertIntoSmartCard"),
        *("ContainerImportKeyPairAndCertFromPFX", "RsaSignedDataFromPFX"),
        *("RsaSignedDataFromPFXWithContentDigest", "RsaSignedDataSD", "RsaEncryptSD"),
        *("RsaDecryptSD", "ChangeUserPinSD", "GenKeyAndCsrSD", "ImportCertificateSD"),
        *("RsaSignedDataP11", "RsaSignedDataP11NetForm", "RsaSignedDataWithContentDigestP11"),
        *("RsaSignedDataWithContentDigestP11NetForm", "RsaEncryptP11", "RsaDecryptP11"),
        *("RsaEncryptFileByP11", "RsaDecryptFileByP11", "ExportCertToHexP11"),
        *("ExportAllCertToHexP11", "GetSmartCardSnP11", "GetSmartCardInfoP11"),
        *("GetAllSmartCardInfoP11", "SelectSmartCardP11", "LoginSmartCardP11"),
        *("ChangeUserPinP11", "GetPublicKeyByIndexP11", "GetPublicKeyByLabelP11"),
        *("ImportKeyPairAndCertFromPFXP11", "DeleteKeyAndCertP11", "GenKeyAndCsrP11"),
        *("GenCsrByPublicKeyLabelP11", "ImportCertificateP11", "ImportCertificate2P11"),
        *("GetSInfoP11", "ImportSKSP11"),
    }
)
OLDER: Final = frozenset(
    {
        *("isComRegister", "Version", "SetLicense", "SignUseCn", "SignUseSn", "SignUseCnOu"),
        *("SignedData", "SignedDataWithContentDigest", "SignP11", "Encrypt", "EncryptP11"),
        *("Decrypt", "DecryptP11", "EncryptFileByCert", "EncryptFileByP11", "DecryptFileByP11"),
        *("decodeCertificate", "exportCertToHex", "exportCertToHexP11", "digestData"),
        *("digestFile", "hexToB64", "b64ToHex", "isGCACardPresent", "containerGenCSR"),
        *("containerImportCert", "RSAP7SignExByCNHex", "UnicodeToHexString", "OpenStoreUser"),
        *("FindCtxByCertDERHex", "StoreExportPFX", "StoreImportPFX", "StoreImportCert"),
    }
)
NEVER_SAID: Final = frozenset({"IPVerification", "CheckExpirationDate", "CheckLicenseFile"})
"""Names that a kit takes for bad news about the component itself, which it shows as HTML."""
