"""Takes down outputs that must not be published any more.

`unsafe` finds them, and `take_down` handles them before any other work: `removals` removes outputs, `in_place` redacts
photos in place again. `requested` removes the outputs that `--keys` names, `pending` reports the outputs that cannot be
removed because OUTPUT is missing, and `rows` makes the manifest rows.
"""
