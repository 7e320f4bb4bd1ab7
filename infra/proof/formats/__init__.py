"""Our decoder against others, pixel by pixel: `make formats`, whose table stands in infra/docs/formats.md."""
