"""Make identifying metadata for the demo's samples: positions, names, times and thumbnails.

All values are invented.
"""

from __future__ import annotations

import io
import struct

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

EXIF_HEADER = b"Exif\0\0"
FIRST_IFD = 8
"""Offset of IFD0 in the TIFF structure that Pillow writes."""
THUMBNAIL_PX = 160

XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<dc:creator><rdf:Seq><rdf:li>A. Photographer</rdf:li></rdf:Seq></dc:creator>
<Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>A. Person</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def exif(thumbnail_of: Image.Image | None = None, orientation: int = 1) -> bytes:
    """An EXIF block with camera, serial number, owner, time and GPS position.

    Args:
        thumbnail_of: The picture whose small JPEG copy goes into IFD1; None = no thumbnail.
        orientation: 1 (upright) to 8; 6 = has to be turned by 90° clockwise.

    Returns:
        The header of an EXIF segment and a TIFF structure.
    """
    block = Image.Exif()
    block[ExifTags.Base.Make] = "Sample"
    block[ExifTags.Base.Model] = "Camera 1"
    block[ExifTags.Base.Orientation] = orientation
    block[ExifTags.Base.Artist] = "A. Photographer"
    details = block.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2026:05:01 14:03:27"
    details[ExifTags.Base.BodySerialNumber] = "000123456"
    details[ExifTags.Base.CameraOwnerName] = "A. Photographer"
    place = block.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (28.0, 31.0, 26.4)
    place[ExifTags.GPS.GPSLongitudeRef] = "W"
    place[ExifTags.GPS.GPSLongitude] = (80.0, 39.0, 3.6)
    tiff = block.tobytes().removeprefix(EXIF_HEADER)
    return EXIF_HEADER + (tiff if thumbnail_of is None else _with_thumbnail(tiff, _small_jpeg(thumbnail_of)))


def png_text() -> PngInfo:
    """Text chunks as image editors write them, one of them compressed."""
    info = PngInfo()
    info.add_text("Author", "A. Photographer")
    info.add_text("Comment", "A. Person at the open day", zip=True)
    info.add_itxt("Description", "left to right: A. Person, B. Person")
    return info


def _small_jpeg(picture: Image.Image) -> bytes:
    small = picture.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    target = io.BytesIO()
    small.save(target, "JPEG", quality=80)
    return target.getvalue()


def _with_thumbnail(tiff: bytes, jpeg: bytes) -> bytes:
    """Appends IFD1 with `jpeg` and links it from IFD0 (EXIF 2.32, section 4.5.5; tags 0x0103, 0x0201, 0x0202)."""
    order = "<" if tiff.startswith(b"II") else ">"
    count = struct.unpack_from(f"{order}H", tiff, FIRST_IFD)[0]
    link = FIRST_IFD + 2 + 12 * count
    tiff += b"\0" * (len(tiff) % 2)
    data_at = len(tiff) + 2 + 3 * 12 + 4
    ifd1 = struct.pack(f"{order}H", 3)
    ifd1 += struct.pack(f"{order}HHIHH", 0x0103, 3, 1, 6, 0)
    ifd1 += struct.pack(f"{order}HHII", 0x0201, 4, 1, data_at)
    ifd1 += struct.pack(f"{order}HHII", 0x0202, 4, 1, len(jpeg))
    ifd1 += bytes(4)
    return tiff[:link] + struct.pack(f"{order}I", len(tiff)) + tiff[link + 4 :] + ifd1 + jpeg
