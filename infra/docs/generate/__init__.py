"""The generated parts of the pages: `make docs`, or `python -m infra.docs.generate --write`."""
