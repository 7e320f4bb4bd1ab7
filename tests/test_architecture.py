"""The direction of imports, one home for each heavy dependency, one maker of what can be published."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import anonymizer

PACKAGE = Path(anonymizer.__file__).parent

#: Lowest first; members of one layer do not import each other.
LAYERS = [
    {"errors"},
    {"records", "shown"},
    {"config", "evidence"},
    {"geometry", "profiles", "views", "naming"},
    {"storage", "chunks", "collisions", "lease"},
    {"codec", "metadata", "detectors", "redactors", "consent"},
    {"augment", "boxes", "keylist"},
    {"pipeline", "manifest"},
    {"rows", "identity", "outputs"},
    {"worker"},
    {"engine", "known", "takedown", "resolve", "account"},
    {"plan"},
    {"driver", "verify"},
    {"evaluation"},
    {"report", "progress"},
    {"cli"},
    {"__main__"},
]
#: Module → who may import it.
HOMES = {
    "ray": {"engine"},
    "fsspec": {"storage"},
    "s3fs": {"storage"},
    "botocore": {"storage"},
    "onnxruntime": {"detectors"},
    "onnx": {"detectors"},
    "PIL": {"codec"},
    "pi_heif": {"codec"},
    "turbojpeg": {"codec"},
    "pyarrow": {"manifest", "consent", "boxes", "keylist", "known", "takedown", "report"},
    "jinja2": {"report"},
    "tqdm": {"progress"},
    "keras": {"evaluation"},
    "sklearn": {"evaluation"},
    "matplotlib": {"evaluation"},
    "scipy": {"evidence", "evaluation"},
    "cv2": {"codec", "detectors", "redactors", "evaluation", "report", "verify"},
}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(path: Path) -> str:
    """The module or sub-package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name: str) -> int:
    return next(i for i, members in enumerate(LAYERS) if name in members)


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    here = unit(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "anonymizer" or len(parts) < 2 or parts[1] in ("__version__", here):
            continue
        assert layer(parts[1]) < layer(here), f"{here} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_dependencies_have_one_home(path):
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or unit(path) in homes, f"{unit(path)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_process_environment_is_read_at_the_edge_only(path):
    if unit(path) == "cli":
        return
    source = path.read_text()
    assert "os.environ" not in source
    assert "sys.argv" not in source


def test_only_the_pipeline_makes_what_can_be_published():
    makers = [
        unit(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "AnonymizedImage"
    ]
    assert makers == ["pipeline"]


def test_the_public_names_are_sorted_and_there():
    assert anonymizer.__all__ == sorted(anonymizer.__all__)
    for name in anonymizer.__all__:
        assert getattr(anonymizer, name).__name__ == name
    with pytest.raises(AttributeError):
        anonymizer.missing  # noqa: B018 - the look-up is the test
