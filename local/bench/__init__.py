"""Measurements, side by side in one run; figures are ratios, printed with the machine and the versions."""
