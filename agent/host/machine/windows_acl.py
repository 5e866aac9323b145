"""Read the access lists of files and folders on Windows, and set that of this process.

Everything that touches Windows is in :class:`WindowsAccess`. accctrl.h, aclapi.h, winnt.h, sddl.h.
"""

from collections.abc import Callable, Sequence
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_int,
    c_uint16,
    c_uint32,
    c_void_p,
    c_wchar_p,
    cast,
    create_string_buffer,
    wstring_at,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agent.host.machine.windows_libraries import load_libraries
from agent.host.peer.windows import open_system

SYSTEM: Final = "S-1-5-18"
ADMINISTRATORS: Final = "S-1-5-32-544"
TRUSTED_INSTALLER: Final = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
ADMINISTRATIVE: Final = frozenset({SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER})
"""Who may do everything on a Windows computer in any case."""
_OWNER_RIGHTS: Final = "S-1-3-4"
"""Whoever owns the object, who is judged by himself."""

REPLACE: Final = 0x40 | 0x10000 | 0x40000 | 0x80000 | 0x10000000
"""FILE_DELETE_CHILD, DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL: take away or take over."""
WRITE: Final = REPLACE | 0x2 | 0x4 | 0x40000000
"""Besides: FILE_WRITE_DATA, FILE_APPEND_DATA (in a folder: add files, folders), GENERIC_WRITE."""


@dataclass(frozen=True, slots=True)
class FileAccess:
    """Who owns a file or folder, and who is allowed what.

    Attributes:
        owner: SID in its text form.
        allowed: SIDs with access masks, one for each entry that allows something here; None where
            there is no list, so that everybody may do everything.

    """

    owner: str
    allowed: Sequence[tuple[str, int]] | None

    def others(self, trusted: frozenset[str], rights: int) -> tuple[str, ...]:
        """Return who besides ``trusted`` has any of these rights; entries that deny are not read.

        Args:
            trusted: SIDs.
            rights: an access mask.

        """
        if self.allowed is None:
            return ("S-1-1-0",)  # everyone
        known = trusted | {_OWNER_RIGHTS}
        return tuple(sid for sid, mask in self.allowed if mask & rights and sid not in known)


class AccessReader(Protocol):
    """What Windows is asked."""

    def access(self, path: Path) -> FileAccess:
        """Return the owner and the access list of what a path leads to.

        Raises:
            FileNotFoundError: there is nothing of that name.
            OSError: Windows does not tell.

        """

    def own_sid(self) -> str:
        """Return the SID of this process' user.

        Raises:
            OSError: Windows does not tell.

        """


class _Acl(Structure):
    _fields_ = (
        ("AclRevision", c_uint16),  # with Sbz1
        ("AclSize", c_uint16),
        ("AceCount", c_uint16),
        ("Sbz2", c_uint16),
    )


class _Ace(Structure):
    """ACCESS_ALLOWED_ACE; the type is the low byte of the first field, the flags the high one."""

    _fields_ = (
        ("TypeAndFlags", c_uint16),
        ("Size", c_uint16),
        ("Mask", c_uint32),
        ("SidStart", c_uint32),
    )


_FILE_OBJECT: Final = 1  # SE_FILE_OBJECT
_OWNER_AND_LIST: Final = 0x1 | 0x4  # OWNER_SECURITY_INFORMATION, DACL_SECURITY_INFORMATION
_ALLOWS: Final = frozenset({0, 9})  # ACCESS_ALLOWED_ACE_TYPE, and the one with a condition
_DENIES: Final = frozenset({1, 6, 10, 12})  # ACCESS_DENIED_ACE_TYPE, objects', with a condition
_INHERIT_ONLY: Final = 0x8  # INHERIT_ONLY_ACE: about what will be made inside, not about this
_DACL_INFORMATION: Final = 0x4  # DACL_SECURITY_INFORMATION
_SDDL_REVISION: Final = 1  # SDDL_REVISION_1
# PROCESS_TERMINATE, PROCESS_QUERY_LIMITED_INFORMATION, SYNCHRONIZE
_END_AND_WAIT: Final = 0x1 | 0x1000 | 0x100000
_NOT_FOUND: Final = frozenset({2, 3})  # ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND
_READ_CONTROL: Final = 0x20000
_SHARED: Final = 0x1 | 0x2 | 0x4  # FILE_SHARE_READ, _WRITE and _DELETE
_OPEN_EXISTING: Final = 3
# FILE_FLAG_BACKUP_SEMANTICS, which opens folders too, and FILE_FLAG_OPEN_REPARSE_POINT
_ITSELF: Final = 0x2000000 | 0x200000
_NO_HANDLE: Final = c_void_p(-1).value  # INVALID_HANDLE_VALUE


