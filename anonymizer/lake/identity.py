"""Whether OUTPUT is the place that the manifest speaks of. Asked before anything else.

A disk that is not mounted leaves an empty folder, and in an empty folder every output is absent. So OUTPUT bears a
mark, a file whose name holds a random id, and the manifest knows the id (`_output.json`). What is not there counts as
gone only where the mark is. A place without it is not OUTPUT: nothing is published there and nothing taken down, and
what has to be taken down stays owed.

A first run marks its OUTPUT, which has to be empty: files that lie there are somebody's. Rows that were written
before there were marks vouch for their OUTPUT if one of the outputs that they name stands there.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice

from anonymizer.config import RunConfig
from anonymizer.errors import ObjectError, RunError, SourceGone, WrongOutput
from anonymizer.lake.manifest import ManifestStore
from anonymizer.lake.naming import output_key_of
from anonymizer.lake.storage import Root

log = logging.getLogger(__name__)

NAME = "_output.json"
ID_BYTES = 16
#: So many of the outputs that rows name are looked for in a place that was made before there were marks.
CHECKED_OUTPUTS = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest knows of its OUTPUT.

    Attributes:
        output_id: In the mark's name.
        output_uri: Where it was; normalized.
        marked: The mark was seen there.
    """

    output_id: str
    output_uri: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """What was found out about OUTPUT.

    Attributes:
        record: Its id; a new one where nothing was known.
        present: It is the place that the manifest speaks of, or may become it.
        new: It has to be marked before any work.
        adopted: The user vouches for what lies there, or nobody knows: outputs that rows name are looked for.
        predates_marks: Rows from before there were marks: what stands under the names of outputs may be ours.
    """

    record: Record
    present: bool
    new: bool = False
    adopted: bool = False
    predates_marks: bool = False


def identify(config: RunConfig, manifest: ManifestStore, output: Root) -> Identity:
    """Looks, and writes nothing.

    Raises:
        WrongOutput: It is another manifest's OUTPUT, or holds files that are not ours, or rows name another one.
        RunError: The storage cannot tell.
    """
    try:
        record = _recorded(manifest)
        if record is None or (not record.marked and record.output_uri == output.uri):
            # Whoever began to mark it may have died before the mark stood: what was true then is asked again.
            return _identify_unrecorded(config, manifest, output, record)
        return _identify_recorded(config, record, output)
    except ObjectError as error:
        raise RunError(f"{output.uri}: whether this is OUTPUT cannot be told: {error.message}") from None


def mark(identity: Identity, manifest: ManifestStore, output: Root) -> None:
    """Marks OUTPUT, if it is new.

    Raises:
        RunError: It cannot be marked.
    """
    if not identity.new:
        return
    record = identity.record
    try:
        # In this order: what the manifest knows as not marked yet is marked by the next run if this one dies here.
        _write(manifest, replace(record, marked=False))
        output.set_mark(record.output_id)
        for other in list(output.marks()):
            if other != record.output_id and output.has_mark(other):
                output.clear_mark(other)
        _write(manifest, replace(record, marked=True))
    except ObjectError as error:
        raise RunError(f"{output.uri} cannot be marked as OUTPUT: {error.message}") from None


def _identify_recorded(config: RunConfig, record: Record, output: Root) -> Identity:
    if record.output_uri != output.uri:
        raise WrongOutput(
            f"{manifest_of(config)} is the manifest of {record.output_uri}, not of {output.uri}: "
            "give that OUTPUT, or this one a manifest of its own (--manifest)"
        )
    if output.has_mark(record.output_id):
        return Identity(record, present=True, adopted=config.adopt is not None)
    if config.adopt is not None:
        return Identity(record, present=True, new=True, adopted=True)
    return Identity(record, present=False)


def _identify_unrecorded(config: RunConfig, manifest: ManifestStore, output: Root, record: Record | None) -> Identity:
    """A manifest that has seen no OUTPUT bear its mark yet."""
    record = record or Record(secrets.token_hex(ID_BYTES), output.uri, marked=False)
    if output.has_mark(record.output_id):
        return Identity(record, present=True, new=True)
    marks = [found for found in output.marks() if output.has_mark(found)]
    if next(_published(manifest), None) is not None:
        # If they are of this place, so is its mark: only the record of it was lost.
        return _identify_unmarked(config, manifest, output, replace(record, output_id=marks[0]) if marks else record)
    if marks and config.adopt is None:
        raise WrongOutput(
            f"{output.uri} bears the mark of another manifest ({marks[0][:8]}…): give that with --manifest "
            "(is its disk mounted?), or take the place over with --adopt keep|replace"
        )
    if config.in_place:
        return Identity(record, present=True, new=True)
    there = next(output.list(output=True, temporaries=True), None)
    if config.adopt is None and there is not None:
        raise WrongOutput(
            f"{output.uri} is not empty ({there.key!r} lies there) and no manifest knows it: give an empty OUTPUT, or "
            "--adopt keep (what lies there stays), or --adopt replace (outputs may replace files of their name)"
        )
    return Identity(record, present=True, new=True, adopted=config.adopt is not None)


def _identify_unmarked(config: RunConfig, manifest: ManifestStore, output: Root, record: Record) -> Identity:
    """Rows from before there were marks: they have to speak of this OUTPUT, and it has to hold what they say."""
    elsewhere = next((uri for uri, _ in _published(manifest) if output_key_of(uri, output.uri) is None), None)
    if elsewhere is not None:
        raise WrongOutput(
            f"{manifest_of(config)} has rows of another OUTPUT ({elsewhere}), not only of {output.uri}: "
            "give every OUTPUT a manifest of its own (--manifest)"
        )
    checked = islice(_published(manifest), CHECKED_OUTPUTS)
    seen = any(output.version(output_key_of(uri, output.uri) or "") == etag for uri, etag in checked)
    if seen or config.adopt is not None:
        return Identity(record, present=True, new=True, adopted=not seen, predates_marks=True)
    return Identity(record, present=False)


def missing_message(config: RunConfig, output: Root) -> str:
    """What is said of an OUTPUT that is not there, in one line."""
    return (
        f"{output.uri} does not bear the mark that {manifest_of(config)} knows: is its disk mounted, is it the right "
        "bucket? Nothing was published or taken down. If it was emptied on purpose: --adopt keep|replace"
    )


def lost_message(output: Root) -> str:
    """What is said of an OUTPUT that was there when the run began."""
    return f"{output.uri} has lost its mark while the run was at work: is its disk mounted?"


def manifest_of(config: RunConfig) -> str:
    """For messages."""
    return config.manifest or f"{config.output}.manifest"


def _published(manifest: ManifestStore) -> Iterator[tuple[str, str | None]]:
    """(output_uri, output_etag) of the current rows that name an output."""
    for table in manifest.scan(["output_uri", "output_etag"]):
        for uri, etag in zip(table["output_uri"].to_pylist(), table["output_etag"].to_pylist(), strict=True):
            if uri is not None:
                yield uri, etag


def _recorded(manifest: ManifestStore) -> Record | None:
    try:
        return Record(**json.loads(manifest.objects.get(NAME)))
    except SourceGone:
        return None
    except (ValueError, TypeError):
        raise RunError(f"{manifest.objects.uri}/{NAME} is damaged: restore it, it says which OUTPUT is ours") from None


def _write(manifest: ManifestStore, record: Record) -> None:
    manifest.objects.put(NAME, (json.dumps(asdict(record), indent=2) + "\n").encode())
