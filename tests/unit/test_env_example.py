"""`.env.example` lists exactly the variables there are, with what they are for and their defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from ost_assets.settings import Settings, load_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
_VARIABLE = re.compile(r"^#([A-Z0-9_]+)=(.*)$")


def _entries() -> dict[str, tuple[str, str]]:
    """Variable -> (the comment line above it, its value)."""
    found: dict[str, tuple[str, str]] = {}
    above = ""
    for line in EXAMPLE.read_text().splitlines():
        match = _VARIABLE.match(line)
        if match:
            assert match[1] not in found, f"{match[1]} stands there twice"
            found[match[1]] = (above.removeprefix("# "), match[2])
        above = line
    return found


def test_the_example_lists_exactly_the_variables_of_the_settings_in_their_order() -> None:
    assert list(_entries()) == [field.upper() for field in Settings.model_fields]


def test_every_variable_of_the_example_carries_its_description() -> None:
    wrong = {
        name: (found, wanted)
        for name, (found, _) in _entries().items()
        if found != (wanted := Settings.model_fields[name.lower()].description)
    }
    assert wrong == {}


def test_the_example_changes_nothing_when_it_is_copied_as_it_is() -> None:
    assert dotenv_values(EXAMPLE) == {}


def test_the_example_with_everything_uncommented_is_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{name}={value}" for name, (_, value) in _entries().items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OST_HOME")
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert load_settings().model_dump() == defaults


def test_the_example_is_short_and_holds_no_secret() -> None:
    text = EXAMPLE.read_text()
    assert len(text.splitlines()) < 100
    for name in ("DATABASE_URL", "POSTGRES_PASSWORD", "REDIS_CACHE_URL", "GITHUB_ACCESS_TOKEN"):
        assert f"#{name}=\n" in text
