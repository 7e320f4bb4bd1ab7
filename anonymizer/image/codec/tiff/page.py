"""What one directory says of its page's layout: checked before a byte of samples is read (TIFF 6.0)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anonymizer.config import CodecConfig
from anonymizer.errors import DecodeError, ImageTooLarge, UnsupportedFormat
from anonymizer.image.codec.pixels import check_size
from anonymizer.image.codec.tiff.directory import Directory

(_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER) = (
    254, 255, 256, 257, 258, 259, 262, 266,
)  # fmt: skip
_SAMPLES, _ROWS_PER_STRIP, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT = 277, 278, 284, 317, 322, 323
_INK_SET, _EXTRA, _FORMAT, _SUBSAMPLING = 332, 338, 339, 530

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
RAW, CCITT_RLE, CCITT_3, CCITT_4, LZW, OLD_JPEG, JPEG, DEFLATE = 1, 2, 3, 4, 5, 6, 7, 8
PACK_BITS, OLD_DEFLATE, ZSTD = 32773, 32946, 50000

_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
_OF_BYTES = frozenset({RAW, LZW, DEFLATE, OLD_DEFLATE, PACK_BITS, ZSTD})
_PREDICTED = frozenset({LZW, DEFLATE, OLD_DEFLATE, ZSTD})

_OF_JPEG = frozenset({(8, 1, WHITE_IS_ZERO), (8, 1, BLACK_IS_ZERO), (8, 3, RGB), (8, 3, YCBCR), (8, 4, CMYK)})

# Pixels that share one Cb and one Cr, across and down: those that libtiff turns into RGB.
_SUBSAMPLINGS = frozenset({(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)})

_ASSOCIATED, _UNASSOCIATED, _COREL_ALPHA = 1, 2, 999
_MAX_SAMPLES = 64
_MAX_BYTES_PER_PIXEL = 8


@dataclass(frozen=True, slots=True)
class Page:
    """Layout of one page.

    Attributes:
        directory: Where the other tags are.
        bits: Of each sample, 1 to 16.
        channels: Samples of each pixel, those beside the colours too.
        alpha: Index of the sample that is alpha; None = there is none.
        associated: The colours are multiplied by alpha.
        planar: Each channel is stored by itself.
        tiled: Segments are tiles, all of one size; else strips, of which the last may be shorter.
        segment_width: Pixels.
        segment_height: Rows.
        subsampling: Pixels that share one Cb and one Cr, across and down; says nothing of JPEG, which knows by itself.
        offsets: (S,) of the segments, plane by plane; see `codec.tiff.segments`.
        sizes: (S,) bytes of the segments as they are stored.
    """

    directory: Directory
    width: int
    height: int
    bits: int
    channels: int
    alpha: int | None
    associated: bool
    compression: int
    photometric: int
    predictor: int
    planar: bool
    tiled: bool
    reversed_bits: bool
    segment_width: int
    segment_height: int
    subsampling: tuple[int, int]
    offsets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def planes(self) -> int:
        return self.channels if self.planar else 1

    @property
    def row_bytes(self) -> int:
        """Bytes of a segment's row, unpacked."""
        samples = self.segment_width * (1 if self.planar else self.channels)
        return (samples * self.bits + 7) // 8

    @property
    def colors(self) -> int:
        """Samples of each pixel that are colours."""
        return _CHANNELS[self.photometric]

    @property
    def frame_bytes(self) -> int:
        """Bytes of a pixel once it is decoded, alpha among them."""
        colors = 3 if self.photometric == PALETTE else self.colors
        return (colors + (self.alpha is not None)) * (1 if self.bits <= 8 else 2)

    @property
    def of_bytes(self) -> bool:
        """The samples can be had by undoing a compression of bytes; else a decoder of pictures is needed."""
        return self.compression in _OF_BYTES and self.photometric != YCBCR


def is_copy(directory: Directory) -> bool:
    """Whether a directory is a reduced copy or a mask of another page, and so no page of its own."""
    # Bit 0: reduced resolution; bit 2: transparency mask. The older tag says 2 for a reduced copy.
    if _NEW_SUBFILE_TYPE in directory.entries:
        return directory.number(_NEW_SUBFILE_TYPE, 0) & 5 != 0
    return directory.number(_SUBFILE_TYPE, 1) == 2


