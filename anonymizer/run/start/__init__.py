"""Prepares a run: checks and loads its options, URLs, time and inputs. Reports all errors in them before any work."""
