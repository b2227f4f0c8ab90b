"""Quiet hours as pure functions: windows, policies, selections, holds and the decision. Standard library only.

No I/O but reading the zone files of the package tzdata, no environment, no clock.
"""
