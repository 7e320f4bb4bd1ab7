"""What the default detector's coefficients come from, and how well it finds faces (`make bench-detection`)."""
