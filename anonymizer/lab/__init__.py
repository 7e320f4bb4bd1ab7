"""Measure effects of anonymization: loss of a classifier's accuracy (`utility`), re-identification (`privacy`)."""
