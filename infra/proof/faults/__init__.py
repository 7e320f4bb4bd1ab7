"""Inject faults into runs, restart them, and compare the results with those of an undisturbed run (`make faults`)."""
