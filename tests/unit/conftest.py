"""Hypothesis for the unit tests: no deadline, because these machines are noisy and the tests share them."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=100)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test that starts a server would also leave it behind: it once did, five of them."""

    def start(*_: object) -> None:
        raise AssertionError("a unit test started the embedded server")

    monkeypatch.setattr("ost_assets.postgres.embedded.start", start)
