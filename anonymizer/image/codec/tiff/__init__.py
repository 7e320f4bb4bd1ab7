"""TIFF: every page, at its depth and in its layout; written with deflate, whatever the source was packed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, EncodeError, ImageTooLarge, UnsupportedFormat
from anonymizer.image.codec.pixels import Upright, upright_frame
from anonymizer.image.codec.tiff.directory import chain
from anonymizer.image.codec.tiff.old_jpeg import stream_place
from anonymizer.image.codec.tiff.page import OLD_JPEG, PALETTE, Page, is_copy, read_page
from anonymizer.image.codec.tiff.read import Stored, read_samples
from anonymizer.image.codec.tiff.segments import MAX_SEGMENTS, segment_rows, with_segments
from anonymizer.image.codec.tiff.write import PageStyle, written_page
from anonymizer.image.profiles import PROFILES
from anonymizer.records import Encoded, Picture

_ORIENTATION, _ICC_PROFILE = 274, 34675
_MAX_PROFILE_BYTES = 8 * 2**20
_MAX_PROFILES = 64
_FIRST_DIRECTORY = 8
_FULL_BYTES = 3
"""Of a pixel of 8 bit RGB, which counts as one; of less, as gray and faxes are, it counts as much less."""

# Packed bytes that a hostile file may name again and again, beside those that it has: times what they unpack to.
_MOST_EXPANSION = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """What `encode` needs beside the frames: for each page what its directory said."""

    pages: tuple[PageStyle, ...]


def decode(data: bytes, config: CodecConfig) -> Picture:
    """Reads all pages of a TIFF or BigTIFF file. See `anonymizer.image.codec.decode`.

    Pages are the directories of the chain in their order. Reduced copies and masks (NewSubfileType) and directories
    below other directories are previews of a page, and are dropped; so are samples beside the colours that are not
    alpha. Gray, RGB, palettes and CMYK of 1 to 16 bit, strips or tiles, chunky or planar; LZW, deflate, PackBits,
    Zstandard, fax, JPEG, and YCbCr. Float, 32 bit, signed and Lab samples are refused, and unknown compressions.

    Colours multiplied by alpha (ExtraSamples 1) are divided by it, so that they are looked at as they are, and
    multiplied again when they are written, which gives back the same samples.
    """
    pages = _pages(data, config)
    profiles = _profiles(pages)
    stored = [read_samples(page) for page in pages]
    upright = [_upright(*parts, keep=True) for parts in zip(pages, stored, profiles, strict=True)]
    names = {page.profile for page in upright}
    if len(names) > 1:
        # A picture has one colour space: pages that disagree meet in sRGB.
        upright = [_upright(*parts, keep=False) for parts in zip(pages, stored, profiles, strict=True)]
        names = {None}
    return Picture(
        "tiff",
        tuple(page.frame for page in upright),
        profile=names.pop(),
        converted=any(page.converted for page in upright) or not all(page.whole for page in stored),
        encoder=Settings(tuple(_style(page) for page in pages)),
    )


def encode(picture: Picture) -> Encoded:
    """Writes each frame as a page of classic TIFF: deflate, strips, and a palette, one bit or alpha as the source had.

    `exact` means that every decoded sample is what it was, though sources packed with loss (JPEG) grow by it.
    """
    if not picture.frames:
        raise EncodeError
    styles = picture.encoder.pages if isinstance(picture.encoder, Settings) else (PageStyle(),) * len(picture.frames)
    profile = None if picture.profile is None else PROFILES[picture.profile]
    parts, at = [b"II*\0\x08\0\0\0"], _FIRST_DIRECTORY
    for number, (frame, style) in enumerate(zip(picture.frames, styles, strict=True), 1):
        parts.append(written_page(frame, style, profile, at, last=number == len(picture.frames)))
        at += len(parts[-1])
    return Encoded(b"".join(parts), "tiff", "reencoded" if picture.converted else "exact")


def _pages(data: bytes, config: CodecConfig) -> list[Page]:
    """Layouts of all pages; what they ask for together is bounded.

    One page is worked on at a time, which takes the memory that its pixels take, whatever they are; the others lie
    there decoded. So each page may have as many pixels as the limit says, and all together as many bytes as that
    many pixels of RGB.
    """
    pages, held, segments, packed, unpacked = list[Page](), 0, 0, 0, 0
    for directory in chain(data):
        if is_copy(directory):
            continue
        page = with_segments(read_page(directory, config), config)
        pages.append(page)
        held += page.width * page.height * min(page.frame_bytes, _FULL_BYTES)
        segments += len(page.offsets)
        packed += int(page.sizes.sum()) + (stream_place(page)[1] if page.compression == OLD_JPEG else 0)
        unpacked += int(segment_rows(page).sum()) * page.row_bytes
        if held > _FULL_BYTES * config.max_pixels or segments > MAX_SEGMENTS:
            raise ImageTooLarge
        if packed > len(data) + _MOST_EXPANSION * unpacked:
            raise DecodeError
    # A chain of previews alone belongs to a picture that is elsewhere.
    if not pages:
        raise UnsupportedFormat
    return pages


def _profiles(pages: Sequence[Page]) -> list[bytes | None]:
    """The ICC profile of each page; pages that name the same place share it."""
    places = [page.directory.entries.get(_ICC_PROFILE) for page in pages]
    first = {place: page for place, page in zip(places, pages, strict=True) if place is not None}
    if len(first) > _MAX_PROFILES:
        raise ImageTooLarge
    found = {place: page.directory.block(_ICC_PROFILE, _MAX_PROFILE_BYTES) for place, page in first.items()}
    return [None if place is None else found[place] for place in places]


def _upright(page: Page, stored: Stored, profile: bytes | None, *, keep: bool) -> Upright:
    return upright_frame(stored.pixels, stored.alpha, profile, _orientation(page), keep_profile=keep)


def _orientation(page: Page) -> int:
    """1 to 8; 1 (as stored) for anything else, as in EXIF."""
    try:
        orientation = page.directory.number(_ORIENTATION, 1)
    except DecodeError:
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _style(page: Page) -> PageStyle:
    bilevel = page.bits == 1 and page.channels == 1 and page.photometric != PALETTE
    return PageStyle(bilevel, page.photometric == PALETTE, page.associated)
