"""The boxes that HEIF and AVIF files are made of (ISO/IEC 14496-12), and the two formats themselves."""
