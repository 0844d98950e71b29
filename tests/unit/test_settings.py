"""Variables are validated before anything else happens, and secrets never show."""

from __future__ import annotations

import pytest

from ost_assets.errors import SettingsError
from ost_assets.settings import load_settings


def test_a_malformed_number_is_one_error_that_names_variable_value_and_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODEL_DIMENSIONS", "abc")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "MODEL_DIMENSIONS is 'abc'" in str(caught.value)
    assert "valid integer" in str(caught.value)
