"""Make folders on Windows that administrators own and alone can change, and all users can read.

Everything that touches Windows is in :class:`WindowsFolders`. fileapi.h, sddl.h, aclapi.h.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref, c_int, c_uint32, c_void_p, c_wchar_p, sizeof
from pathlib import Path
from typing import Any, Final

from agent.host.machine.windows_acl import ADMINISTRATORS, FileAccess, WindowsAccess
from agent.host.machine.windows_libraries import load_libraries

# Owned by administrators; nothing by inheritance. The system and administrators may do everything,
# users may read and run, in this folder and in all that is made in it.
SHARED: Final = "O:BAG:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
"""The security of a shared folder, SDDL."""
_SDDL_REVISION: Final = 1  # SDDL_REVISION_1
_FILE_OBJECT: Final = 1  # SE_FILE_OBJECT
# OWNER_, DACL_ and PROTECTED_DACL_SECURITY_INFORMATION
_OWNER_AND_LIST: Final = 0x1 | 0x4 | 0x80000000
_EXISTS: Final = 183  # ERROR_ALREADY_EXISTS


class _SecurityAttributes(Structure):
    """SECURITY_ATTRIBUTES, wtypesbase.h."""

    _fields_ = (
        ("nLength", c_uint32),
        ("lpSecurityDescriptor", c_void_p),
        ("bInheritHandle", c_int),
    )


class WindowsFolders:
    """The real thing, through two libraries."""

    def __init__(
        self,
        advapi32: Any,
        kernel32: Any,
        last_error: Callable[[], int],
        *,
        owners_kept: bool = True,
    ) -> None:
        """Speak to the libraries, each loaded with ``use_last_error``.

        Args:
            advapi32: the library of security.
            kernel32: the library of files.
            last_error: reads the code of the last call that failed.
            owners_kept: whether files have owners of their own. Wine has none: there everything
                belongs to the one user, who is the administrator.

        """
        self._owners_kept = owners_kept
        self._advapi32, self._kernel32, self._last_error = advapi32, kernel32, last_error
        self._access = WindowsAccess(advapi32, kernel32, last_error)
        convert = advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
        convert.argtypes = [c_wchar_p, c_uint32, POINTER(c_void_p), c_void_p]
        kernel32.CreateDirectoryW.argtypes = [c_wchar_p, c_void_p]
        advapi32.GetSecurityDescriptorOwner.argtypes = [c_void_p, POINTER(c_void_p), c_void_p]
        out = POINTER(c_int)
        advapi32.GetSecurityDescriptorDacl.argtypes = [c_void_p, out, POINTER(c_void_p), out]
        advapi32.SetNamedSecurityInfoW.argtypes = [
            *(c_wchar_p, c_int, c_uint32),
            *(c_void_p, c_void_p, c_void_p, c_void_p),
        ]
        advapi32.SetNamedSecurityInfoW.restype = c_uint32

    def access(self, path: Path) -> FileAccess:
        """Read the owner and the access list of what has this very name, be it a link.

        Raises:
            FileNotFoundError: there is nothing of that name.
            OSError: Windows does not tell.

        """
        found = self._access.access_itself(path)
        if self._owners_kept or found.allowed is None:
            return found
        own = self._access.own_sid()
        names = {own: ADMINISTRATORS}
        allowed = tuple((names.get(sid, sid), mask) for sid, mask in found.allowed)
        return FileAccess(names.get(found.owner, found.owner), allowed)

    def is_link(self, path: Path) -> bool:
        """Return whether it leads elsewhere: a symbolic link, a junction, a mount point.

        Raises:
            OSError: it cannot be looked at.

        """
        attributes = getattr(os.lstat(path), "st_file_attributes", 0)
        return bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)

    def make(self, folder: Path) -> None:
        """Make a folder whose security is :data:`SHARED` from its first moment.

        Raises:
            FileExistsError: something has that name.
            OSError: it cannot be made.

        """
        with self._descriptor() as descriptor:
            attributes = _SecurityAttributes(sizeof(_SecurityAttributes), descriptor, 0)
            if self._kernel32.CreateDirectoryW(str(folder), byref(attributes)):
                return
            code = self._last_error()
        if code == _EXISTS:
            raise FileExistsError(code, "something has that name", str(folder))
        raise OSError(code, "CreateDirectory", str(folder))

    def close(self, folder: Path) -> None:
        """Give a folder the security :data:`SHARED`, and what is in it by inheritance.

        Raises:
            OSError: Windows does not do it.

        """
        with self._descriptor() as descriptor:
            owner, acl, flag = c_void_p(), c_void_p(), c_int()
            self._advapi32.GetSecurityDescriptorOwner(descriptor, byref(owner), byref(flag))
            found = c_int()
            self._advapi32.GetSecurityDescriptorDacl(
                descriptor, byref(found), byref(acl), byref(flag)
            )
            status = self._advapi32.SetNamedSecurityInfoW(
                str(folder), _FILE_OBJECT, _OWNER_AND_LIST, owner, None, acl, None
            )
        if status:
            raise OSError(status, "SetNamedSecurityInfo", str(folder))

    @contextmanager
    def _descriptor(self) -> Iterator[c_void_p]:
        descriptor = c_void_p()
        convert = self._advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
        if not convert(SHARED, _SDDL_REVISION, byref(descriptor), None):
            raise OSError(self._last_error(), "ConvertStringSecurityDescriptor")
        try:
            yield descriptor
        finally:
            self._kernel32.LocalFree(descriptor)


def open_folders() -> WindowsFolders:
    """Open the two libraries.

    Raises:
        OSError: this is not Windows.

    """
    (advapi32, kernel32, ntdll), read_error = load_libraries("advapi32", "kernel32", "ntdll")
    is_wine = hasattr(ntdll, "wine_get_version")
    return WindowsFolders(advapi32, kernel32, read_error, owners_kept=not is_wine)
