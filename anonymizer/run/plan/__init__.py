"""Plans a run: finds the objects that have to be processed.

`planner` joins the listing with the manifest's current rows (`current_rows`) and with consent, boxes and settings of
each object (`decisions`), and yields the objects to process; `collisions` finds sources with the same output key.
"""
