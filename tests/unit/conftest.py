"""Hypothesis for the unit tests: no deadline, because these machines are noisy and the tests share them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=100)
settings.load_profile("unit")