class WindowsAccess:
    """The real thing, through two libraries."""

    def __init__(self, advapi32: Any, kernel32: Any, last_error: Callable[[], int]) -> None:
        """Speak to the libraries, each loaded with ``use_last_error``.

        Args:
            advapi32: the library of security.
            kernel32: the library of files.
            last_error: reads the code of the last call that failed.

        """
        self._advapi32, self._kernel32, self._last_error = advapi32, kernel32, last_error
        out = POINTER(c_void_p)
        kernel32.CreateFileW.argtypes = [
            *(c_wchar_p, c_uint32, c_uint32, c_void_p),
            *(c_uint32, c_uint32, c_void_p),
        ]
        kernel32.CreateFileW.restype = c_void_p
        kernel32.CloseHandle.argtypes = [c_void_p]
        advapi32.GetSecurityInfo.argtypes = [
            *(c_void_p, c_int, c_uint32),
            *(out, c_void_p, out, c_void_p, out),
        ]
        advapi32.GetSecurityInfo.restype = c_uint32
        advapi32.GetNamedSecurityInfoW.argtypes = [
            *(c_wchar_p, c_int, c_uint32),
            *(out, c_void_p, out, c_void_p, out),
        ]
        advapi32.GetNamedSecurityInfoW.restype = c_uint32
        advapi32.GetAce.argtypes = [c_void_p, c_uint32, out]
        advapi32.ConvertSidToStringSidW.argtypes = [c_void_p, out]
        kernel32.LocalFree.argtypes = [c_void_p]

    def access(self, path: Path) -> FileAccess:
        """Read the owner and the access list of what a path leads to.

        Raises:
            FileNotFoundError: there is nothing of that name.
            OSError: Windows does not tell.

        """
        return self._told(self._advapi32.GetNamedSecurityInfoW, str(path), path)

    def access_itself(self, path: Path) -> FileAccess:
        """Read those of what has this very name: of a link, not of what it leads to.

        Who may exchange a link can have it lead to what is others' while they are asked, and
        elsewhere afterwards.

        Raises:
            FileNotFoundError: there is nothing of that name.
            OSError: Windows does not tell.

        """
        handle = self._kernel32.CreateFileW(
            str(path), _READ_CONTROL, _SHARED, None, _OPEN_EXISTING, _ITSELF, None
        )
        if handle in {None, _NO_HANDLE}:
            raise _refused(self._last_error(), "CreateFile", path)
        try:
            return self._told(self._advapi32.GetSecurityInfo, handle, path)
        finally:
            self._kernel32.CloseHandle(handle)

    def _told(self, ask: Callable[..., int], what: Any, path: Path) -> FileAccess:
        owner, acl, descriptor = c_void_p(), c_void_p(), c_void_p()
        status = ask(
            *(what, _FILE_OBJECT, _OWNER_AND_LIST),
            *(byref(owner), None, byref(acl), None, byref(descriptor)),
        )
        if status:
            raise _refused(status, "GetSecurityInfo", path)
        try:
            return FileAccess(self._text(owner), self._entries(acl) if acl.value else None)
        finally:
            self._kernel32.LocalFree(descriptor)

    def _entries(self, acl: c_void_p) -> tuple[tuple[str, int], ...]:
        found = []
        for index in range(cast(acl, POINTER(_Acl)).contents.AceCount):
            place = c_void_p()
            if not self._advapi32.GetAce(acl, index, byref(place)):
                raise OSError(0, "GetAce")
            ace = cast(place, POINTER(_Ace)).contents
            kind, flags = ace.TypeAndFlags & 0xFF, ace.TypeAndFlags >> 8
            if flags & _INHERIT_ONLY or kind in _DENIES:
                continue
            if kind in _ALLOWS:
                sid = c_void_p((place.value or 0) + _Ace.SidStart.offset)
                found.append((self._text(sid), ace.Mask))
            else:
                found.append((f"an entry of kind {kind}", WRITE))  # unknown is not safe
        return tuple(found)

    def own_sid(self) -> str:
        """Read the SID of this process' user.

        Raises:
            OSError: Windows does not tell.

        """
        raw = open_system().user_of(None)
        if raw is None:
            raise OSError(0, "the token of this process")
        buffer = create_string_buffer(raw, len(raw))
        return self._text(cast(buffer, c_void_p))

    def protect_process(self) -> None:
        """Let others of this user end this process and wait for it, but not read its memory.

        Raises:
            OSError: Windows does not do it.

        """
        entries = "".join(f"(A;;{_END_AND_WAIT:#x};;;{who})" for who in (self.own_sid(), "OW"))
        text = f"D:P{entries}(A;;0x1fffff;;;SY)"  # OW: or the owner could undo it
        descriptor = c_void_p()
        convert = self._advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
        convert.argtypes = [c_wchar_p, c_uint32, POINTER(c_void_p), c_void_p]
        if not convert(text, _SDDL_REVISION, byref(descriptor), None):
            raise OSError(0, "ConvertStringSecurityDescriptorToSecurityDescriptor")
        try:
            self._kernel32.GetCurrentProcess.restype = c_void_p
            change = self._advapi32.SetKernelObjectSecurity
            change.argtypes = [c_void_p, c_uint32, c_void_p]
            process = self._kernel32.GetCurrentProcess()
            if not change(process, _DACL_INFORMATION, descriptor):
                raise OSError(0, "SetKernelObjectSecurity")
        finally:
            self._kernel32.LocalFree(descriptor)

    def _text(self, sid: c_void_p) -> str:
        text = c_void_p()
        if not self._advapi32.ConvertSidToStringSidW(sid, byref(text)):
            raise OSError(0, "ConvertSidToStringSid")
        try:
            return wstring_at(text.value or 0)
        finally:
            self._kernel32.LocalFree(text)


def _refused(status: int, call: str, path: Path) -> OSError:
    if status in _NOT_FOUND:
        return FileNotFoundError(2, "there is no such file", str(path))
    return OSError(status, call, str(path))


def open_files() -> WindowsAccess:
    """Open the two libraries.

    Raises:
        OSError: this is not Windows.

    """
    (advapi32, kernel32), read_error = load_libraries("advapi32", "kernel32")
    return WindowsAccess(advapi32, kernel32, read_error)
