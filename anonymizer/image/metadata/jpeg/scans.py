"""Which scans a JPEG's picture needs (ITU-T T.81, B.2.3 and G.1.1.1)."""

from __future__ import annotations

# libjpeg writes ten for a progressive picture in colours.
_MAX_SCANS = 200

_ALL = (1 << 64) - 1


class Scans:
    """Follows which coefficients the scans bring, and how precisely.

    Args:
        names: One byte for each component of the frame.
        progressive: Whether the frame is.
        lossless: As well; what its scans bring is the samples (T.81, H.1.2).
    """

    def __init__(self, names: bytes, progressive: bool, lossless: bool = False) -> None:
        self._progressive = progressive
        self._lossless = lossless
        # Per component and bit position: a bit for each coefficient that is known down to it.
        self._known = {name: [0] * 14 for name in names}
        self._count = 0

    @property
    def complete(self) -> bool:
        """Whether every coefficient is known to its last bit."""
        return bool(self._known) and all(levels[0] == _ALL for levels in self._known.values())

    def needs(self, header: bytes) -> bool:
        """Whether a scan brings what is next, and nothing twice; notes it if so.

        Args:
            header: Payload of SOS.
        """
        self._count += 1
        names, (first, last, bits) = header[1:-3:2], header[-3:]
        usual = 1 <= len(names) <= 4 and len(header) == 4 + 2 * header[0] == 4 + 2 * len(names)
        if self._count > _MAX_SCANS or not usual or any(name not in self._known for name in names):
            return False
        if self._lossless:
            # A predictor, and as many bits as there are (T.81, H.1.2.2).
            if not 1 <= first <= 7 or (last, bits) != (0, 0):
                return False
            first, last = 0, 63
        before, after = bits >> 4, bits & 15
        if not self._progressive and (first, last, bits) != (0, 63, 0):
            return False
        band = (1 << last + 1) - (1 << first) if first <= last < 64 else 0
        if not band or after > 13 or (before and after != before - 1):
            return False
        if self._progressive and (last > 0 if first == 0 else len(names) > 1):
            return False
        if any(not self._is_next(name, band, before) for name in names):
            return False
        for name in names:
            self._known[name][after] |= band
        return True

    def _is_next(self, name: int, band: int, before: int) -> bool:
        levels = self._known[name]
        if before:
            return levels[before] & band == band and not any(level & band for level in levels[:before])
        return not any(level & band for level in levels)
