"""What a run has to do.

`planner` joins the listing with the manifest's current rows (`current_rows`) and with what is decided about each object
(`decisions`), and gives what is due; `collisions` finds sources that share an output.
"""
