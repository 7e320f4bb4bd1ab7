"""What a run starts from: full URLs, a time, a registry, keys. What is wrong with them is said before any work."""
