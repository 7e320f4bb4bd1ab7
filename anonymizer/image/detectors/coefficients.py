"""Written by `python -m infra.proof.detection fit --write`; not by hand."""

#: Logistic weights of `calibration.company`.
COMPANY = (0.7690, 2.2731, -0.3790, 0.0895, -0.1320, -1.1967, 0.3611, -0.6599)

#: Logistic weights of `calibration.looked_at`.
SECOND_LOOK = (0.7229, 1.3867, 0.7407)
