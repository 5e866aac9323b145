"""Write the icon as files, for desktops and programs; drawn by the tray's own code."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from tray.icon.drawing import draw
from tray.icon.view import IconStatus

ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 256)
HICOLOR_SIZES = (16, 22, 24, 32, 48, 64, 128, 256)
"""Pixels of each side, as the icon theme of XDG desktops has them."""
_ICNS_KINDS = ((128, b"ic07"), (256, b"ic08"), (512, b"ic09"), (1024, b"ic10"))
_LARGEST_BITMAP = 64  # larger ones are PNG, as Windows Vista and later read them
_STATUS = IconStatus.RUNNING


def png(size: int) -> bytes:
    """Return the icon as PNG (ISO/IEC 15948), ``size`` pixels wide and high."""
    rgba = draw(_STATUS, size)
    rows = b"".join(
        b"\0" + rgba[start : start + size * 4] for start in range(0, len(rgba), size * 4)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _png_chunk(kind, content)
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def ico(sizes: Sequence[int] = ICO_SIZES) -> bytes:
    """Return a Windows icon file with all ``sizes``."""
    pictures = [png(size) if size > _LARGEST_BITMAP else _bitmap(size) for size in sizes]
    out = bytearray(struct.pack("<HHH", 0, 1, len(sizes)))
    offset = len(out) + 16 * len(sizes)
    for size, picture in zip(sizes, pictures, strict=True):
        side = size % 256  # 0 stands for 256
        out += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(picture), offset)
        offset += len(picture)
    return bytes(out) + b"".join(pictures)


def _bitmap(size: int) -> bytes:
    """Return the content of a BMP file: header, BGRA from the bottom row up, and an empty mask."""
    rgba = draw(_STATUS, size)
    bgra = bytearray(rgba)
    bgra[0::4], bgra[2::4] = rgba[2::4], rgba[0::4]
    width = size * 4
    rows = [bytes(bgra[start : start + width]) for start in range(0, len(bgra), width)]
    mask = bytes((size + 31) // 32 * 4 * size)
    header = struct.pack(
        "<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, width * size + len(mask), 0, 0, 0, 0
    )
    return header + b"".join(reversed(rows)) + mask


def icns() -> bytes:
    """Return a macOS icon file."""
    pictures = [(kind, png(size)) for size, kind in _ICNS_KINDS]
    body = b"".join(
        kind + struct.pack(">I", len(picture) + 8) + picture for kind, picture in pictures
    )
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def write(folder: Path, platform: str) -> Path:
    """Write the icon file for programs of ``platform``, "win32" or "darwin"; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("ankong.ico" if platform == "win32" else "ankong.icns")
    path.write_bytes(ico() if platform == "win32" else icns())
    return path


def write_pictures(folder: Path) -> list[Path]:
    """Write the icon in every size that icon themes have; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for size in HICOLOR_SIZES:
        path = folder / f"ankong-{size}.png"
        path.write_bytes(png(size))
        written.append(path)
    return written
