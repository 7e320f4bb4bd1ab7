"""Outputs that may not stand any more.

`unsafe` tells which they are, `take_down` has them go before any other work: `removals` takes outputs away, `in_place`
redacts photos again where they lie. `requested` removes what `--keys` names, `owed` names what cannot be taken down
because OUTPUT is not there, and `rows` makes the rows that say so.
"""
