"""Whether redacted faces can be told apart: people who know the method attack photos of people they never saw.

people     who is attacked, which photos of each, and the folds that keep training and attack apart
photos     the raw files: read, and where their faces are, looked for once
variants   what an attacker is given: the raw photo, a run's output, or a method made here; its crops
features   what attackers look at
attackers  those who compare: nearest neighbour, eigenfaces, a small network, a recogniser of yours
scores     rank-1, area under the curve, and their intervals
attack     one variant against all of them, fold by fold
again      what share of redacted faces a detector still calls a face
result     statements, tables and figures
plot       the same as a picture
"""
