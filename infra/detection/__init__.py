"""What the default detector's coefficients come from, and how well it finds faces: `python -m infra.detection`."""
