"""Each variant read by us and by every decoder that is here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from anonymizer.config import CodecConfig
from anonymizer.errors import ObjectError
from anonymizer.image import codec
from anonymizer.records import Picture
from infra.proof.formats.decoders import Decoder
from infra.proof.formats.readers import Asked, Unread
from infra.proof.formats.reasons import EQUAL, REASONS, Reason, reason_for
from infra.proof.formats.seen import Difference, Seen, difference
from infra.proof.formats.variant import Variant
from infra.proof.formats.variants import SEEDS

CONFIG = CodecConfig()
Decode = Callable[[bytes], Picture]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One variant and one decoder.

    Attributes:
        variant: The file.
        decoder: Name of the other decoder.
        difference: None = it does not read the file.
        reason: Says what the bounds are.
        unread: Why it does not read the file, or the code of our error.
    """

    variant: Variant
    decoder: str
    difference: Difference | None
    reason: Reason
    unread: str = ""

    @property
    def ok(self) -> bool:
        found, bound = self.difference, self.reason.bound
        if found is None:
            return self.decoder != OURS
        return bound is None or (
            found.most <= bound[0] and found.mean <= bound[1] and found.missing <= self.reason.missing
        )


OURS = "this project"

NEAREST = Reason(
    "Files without names of their own are held against whichever decoder is nearest: 16 bit may come out as 8.",
    (),
    (),
    (3.0, 1.0),
)


def ours(data: bytes) -> Picture:
    """As a run reads it."""
    return codec.decode(data, CONFIG)


def trial(
    variants: Iterable[Variant],
    decoders: Sequence[Decoder],
    *,
    decode: Decode = ours,
    reasons: Sequence[Reason] = REASONS,
) -> Iterator[Verdict]:
    """Reads every variant with everything.

    Args:
        variants: To be read.
        decoders: To be compared with.
        decode: Our own decoder, or another in its place.
        reasons: See `reasons`.

    Yields:
        One for each variant and decoder; of one of the fuzzer's seeds only that of the nearest decoder; of a variant
        that we do not read ourselves only one, which is not ok.
    """
    for variant in variants:
        verdicts = list(_of_variant(variant, decoders, decode, reasons))
        if variant.group.endswith(SEEDS):
            verdicts = [_nearest(verdicts)]
        yield from verdicts


def _nearest(verdicts: Sequence[Verdict]) -> Verdict:
    """That of the decoder that is nearest to us, any where none reads the file."""
    apart = [(one.difference.missing, one.difference.most, at) for at, one in enumerate(verdicts) if one.difference]
    if not apart:
        return verdicts[0]
    found = verdicts[min(apart)[2]]
    return found if found.reason is not EQUAL and found.ok else replace(found, reason=NEAREST)


def _of_variant(
    variant: Variant, decoders: Sequence[Decoder], decode: Decode, reasons: Sequence[Reason]
) -> Iterator[Verdict]:
    data = variant.make()
    try:
        picture = decode(data)
    except ObjectError as error:
        yield Verdict(variant, OURS, None, EQUAL, error.code)
        return
    frames = [Seen.of_frame(frame) for frame in picture.frames]
    asked = Asked(data, picture.format, variant.bits, picture.converted)
    for decoder in decoders:
        reason = reason_for(decoder.name, variant.name, reasons)
        try:
            yield Verdict(variant, decoder.name, difference(frames, decoder.read(asked)), reason)
        except Unread as error:
            yield Verdict(variant, decoder.name, None, reason, str(error))
