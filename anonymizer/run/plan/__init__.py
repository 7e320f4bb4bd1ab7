"""What a run has to do.

`planner` joins the listing with the manifest's current rows (`current_rows`) and gives what is due; `collisions` finds
sources that share an output.
"""
