"""Written by `python -m infra.detection fit --write`; not by hand."""

#: Logistic weights of `calibration.company`.
COMPANY = (0.9116, 2.2488, -0.3546, 0.1213, -0.1393, -0.8232, 0.3166, -0.6974)

#: Logistic weights of `calibration.looked_at`.
SECOND_LOOK = (0.7814, 1.4688, 0.7810)
