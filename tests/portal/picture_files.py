"""Pictures in files of every kind, made here; the marker stands wherever one can hide something."""

import base64
import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

MARKER = b"MARKER-7f3a9c"
SIZE = (96, 64)

_HEIC = """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAeFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAA
AAAAAAAAAEZpbG9jAAAAAERAAAMAAQAAAAACBQABAAAAAAAAAKoAAgAAAAACrwABAAAAAAAAADIAAwAAAAAC4QABAAAA
AAAAABQAAABiaWluZgAAAAAAAwAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAACppbmZl
AgAAAQADAABtaW1lAGFwcGxpY2F0aW9uL3JkZit4bWwAAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHho
dmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMA
kAAAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAU
aXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAChpcmVmAAAAAAAA
AA5jZHNjAAIAAQABAAAADmNkc2MAAwABAAEAAAD4bWRhdAAAAKYoAa9YinqtOq//8yncj7FD/8X5jn7oEj/bgin8WavK
/Kl8/2RNA+tGUuUt4ftYj34LKf3LUHb6pkdjET9rqbIxxxB0M0BAyOKuUSr576Lr9GnSYLCnOdAdh6HS0LuVvxSpBQkp
uaI1QrDxxHsAGGsgd5kyx+XduuB9xetewKjf+c1eJahKHmN2lvJjyzEhbZdIEO7u75rxqQ+0tV8cxWIWMPKQCdMEAAAA
BkV4aWYAAE1NACoAAAAIAAEBDgACAAAADgAAABoAAAAATUFSS0VSLTdmM2E5YwA8eD5NQVJLRVItN2YzYTljPC94Pg==
"""


def card(size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw a picture whose corners differ: left red, right white, blue at the top left."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, size[0] // 2 - 1, size[1]), fill="red")
    draw.rectangle((0, 0, size[0] // 6 - 1, size[1] // 4 - 1), fill="blue")
    return picture


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(**options: Any) -> bytes:
    return saved(card(), "JPEG", **{"quality": 95} | options)


def heic() -> bytes:
    """Give a HEIC of the same picture, with the marker in its EXIF and XMP."""
    return base64.b64decode(_HEIC)


def exif(orientation: int = 1) -> Image.Exif:
    """Make EXIF with the marker as description and as place (GPS)."""
    made = Image.Exif()
    made[0x010E] = MARKER.decode()
    made[0x0112] = orientation
    made[0x8825] = {29: MARKER.decode()}
    return made


def with_segment(jpeg_file: bytes, code: int, body: bytes) -> bytes:
    """Put a segment behind a JPEG's start."""
    segment = struct.pack(">BBH", 0xFF, code, len(body) + 2) + body
    return jpeg_file[:2] + segment + jpeg_file[2:]


def marked_jpeg() -> bytes:
    """Hide the marker in every place of a JPEG that holds no picture."""
    file = jpeg(exif=exif(), icc_profile=MARKER * 3, comment=MARKER)
    for code, head in (
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        (0xE2, b"MPF\0"),
        (0xE0, b"JFXX\0\x10"),
        (0xED, b"Photoshop 3.0\0"),
        (0xEF, b""),
    ):
        file = with_segment(file, code, head + MARKER)
    return file + MARKER + b"<script>alert(1)</script>"


def chunk(kind: bytes, body: bytes) -> bytes:
    """Make a chunk of PNG (W3C PNG §5.3)."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """Put a chunk behind the header of a PNG."""
    return png[:33] + chunk(kind, body) + png[33:]


def marked_png() -> bytes:
    text = PngInfo()
    text.add_text("Comment", MARKER.decode())
    text.add_itxt("XML:com.adobe.xmp", MARKER.decode())
    file = saved(card(), "PNG", pnginfo=text, exif=exif(), icc_profile=MARKER * 3)
    return with_chunk(file, b"prVt", MARKER) + MARKER


def marked_webp() -> bytes:
    file = saved(
        card(), "WEBP", lossless=True, exif=exif().tobytes(), xmp=MARKER, icc_profile=MARKER * 3
    )
    return file + MARKER


def pdf(
    pages: int = 1, *, objects: Sequence[bytes] = (), catalog: bytes = b"", draw: bytes = b""
) -> bytes:
    """Write a PDF (ISO 32000) of as many pages as asked, each with a red square.

    Args:
        pages: how many.
        objects: more of them, from number 4 on.
        catalog: entries of the document catalogue.
        draw: more of what draws a page.

    """
    content = b"1 0 0 rg 0 100 100 100 re f " + draw
    kids = b" ".join(b"%d 0 R" % (4 + len(objects) + number) for number in range(pages))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, kids),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *objects,
        *[
            (
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 3 0 R"
                b" /Resources << /XObject << /X 4 0 R >> >> >>"
            )
        ]
        * pages,
    ]
    file, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(bodies) + 1
    return file + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (count, table, count, len(file))
    )


def stream(entries: bytes, body: bytes) -> bytes:
    """Make a stream object of a PDF."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(body), body)


def script_pdf() -> bytes:
    """Make one that would run a script, and holds a file."""
    return pdf(
        objects=(
            stream(b"/Type /EmbeddedFile", MARKER),
            b"<< /S /JavaScript /JS (app.alert\\('%s'\\)) >>" % MARKER,
            b"<< /Type /Filespec /F (%s) /EF << /F 4 0 R >> >>" % MARKER,
        ),
        catalog=b"/OpenAction 5 0 R /AA << /WC 5 0 R >> /Names << /JavaScript << /Names"
        b" [(a) 5 0 R] >> /EmbeddedFiles << /Names [(a) 6 0 R] >> >> /Lang (%s)" % MARKER,
    )


def encrypted_pdf(user_password: str) -> bytes:
    """Encrypt a PDF; an empty password lets everybody read it."""
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(pdf())))
    writer.encrypt(owner_pass="owner", user_pass=user_password)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def with_size(kind: str, file: bytes, width: int, height: int) -> bytes:
    """Let a file's header claim another size; PNG's checksum is made right."""
    if kind == "png":
        head = struct.pack(">II", width, height) + file[24:29]
        return file[:8] + chunk(b"IHDR", head) + file[33:]
    if kind == "jpeg":
        at = file.index(b"\xff\xc0") + 5
        return file[:at] + struct.pack(">HH", height, width) + file[at + 4 :]
    if kind == "heic":
        at = file.index(b"ispe") + 8
        return file[:at] + struct.pack(">II", width, height) + file[at + 8 :]
    assert kind == "webp"
    assert file[12:16] == b"VP8X"
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return file[:24] + canvas + file[30:]
