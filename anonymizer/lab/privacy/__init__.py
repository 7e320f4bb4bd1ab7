"""Whether redacted faces can be told apart: attackers who know the method, on photos of people they never saw.

From a plan to what was measured: `people` says who is attacked and which folds keep training and attack apart,
`photos` finds the faces of the raw files, `variants` is what an attacker is given, `looks` the same crop of each as
`features`; `attackers` and a `recognizer` compare, `attack` fold by fold, `scores` with intervals; `experiment` holds
every variant against `solid`. `again` asks a face detector, `measure` does all that; `result` and `plot` show it.
"""
