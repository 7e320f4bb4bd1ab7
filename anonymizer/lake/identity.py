"""Identifies OUTPUT: checks that it is the folder that belongs to the manifest, before anything else is done.

If OUTPUT's disk is not mounted, its mount point is an empty folder, in which every output seems to be gone. OUTPUT
therefore has a mark, a file with a random id in its name, and the manifest stores the id (`_output.json`). An output
counts as gone only if the mark exists. Without the mark nothing is published and nothing is taken down; outputs that
have to be taken down are reported until that is possible.

A first run marks its OUTPUT, which has to be empty, because existing files belong to somebody else. Older releases did
not write marks: an OUTPUT without a mark is accepted for such a manifest if it has one of the outputs in its rows.
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
#: Number of outputs that are looked up in an OUTPUT without a mark, to check that it belongs to the manifest.
CHECKED_OUTPUTS = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """What the manifest stores about its OUTPUT.

    Attributes:
        output_id: Id in the name of the mark.
        output_uri: URL of OUTPUT, normalized.
        marked: The mark has been written.
    """

    output_id: str
    output_uri: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Result of identifying OUTPUT.

    Attributes:
        record: Its id and URL; a new id if the manifest has none.
        present: It belongs to the manifest, or is accepted for a new one.
        new: It has to be marked before any work.
        adopted: The user accepted it with `--adopt`, or none of the outputs in the rows were found: OUTPUT is listed to
            find out which outputs exist.
        predates_marks: The manifest was written by a release without marks: files under the keys of outputs may be
            outputs without a row.
    """

    record: Record
    present: bool
    new: bool = False
    adopted: bool = False
    predates_marks: bool = False


def identify(config: RunConfig, manifest: ManifestStore, output: Root) -> Identity:
    """Identifies OUTPUT; writes nothing.

    Raises:
        WrongOutput: It belongs to another manifest, has files that this software did not write, or rows name outputs
            in another OUTPUT.
        RunError: The storage could not be read.
    """
    try:
        record = _recorded(manifest)
        if record is None or (not record.marked and record.output_uri == output.uri):
            # The run that began to mark it may have died before the mark was written: check everything again.
            return _identify_unrecorded(config, manifest, output, record)
        return _identify_recorded(config, record, output)
    except ObjectError as error:
        raise RunError(f"{output.uri}: cannot check whether this is OUTPUT: {error.message}") from None


def mark(identity: Identity, manifest: ManifestStore, output: Root) -> None:
    """Marks OUTPUT, if it is new.

    Raises:
        RunError: It cannot be marked.
    """
    if not identity.new:
        return
    record = identity.record
    try:
        # In this order: if this run dies in between, the next one finds `marked` false and marks OUTPUT.
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
            "use that OUTPUT, or another manifest for this one (--manifest)"
        )
    if output.has_mark(record.output_id):
        return Identity(record, present=True, adopted=config.adopt is not None)
    if config.adopt is not None:
        return Identity(record, present=True, new=True, adopted=True)
    return Identity(record, present=False)


def _identify_unrecorded(config: RunConfig, manifest: ManifestStore, output: Root, record: Record | None) -> Identity:
    """Identifies OUTPUT for a manifest that has no record of a marked OUTPUT."""
    record = record or Record(secrets.token_hex(ID_BYTES), output.uri, marked=False)
    if output.has_mark(record.output_id):
        return Identity(record, present=True, new=True)
    marks = [found for found in output.marks() if output.has_mark(found)]
    if next(_published(manifest), None) is not None:
        # If these outputs are in this OUTPUT, its mark belongs to this manifest and only the record was lost.
        return _identify_unmarked(config, manifest, output, replace(record, output_id=marks[0]) if marks else record)
    if marks and config.adopt is None:
        raise WrongOutput(
            f"{output.uri} has the mark of another manifest ({marks[0][:8]}…): give that with --manifest "
            "(is its disk mounted?), or take OUTPUT over with --adopt keep|replace"
        )
    if config.in_place:
        return Identity(record, present=True, new=True)
    existing = next(output.list(output=True, temporaries=True), None)
    if config.adopt is None and existing is not None:
        raise WrongOutput(
            f"{output.uri} is not empty (it has {existing.key!r}) and belongs to no manifest: use an empty OUTPUT, or "
            "--adopt keep (existing files stay), or --adopt replace (outputs may replace files of the same name)"
        )
    return Identity(record, present=True, new=True, adopted=config.adopt is not None)


def _identify_unmarked(config: RunConfig, manifest: ManifestStore, output: Root, record: Record) -> Identity:
    """Identifies OUTPUT for a manifest of a release without marks: all its outputs have to be in this OUTPUT."""
    elsewhere = next((uri for uri, _ in _published(manifest) if output_key_of(uri, output.uri) is None), None)
    if elsewhere is not None:
        raise WrongOutput(
            f"{manifest_of(config)} has rows of another OUTPUT ({elsewhere}), not only of {output.uri}: "
            "use one manifest per OUTPUT (--manifest)"
        )
    checked = islice(_published(manifest), CHECKED_OUTPUTS)
    seen = any(output.version(output_key_of(uri, output.uri) or "") == etag for uri, etag in checked)
    if seen or config.adopt is not None:
        return Identity(record, present=True, new=True, adopted=not seen, predates_marks=True)
    return Identity(record, present=False)


def missing_message(config: RunConfig, output: Root) -> str:
    """Error message for an OUTPUT without its mark."""
    return (
        f"{output.uri} does not have the mark file of {manifest_of(config)}: is its disk mounted, is it the right "
        "bucket? Nothing was published or taken down. If it was emptied on purpose: --adopt keep|replace"
    )


def lost_message(output: Root) -> str:
    """Error message for an OUTPUT that lost its mark during the run."""
    return f"{output.uri} has lost its mark file during the run: is its disk mounted?"


def manifest_of(config: RunConfig) -> str:
    """URL of the manifest, for messages."""
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
        raise RunError(f"{manifest.objects.uri}/{NAME} is damaged: restore it, it identifies OUTPUT") from None


def _write(manifest: ManifestStore, record: Record) -> None:
    manifest.objects.put(NAME, (json.dumps(asdict(record), indent=2) + "\n").encode())
