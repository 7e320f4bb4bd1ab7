"""From bytes to pixels and back. Knows nothing of consent, storage or Ray."""
