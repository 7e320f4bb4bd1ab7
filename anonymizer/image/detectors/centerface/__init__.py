"""CenterFace, the default detector: what is shown to its network, in which precision, and what its scores mean."""
