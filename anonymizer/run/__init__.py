"""Executes one run over a lake: reads its inputs, plans, processes objects on Ray workers, records the results."""