def read_page(directory: Directory, config: CodecConfig) -> Page:
    """Reads the layout of a page, its segments' places aside.

    Raises:
        UnsupportedFormat: Samples that cannot be kept (float, 32 bit, Lab), or an unknown compression.
        DecodeError: Tags that contradict each other or point outside of the file.
        ImageTooLarge: More pixels or bytes than a page may have.
    """
    width, height = directory.number(_WIDTH, 0), directory.number(_HEIGHT, 0)
    check_size(width, height, config)
    compression = directory.number(_COMPRESSION, RAW)
    photometric = _photometric(directory, compression)
    channels = directory.number(_SAMPLES, _CHANNELS[photometric] if compression == OLD_JPEG else 1)
    bits = _bits(directory, channels)
    if channels < _CHANNELS[photometric]:
        raise DecodeError
    if width * height * channels * ((bits + 7) // 8) > _MAX_BYTES_PER_PIXEL * config.max_pixels:
        raise ImageTooLarge
    predictor = directory.number(_PREDICTOR, 1) if compression in _PREDICTED else 1
    if predictor not in (1, 2) or (predictor == 2 and bits not in (8, 16)):
        raise UnsupportedFormat
    if photometric == CMYK and directory.number(_INK_SET, 1) != 1:
        raise UnsupportedFormat
    alpha, associated = _alpha(directory, photometric, channels)
    tiled = _TILE_WIDTH in directory.entries
    page = Page(
        directory, width, height, bits, channels, alpha, associated, compression, photometric, predictor,
        channels > 1 and directory.number(_PLANAR, 1) == 2, tiled, _are_bits_reversed(directory, compression),
        *_segment_size(directory, width, height, tiled), _subsampling(directory) if photometric == YCBCR else (1, 1),
    )  # fmt: skip
    _refuse_what_no_decoder_reads(page)
    return page


def _photometric(directory: Directory, compression: int) -> int:
    photometric = directory.number(_PHOTOMETRIC, YCBCR if compression == OLD_JPEG else WHITE_IS_ZERO)
    if compression == OLD_JPEG and photometric == RGB:
        # What is said to be RGB is YCbCr in all files of that kind, and to libtiff.
        return YCBCR
    if photometric not in _CHANNELS:
        raise UnsupportedFormat
    return photometric


def _bits(directory: Directory, channels: int) -> int:
    """Bits of each sample, the same for all."""
    if not 0 < channels <= _MAX_SAMPLES:
        raise UnsupportedFormat
    formats = directory.numbers(_FORMAT, _MAX_SAMPLES)
    # 1 = unsigned, 4 = undefined; 2 and 3 are signed and floating point.
    if not np.isin(formats, (1, 4)).all():
        raise UnsupportedFormat
    usual = 8 if directory.number(_COMPRESSION, RAW) == OLD_JPEG else 1
    depth = directory.number(_BITS, usual)
    if not 0 < depth <= 16 or (directory.numbers(_BITS, _MAX_SAMPLES) != depth).any():
        raise UnsupportedFormat
    return depth


def _alpha(directory: Directory, photometric: int, channels: int) -> tuple[int | None, bool]:
    """Index of the alpha sample, and whether colours are multiplied by it.

    Samples beside the colours that are not said to be alpha are dropped; only where nothing is said at all is a lone
    one taken for alpha, as Pillow does.
    """
    colors = _CHANNELS[photometric]
    kinds = directory.numbers(_EXTRA, _MAX_SAMPLES)[: channels - colors].tolist()
    if not kinds and channels == colors + 1 and photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        return colors, False
    for index, kind in enumerate(kinds):
        if kind in (_ASSOCIATED, _UNASSOCIATED, _COREL_ALPHA):
            return colors + index, kind == _ASSOCIATED
    return None, False


def _segment_size(directory: Directory, width: int, height: int, tiled: bool) -> tuple[int, int]:
    if tiled:
        size = directory.number(_TILE_WIDTH, 0), directory.number(_TILE_HEIGHT, 0)
    else:
        size = width, min(directory.number(_ROWS_PER_STRIP, height), height)
    if min(size) <= 0:
        raise DecodeError
    return size


def _are_bits_reversed(directory: Directory, compression: int) -> bool:
    """JPEG has an order of its own, whatever FillOrder says."""
    return compression not in (OLD_JPEG, JPEG) and directory.number(_FILL_ORDER, 1) == 2


def _subsampling(directory: Directory) -> tuple[int, int]:
    values = directory.numbers(_SUBSAMPLING, 2).tolist()
    return (values[0], values[1]) if len(values) == 2 else (2, 2)


def _refuse_what_no_decoder_reads(page: Page) -> None:
    """Only the combinations go on that Pillow gives back sample by sample."""
    if page.of_bytes:
        wide_palette = page.photometric == PALETTE and page.bits > 8
        if wide_palette:
            raise UnsupportedFormat
        return
    layout = page.bits, page.channels, page.photometric
    if page.compression in (CCITT_RLE, CCITT_3, CCITT_4):
        fits = layout in ((1, 1, WHITE_IS_ZERO), (1, 1, BLACK_IS_ZERO))
    elif page.compression == JPEG:
        fits = layout in _OF_JPEG
    elif page.compression == OLD_JPEG:
        fits = layout in ((8, 1, WHITE_IS_ZERO), (8, 1, BLACK_IS_ZERO), (8, 3, YCBCR))
    elif page.compression in _OF_BYTES:
        whole = page.subsampling == (1, 1)
        fits = layout == (8, 3, YCBCR) and (
            whole or (page.subsampling in _SUBSAMPLINGS and not page.planar and page.predictor == 1)
        )
    else:
        fits = False
    if not fits:
        raise UnsupportedFormat
