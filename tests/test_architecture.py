"""The direction of imports, one home for each heavy dependency, one maker of what can be published."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import anonymizer

PACKAGE = Path(anonymizer.__file__).parent
REPOSITORY = PACKAGE.parent

#: Lowest first: the floors of the house. What stands on one floor does not import its neighbours there.
FLOORS = [
    {"errors"},
    {"records", "sanitize"},
    {"config"},
    {"image", "lake"},
    {"people", "shards"},
    {"pipeline"},
    {"run"},
    {"audit"},
    {"lab"},
    {"cli"},
    {"__main__"},
]
#: Within a wing, in the same way.
ROOMS = {
    "config": [{"fields", "convert", "sources"}, {"schema"}, {"hashes"}],
    "image": [
        {"block_masks"},
        {"geometry", "profiles", "tiff_fields", "unread", "views"},
        {"codec", "metadata", "detectors", "redactors"},
    ],
    "people": [{"consent"}, {"boxes"}],
    "lake": [{"storage", "lease", "naming"}, {"datasets", "files", "manifest", "outputs"}, {"identity", "roots"}],
    "run": [
        {"summary", "chunks", "rows", "sources", "marked_output", "inside"},
        {"progress", "recorder", "record", "start"},
        {"worker"},
        {"engine", "plan"},
        {"context"},
        {"takedown"},
        {"driver"},
    ],
    "audit": [{"evidence"}, {"verify"}, {"report"}],
    "lab": [{"augment"}, {"utility", "privacy"}],
    "cli": [{"command", "console", "credentials", "options"}, {"layers", "running"}, {"commands"}],
}
#: Module → where it may be imported: floors, wings, or rooms of a wing.
HOMES = {
    "ray": {"run.engine"},
    "fsspec": {"lake.storage"},
    "s3fs": {"lake.storage"},
    "botocore": {"lake.storage"},
    "onnxruntime": {"image.detectors"},
    "onnx": {"image.detectors"},
    "PIL": {"image.codec"},
    "pi_heif": {"image.codec"},
    "turbojpeg": {"image.codec"},
    "imagecodecs": {"image.codec"},
    "pyarrow": {
        "image.unread",
        "lake.manifest",
        "lake.storage",
        "shards",
        "people.consent",
        "people.boxes",
        "run.start",
        "run.plan",
        "run.takedown",
        "audit.report",
    },
    "jinja2": {"audit.report"},
    "tqdm": {"run.progress"},
    "keras": {"lab"},
    "sklearn": {"lab"},
    "matplotlib": {"lab"},
    "scipy": {"audit.evidence", "lab"},
    "cv2": {"image.codec", "image.detectors", "image.redactors", "audit.report", "audit.verify", "lab"},
}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(path: Path) -> tuple[str, str | None]:
    """The wing (or the module at the root) that a file belongs to, and the room there."""
    parts = [part.removesuffix(".py") for part in path.relative_to(PACKAGE).parts]
    return parts[0], parts[1] if parts[0] in ROOMS else None


def height(order: list[set[str]], name: str) -> int:
    return next(i for i, members in enumerate(order) if name in members)


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]
everywhere = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


@everywhere
def test_imports_run_one_way(path):
    wing, room = place(path)
    for name in imports(path):
        package, *parts = name.split(".")
        if package != "anonymizer" or not parts or parts[0] == "__version__":
            continue
        if parts[0] != wing:
            assert height(FLOORS, parts[0]) < height(FLOORS, wing), f"{wing} imports {name}"
        elif room not in (None, "__init__") and len(parts) > 1 and parts[1] != room:
            assert height(ROOMS[wing], parts[1]) < height(ROOMS[wing], room), f"{wing}.{room} imports {name}"


@everywhere
def test_heavy_dependencies_have_one_home(path):
    wing, room = place(path)
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or homes & {wing, f"{wing}.{room}"}, f"{wing}.{room} imports {name}"


@pytest.mark.parametrize("name", ["jobs", "infra"])
def test_nothing_in_the_library_uses_what_is_built_on_it(name):
    assert (REPOSITORY / name).is_dir()
    users = [path for path in FILES for imported in imports(path) if imported.split(".")[0] == name]
    assert not users


@everywhere
def test_the_process_environment_is_read_at_the_edge_only(path):
    if place(path)[0] == "cli":
        return
    source = path.read_text()
    assert "os.environ" not in source
    assert "sys.argv" not in source


def test_only_the_pipeline_makes_what_can_be_published():
    makers = [
        place(path)[0]
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "AnonymizedImage"
    ]
    assert makers == ["pipeline"]


def test_every_room_stands_on_its_floor():
    """A room that is added is put into the order, and one that is gone leaves it."""
    found = {place(path) for path in FILES} - {(wing, "__init__") for wing in ROOMS}
    rooms = {(wing, room) for wing, floors in ROOMS.items() for floor in floors for room in floor}
    modules = {(name, None) for floor in FLOORS for name in floor - set(ROOMS)}
    assert found == rooms | modules


def test_the_public_names_are_sorted_and_there():
    assert anonymizer.__all__ == [
        "AnonymizedImage",
        "Anonymizer",
        "AnonymizerError",
        "ObjectError",
        "augment",
        "manifest",
    ]
    for name in anonymizer.__all__:
        assert getattr(anonymizer, name).__name__.rpartition(".")[2] == name
    with pytest.raises(AttributeError):
        anonymizer.missing  # noqa: B018 - the look-up is the test


def test_what_users_import_is_there():
    """As the README and the pages show it."""
    from anonymizer import Anonymizer, ObjectError, augment, manifest
    from anonymizer.config import RedactionConfig, RunConfig

    assert all(map(callable, (Anonymizer, ObjectError, RedactionConfig, RunConfig)))
    assert callable(manifest.current)
    assert callable(augment.with_decoys)
