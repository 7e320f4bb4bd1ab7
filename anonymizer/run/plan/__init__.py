"""What a run has to do: the listing joined with the manifest's current rows (`planner`), and who shares an output."""
