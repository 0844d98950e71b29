"""Variables are validated before anything else happens, and secrets never show."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from ost_assets.errors import SettingsError
from ost_assets.settings import Settings, default_parameters, load_settings

SENTINEL = "s3ntinel-never-shown"

# CONTRACT.md, "Environment variables".
CONTRACT: dict[str, Any] = {
    "DATABASE_URL": None,
    "POSTGRES_HOST": None,
    "POSTGRES_PORT": None,
    "POSTGRES_USER": None,
    "POSTGRES_PASSWORD": None,
    "POSTGRES_DB": None,
    "REDIS_CACHE_URL": None,
    "MODEL_NAME": "sentence-transformers/all-MiniLM-L6-v2",
    "MODEL_DIMENSIONS": 384,
    "GO_API_PORT": 8080,
    "RECOMMENDATION_TOP_N": 5,
    "RECOMMENDATION_MIN_SIMILARITY": 0.1,
    "GITHUB_ACCESS_TOKEN": None,
}
SECRETS = ("DATABASE_URL", "POSTGRES_PASSWORD", "REDIS_CACHE_URL", "GITHUB_ACCESS_TOKEN")
MALFORMED = {
    "POSTGRES_PORT": "70000",
    "MODEL_DIMENSIONS": "abc",
    "GO_API_PORT": "0",
    "RECOMMENDATION_TOP_N": "0",
    "RECOMMENDATION_MIN_SIMILARITY": "1.5",
    "RECOMMENDATION_WEIGHT_SEMANTIC": "-0.1",
    "RECOMMENDATION_WEIGHT_CATEGORY": "nan",
    "RECOMMENDATION_WEIGHT_LANGUAGE": "much",
    "RECOMMENDATION_WEIGHT_POPULARITY": "inf",
    "OST_SEED_STRATEGY": "DBT!",
    "OST_STRICT": "perhaps",
    "OST_TARGET_SCHEMA": "pg_mine",
    "OST_DBT_TIMEOUT": "-1",
    "OST_STATEMENT_TIMEOUT": "0",
    "OST_LOCK_TIMEOUT": "1.5",
    "OST_WAIT_TIMEOUT": "soon",
    "OST_EMBEDDED_VERSION": "17",
}


def _error(**overrides: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    return str(caught.value)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory whose `.env` is read, as a user's would be."""
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("variable", "default"), CONTRACT.items(), ids=CONTRACT)
def test_a_variable_of_the_contract_has_its_default(variable: str, default: Any) -> None:
    assert getattr(load_settings(), variable.lower()) == default


@pytest.mark.parametrize("variable", CONTRACT)
def test_a_variable_of_the_contract_is_read_from_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    value = getattr(load_settings(), variable.lower())
    assert str(value.get_secret_value() if isinstance(value, SecretStr) else value) in ("1", "1.0")


