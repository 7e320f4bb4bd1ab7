"""Mutation fuzzing of everything that reads hostile bytes: `make fuzz`, described in infra/docs/fuzzing.md."""
