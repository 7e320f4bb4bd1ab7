"""Mutation fuzzing of all code that reads untrusted bytes: `make fuzz`, described in infra/docs/fuzzing.md."""
