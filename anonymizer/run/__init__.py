"""One run over a lake: what it starts from, its plan, its workers, what it takes down, and how it ends."""