@pytest.mark.parametrize("version", [16, 18])
def test_the_version_of_the_embedded_server_is_read_from_the_environment(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The environment holds text, and "16" was once refused with "Input should be 16 or 18".
    monkeypatch.setenv("OST_EMBEDDED_VERSION", str(version))
    assert load_settings().ost_embedded_version == version


def test_every_default_can_be_written_into_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OST_HOME")
    for name, field in Settings.model_fields.items():
        value = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        monkeypatch.setenv(name.upper(), "" if value is None else str(value))
    assert load_settings() == Settings.model_construct()


def test_every_variable_says_in_a_few_words_what_it_is_for() -> None:
    lengths = {name: len(field.description or "") for name, field in Settings.model_fields.items()}
    assert {name: n for name, n in lengths.items() if not 0 < n <= 100} == {}


def test_a_malformed_number_is_one_error_that_names_variable_value_and_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODEL_DIMENSIONS", "abc")
    message = _error()
    assert "MODEL_DIMENSIONS is 'abc'" in message
    assert "valid integer" in message


@pytest.mark.parametrize(("variable", "value"), MALFORMED.items(), ids=MALFORMED)
def test_a_malformed_value_is_refused_by_variable_and_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert f"{variable} is {value!r}: " in _error()


def test_several_malformed_values_are_one_error_that_names_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in MALFORMED.items():
        monkeypatch.setenv(variable, value)
    message = _error()
    assert [v for v, came in MALFORMED.items() if f"{v} is {came!r}" not in message] == []
    assert message.count("what to do:") == 1


def test_a_refused_choice_lists_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OST_SEED_STRATEGY", "magic")
    assert "'auto', 'dbt' or 'sql'" in _error()


def test_an_override_wins_over_the_environment_and_is_validated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_DIMENSIONS", "768")
    assert load_settings(model_dimensions=3).model_dimensions == 3
    assert "MODEL_DIMENSIONS is -1" in _error(model_dimensions=-1)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_an_empty_variable_counts_as_unset(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(field.upper(), "")
    assert getattr(load_settings(), field) == Settings.model_fields[field].default


def test_an_empty_variable_leaves_the_value_of_the_env_file(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_folder / ".env").write_text("GO_API_PORT=9090\n")
    monkeypatch.setenv("GO_API_PORT", "")
    assert load_settings().go_api_port == 9090


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_never_shows_in_the_settings(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SENTINEL)
    settings = load_settings()
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    shown.append(repr(settings.server_parts))
    assert [text for text in shown if SENTINEL in text] == []
    assert getattr(settings, variable.lower()).get_secret_value() == SENTINEL


@pytest.mark.parametrize("variable", SECRETS)
@pytest.mark.parametrize("other", ["MODEL_DIMENSIONS", "OST_STRICT"])
def test_a_secret_never_shows_in_the_error_about_another_variable(
    variable: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SENTINEL)
    monkeypatch.setenv(other, "abc")
    assert SENTINEL not in _error()


@pytest.mark.parametrize("variable", SECRETS)
@pytest.mark.parametrize("wrap", [lambda s: [s], lambda s: {"k": s}, lambda s: s.encode() + b"\xff"])
def test_a_malformed_secret_is_named_and_not_shown(variable: str, wrap: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(**{variable.lower(): wrap(SENTINEL)})
    error = caught.value
    assert variable in str(error)
    assert SENTINEL not in repr(error) + str(error) + str(vars(error)) + repr(error.__cause__)


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_that_is_not_utf_8_is_named_and_not_shown(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SENTINEL + "\udcff")
    message = _error()
    assert variable in message
    assert SENTINEL not in message


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("vector", ("vector",)),
        ("vector,uuid-ossp", ("vector", "uuid-ossp")),
        (" vector , pg_trgm ,, ", ("vector", "pg_trgm")),
        (",", ()),
    ],
)
@pytest.mark.parametrize("variable", ["OST_REQUIRED_EXTENSIONS", "OST_OPTIONAL_EXTENSIONS"])
def test_a_list_is_written_with_commas(
    variable: str, value: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(load_settings(), variable.lower()) == names


@pytest.mark.parametrize(
    "schema",
    [
        "pg_catalog",
        "pg_toast",
        "information_schema",
        "ost_assets",
        "ost_build",
        "ost_proof",
        "ost_ready_0123456789abcdef",
    ],
)
def test_a_schema_that_postgresql_or_this_tool_keeps_for_itself_is_refused(schema: str) -> None:
    assert f"OST_TARGET_SCHEMA is {schema!r}" in _error(ost_target_schema=schema)


def test_a_schema_name_that_postgresql_would_cut_off_is_refused() -> None:
    # 63 bytes are kept (NAMEDATALEN - 1), whatever the number of characters.
    assert load_settings(ost_target_schema="s" * 63).ost_target_schema == "s" * 63
    assert "OST_TARGET_SCHEMA" in _error(ost_target_schema="s" * 64)
    assert "OST_TARGET_SCHEMA" in _error(ost_target_schema="é" * 32)


@pytest.mark.parametrize("schema", ["public", "Ünï code", 'say "hi"', "ost", "ost_builds", "pgvector"])
def test_any_other_schema_name_is_taken(schema: str) -> None:
    assert load_settings(ost_target_schema=schema).ost_target_schema == schema


def test_the_env_file_in_the_working_directory_is_read(in_folder: Path) -> None:
    (in_folder / ".env").write_text("MODEL_DIMENSIONS=3\nUNKNOWN_TO_US=1\nOST_STRICT=\n")
    settings = load_settings()
    assert (settings.model_dimensions, settings.ost_strict) == (3, False)


def test_the_environment_wins_over_the_env_file(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (in_folder / ".env").write_text("MODEL_DIMENSIONS=3\n")
    monkeypatch.setenv("MODEL_DIMENSIONS", "4")
    assert load_settings().model_dimensions == 4


def test_a_malformed_value_in_the_env_file_is_shown_as_well(in_folder: Path) -> None:
    (in_folder / ".env").write_text("MODEL_DIMENSIONS=abc\n")
    assert "MODEL_DIMENSIONS is 'abc'" in _error()


def test_a_malformed_value_in_the_env_file_is_shown_and_not_the_empty_variable(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_folder / ".env").write_text("MODEL_DIMENSIONS=abc\n")
    monkeypatch.setenv("MODEL_DIMENSIONS", "")
    assert "MODEL_DIMENSIONS is 'abc'" in _error()


def test_an_env_file_that_is_not_utf_8_is_one_readable_error(in_folder: Path) -> None:
    (in_folder / ".env").write_bytes(b"POSTGRES_PASSWORD=" + SENTINEL.encode() + b"\xff\n")
    message = _error()
    assert ".env" in message
    assert SENTINEL not in message


def test_settings_cannot_be_changed_once_they_are_read() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.ci = True


def test_settings_survive_pickling_with_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", SENTINEL)
    settings = load_settings()
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301


def test_the_paths_stand_in_the_root_unless_they_are_set(tmp_path: Path) -> None:
    settings = load_settings(ost_project_root=tmp_path, ost_home=None)
    assert settings.root == tmp_path
    assert settings.dbt_project_dir == tmp_path / "dbt_project"
    assert settings.lock_dir == tmp_path / "sql_fallback"
    assert settings.home == tmp_path / ".ost"
    assert settings.bundle_dir == tmp_path / ".ost" / "bundle"
    assert settings.embedded_data_dir == tmp_path / ".ost" / "postgres-18"
    assert settings.api_queries_dir == tmp_path / "go_api" / "internal" / "store" / "queries"


def test_every_path_can_be_set(tmp_path: Path) -> None:
    settings = load_settings(
        ost_project_root=tmp_path / "r",
        ost_dbt_project_dir=tmp_path / "d",
        ost_lock_dir=tmp_path / "l",
        ost_home=tmp_path / "h",
        ost_bundle_dir=tmp_path / "b",
        ost_api_queries_dir=tmp_path / "q",
        ost_embedded_version=16,
    )
    found = (settings.root, settings.dbt_project_dir, settings.lock_dir, settings.home)
    assert found == tuple(tmp_path / name for name in "rdlh")
    assert (settings.bundle_dir, settings.api_queries_dir) == (tmp_path / "b", tmp_path / "q")
    assert settings.embedded_data_dir == tmp_path / "h" / "postgres-16"


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(ost_project_root=".", ost_bundle_dir="out", ost_home="home")
    assert settings.root == tmp_path
    assert settings.bundle_dir == tmp_path / "out"
    assert settings.home == tmp_path / "home"


def test_the_root_is_found_upwards_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project").mkdir()
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text("name: mine\n")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert load_settings().root == tmp_path


def test_without_a_project_upwards_the_root_is_the_repository_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().root == Path(__file__).resolve().parents[2]


def test_the_embedded_server_is_meant_where_no_server_is_named() -> None:
    assert load_settings().uses_embedded_server
    assert not load_settings(database_url="postgresql://h/d").uses_embedded_server
    assert not load_settings(postgres_port=5436).uses_embedded_server


def test_the_parameters_are_the_six_variables_that_decide_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {
        "top_n": 7,
        "min_similarity": 0.25,
        "weight_semantic": 0.1,
        "weight_category": 0.2,
        "weight_language": 0.3,
        "weight_popularity": 0.5,
    }
    for name, value in wanted.items():
        monkeypatch.setenv(f"RECOMMENDATION_{name.upper()}", str(value))
    assert load_settings().parameters == wanted


def test_the_default_parameters_are_the_contracts_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOMMENDATION_TOP_N", "9")
    expected = {
        "top_n": 5,
        "min_similarity": 0.1,
        "weight_semantic": 0.4,
        "weight_category": 0.3,
        "weight_language": 0.2,
        "weight_popularity": 0.1,
    }
    assert default_parameters() == expected
