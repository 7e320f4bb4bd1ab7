"""One run over a lake."""
