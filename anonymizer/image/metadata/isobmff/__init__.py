"""What HEIF and AVIF files carry, and the allow-list of the AVIF files that we write."""
