"""The fingerprint changes with everything that decides the data, and with nothing else."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ost_assets import fingerprint as module
from ost_assets.errors import SettingsError
from ost_assets.fingerprint import Fingerprint, changed, dbt_files, explain, fingerprint
from ost_assets.settings import Settings, load_settings

FILES = {
    "dbt_project.yml": b"name: t\n",
    "models/a.sql": b"select 1",
    "models/deep/b.yml": b"version: 2\n",
    "seeds/c.csv": b"id\n1\n",
    "macros/m.sql": b"{% macro m() %}{% endmacro %}",
}
PARAMETERS: dict[str, Any] = {
    "recommendation_top_n": 6,
    "recommendation_min_similarity": 0.2,
    "recommendation_weight_semantic": 0.5,
    "recommendation_weight_category": 0.5,
    "recommendation_weight_language": 0.5,
    "recommendation_weight_popularity": 0.5,
    "model_name": "another",
    "model_dimensions": 768,
}


def _write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return _write(tmp_path / "project", FILES)


def _settings(project: Path, **overrides: Any) -> Settings:
    return load_settings(ost_dbt_project_dir=project, **overrides)


def _value(project: Path, **overrides: Any) -> str:
    return fingerprint(_settings(project, **overrides)).value


def test_a_fingerprint_is_a_sha256_in_hexadecimal(project: Path) -> None:
    value = _value(project)
    assert len(value) == 64
    assert int(value, 16) >= 0


@pytest.mark.parametrize("name", FILES)
def test_it_changes_with_every_dbt_file(name: str, project: Path) -> None:
    before = _value(project)
    (project / name).write_bytes(FILES[name] + b" ")
    assert _value(project) != before


@pytest.mark.parametrize("name", FILES)
def test_it_changes_when_a_file_goes(name: str, project: Path) -> None:
    before = _value(project)
    (project / name).unlink()
    assert _value(project) != before


def test_it_changes_when_a_file_comes_or_moves(project: Path) -> None:
    values = [_value(project)]
    (project / "models/new.sql").write_bytes(b"")
    values.append(_value(project))
    (project / "models/new.sql").rename(project / "models/newer.sql")
    values.append(_value(project))
    assert len(set(values)) == 3


@pytest.mark.parametrize(("field", "value"), PARAMETERS.items(), ids=PARAMETERS)
def test_it_changes_with_every_parameter(field: str, value: Any, project: Path) -> None:
    assert _value(project, **{field: value}) != _value(project)


def test_it_changes_with_the_packages_own_seeding_code(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint(_settings(project))
    assert "seeding/sql.py" in before.inputs["code"]
    other = {**before.inputs["code"], "seeding/sql.py": "0" * 64}
    monkeypatch.setattr(module, "_code_files", lambda: other)
    after = fingerprint(_settings(project))
    assert after.value != before.value
    assert explain(before.inputs, after.inputs) == ["code: seeding/sql.py"]


def test_the_code_that_counts_is_the_code_that_makes_data(project: Path) -> None:
    code = fingerprint(_settings(project)).inputs["code"]
    package = Path(module.__file__).parent
    wanted = {
        path.relative_to(package).as_posix()
        for folder in ("seeding", "postgres", "bundle")
        for path in (package / folder).rglob("*.py")
    }
    assert set(code) == wanted


@pytest.mark.parametrize(
    "name",
    [
        "profiles.yml",
        "target/manifest.json",
        "logs/dbt.log",
        "dbt_packages/p/macros/x.sql",
        ".user.yml",
        ".git/HEAD",
        "models/.#a.sql",
        "models/.hidden/x.sql",
    ],
)
def test_it_does_not_change_with_what_dbt_writes_or_people_keep(name: str, project: Path) -> None:
    before = _value(project)
    _write(project, {name: b"anything"})
    assert _value(project) == before


def test_only_at_the_root_do_those_names_mean_something_else_than_input(project: Path) -> None:
    before = _value(project)
    _write(project, {"models/target/x.sql": b"select 2"})
    assert _value(project) != before


@pytest.mark.parametrize(
    "overrides",
    [
        {"database_url": "postgresql://u:p@h/d"},
        {"ost_seed_strategy": "sql"},
        {"ost_strict": True},
        {"ci": True},
        {"ost_target_schema": "other"},
        {"github_access_token": "t"},
        {"go_api_port": 1},
    ],
)
def test_it_does_not_change_with_where_and_how_the_run_is_made(
    overrides: dict[str, Any], project: Path
) -> None:
    assert _value(project, **overrides) == _value(project)


def test_it_is_the_same_for_the_same_bytes_in_another_folder(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else" / "where"
    shutil.copytree(project, elsewhere)
    assert fingerprint(_settings(elsewhere)) == fingerprint(_settings(project))


def test_explain_names_what_changed_added_and_removed(project: Path) -> None:
    before = fingerprint(_settings(project))
    (project / "seeds/c.csv").write_bytes(b"id\n2\n")
    (project / "models/a.sql").unlink()
    (project / "models/new.sql").write_bytes(b"")
    after = fingerprint(_settings(project, model_dimensions=3, recommendation_top_n=9))
    assert explain(before.inputs, after.inputs) == [
        "dbt: models/a.sql",
        "dbt: models/new.sql",
        "dbt: seeds/c.csv",
        "parameters: model_dimensions",
        "parameters: top_n",
    ]


def test_explain_has_nothing_to_say_about_equal_inputs(project: Path) -> None:
    inputs = fingerprint(_settings(project)).inputs
    assert explain(inputs, json.loads(json.dumps(inputs))) == []


def test_explain_takes_inputs_that_lack_a_part() -> None:
    assert explain({}, {"dbt": {"a": "1"}}) == ["dbt: a"]


def test_the_fingerprint_over_other_dbt_files_is_the_one_they_would_give(project: Path) -> None:
    before = fingerprint(_settings(project))
    (project / "seeds/c.csv").write_bytes(b"id\n2\n")
    after = fingerprint(_settings(project))
    assert before.with_dbt_files(dbt_files(project)) == after
    assert after.with_dbt_files(before.inputs["dbt"]) == before


def test_a_project_that_does_not_exist_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        dbt_files(tmp_path / "nowhere")
    assert caught.value.looked == str(tmp_path / "nowhere")


_segment = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: not name.startswith(".") and name not in module._NOT_INPUT and len(name.encode()) < 200
)
_trees = st.dictionaries(_segment, st.binary(max_size=20), max_size=4)


@contextmanager
def _folder(files: dict[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield _write(Path(folder), files)


@given(one=_trees, other=_trees)
def test_different_files_give_different_fingerprints_and_equal_ones_the_same(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    with _folder(one) as left, _folder(other) as right:
        assert (_value(left) == _value(right)) is (one == other)


_inputs = st.dictionaries(
    st.sampled_from(["dbt", "parameters", "code"]),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
)


@given(one=_inputs, other=_inputs)
def test_different_inputs_give_different_values_and_explain_says_why(
    one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]
) -> None:
    assume(one != other)
    assert Fingerprint.of(one).value != Fingerprint.of(other).value
    assert explain(one, other) or {k for k, v in one.items() if v} == {k for k, v in other.items() if v}


@given(_inputs)
def test_the_order_in_which_inputs_were_found_does_not_matter(inputs: dict[str, dict[str, Any]]) -> None:
    backwards = {part: dict(reversed(names.items())) for part, names in reversed(inputs.items())}
    assert Fingerprint.of(backwards).value == Fingerprint.of(inputs).value


@given(
    st.dictionaries(st.text(max_size=3), st.integers()), st.dictionaries(st.text(max_size=3), st.integers())
)
def test_what_changed_is_the_same_from_either_side(before: dict[str, int], after: dict[str, int]) -> None:
    assert changed(before, after) == changed(after, before)
    assert set(changed(before, after)) == {k for k, _ in set(before.items()) ^ set(after.items())}
