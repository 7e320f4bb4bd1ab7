"""Measure re-identification: attackers who know the method try to recognise redacted faces of people not in training.

`measure` runs the evaluation. `people` reads the labels and makes the folds that separate training from attack,
`photos` finds the faces of the raw files, `variants` makes what an attacker receives (raw or redacted), `looks` crops
the faces and computes `features`. `attackers` and an optional `recognizer` compare faces, `attack` runs them fold by
fold, `scores` computes rank-1, AUC and intervals, `experiment` compares every variant with `solid`. `again` runs a face
detector on redacted photos. `result` and `plot` present the results.
"""
