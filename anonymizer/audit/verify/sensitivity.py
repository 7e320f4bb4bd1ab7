"""Written by `python -m infra.proof.detection sample --write`; not by hand."""

#: By SHA-256 of the second detector's weights, with its default settings: labelled faces raised, of so many that the
#: preset balanced had left uncovered, and the ends of the share's 95 % interval.
SENSITIVITY: dict[str, tuple[int, int, float, float]] = {
    "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0": (11, 94, 0.051, 0.202),
}
