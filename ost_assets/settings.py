"""Environment -> one frozen, validated `Settings`. Every variable and path is read here and nowhere else."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ost_assets.errors import SettingsError

SeedStrategy = Literal["auto", "dbt", "sql"]
Port = Annotated[int, Field(ge=1, le=65535)]
Weight = Annotated[float, Field(ge=0, le=1)]


def _shipped(version: int) -> int:
    if version not in (16, 18):
        raise ValueError("16 or 18")
    return version


# Not a Literal: the environment holds text, and a Literal of numbers takes no text.
ServerVersion = Annotated[int, AfterValidator(_shipped)]
Names = Annotated[tuple[str, ...], NoDecode]

# The parts of a server's address, by the name libpq has for them.
SERVER_PARTS = {
    "postgres_host": "host",
    "postgres_port": "port",
    "postgres_user": "user",
    "postgres_password": "password",
    "postgres_db": "dbname",
}
_PACKAGE_PARENT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The configuration of one run, read from the environment and from `.env` in the working directory.

    An empty variable counts as unset, because CI systems pass absent secrets as empty strings.
    Use `load_settings()`, which turns every problem into one readable `SettingsError`.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # The contract with the OST Data Engine.
    database_url: SecretStr | None = Field(None, description="libpq URL of the target database")
    postgres_host: str | None = Field(None, description="host of the target, when no DATABASE_URL is set")
    postgres_port: Port | None = Field(None, description="port of the target (5432)")
    postgres_user: str | None = Field(None, description="role (postgres)")
    postgres_password: SecretStr | None = Field(None, description="password of that role")
    postgres_db: str | None = Field(None, description="database name (the role's name)")
    redis_cache_url: SecretStr | None = Field(None, description="Redis URL of the recommendation cache")
    model_name: str = Field("sentence-transformers/all-MiniLM-L6-v2", description="embedding model")
    model_dimensions: Annotated[int, Field(ge=1, le=16000)] = Field(
        384, description="dimensions of its vectors"
    )
    go_api_port: Port = Field(8080, description="port of the Go API")
    recommendation_top_n: Annotated[int, Field(ge=1, le=10_000)] = Field(
        5, description="rows of similarity kept per user"
    )
    recommendation_min_similarity: Weight = Field(0.1, description="lowest score kept")
    recommendation_weight_semantic: Weight = Field(0.4, description="weight of the embeddings' cosine")
    recommendation_weight_category: Weight = Field(0.3, description="weight of the shared categories")
    recommendation_weight_language: Weight = Field(0.2, description="weight of the tech stacks")
    recommendation_weight_popularity: Weight = Field(0.1, description="weight of the stars")
    github_access_token: SecretStr | None = Field(None, description="accepted, not needed for test data")

    # How this tool works.
    ost_seed_strategy: SeedStrategy = Field("auto", description="auto: dbt, else the SQL lock; or force one")
    ost_strict: bool = Field(False, description="a degraded run fails instead of warning")
    ost_target_schema: str = Field("public", description="schema the tables are published into")
    ost_required_extensions: Names = Field(("vector",), description="comma-separated; missing is an error")
    ost_optional_extensions: Names = Field(("uuid-ossp",), description="created where the server ships them")
    ost_allow_database: str | None = Field(
        None, description="host/dbname of a database that may look like production"
    )
    ost_dbt_timeout: PositiveInt = Field(600, description="seconds dbt may take in all")
    ost_statement_timeout: PositiveInt = Field(300, description="seconds one statement may take")
    ost_lock_timeout: PositiveInt = Field(60, description="seconds to wait for readers of the old tables")
    ost_wait_timeout: PositiveInt = Field(900, description="seconds to wait for another set-up to finish")
    ost_embedded_version: ServerVersion = Field(18, description="major version of the embedded server")
    ost_project_root: Path | None = Field(None, description="folder that holds dbt_project/ (found upwards)")
    ost_dbt_project_dir: Path | None = Field(None, description="dbt project (dbt_project/ in the root)")
    ost_lock_dir: Path | None = Field(None, description="SQL lock (sql_fallback/ in the root)")
    ost_home: Path | None = Field(None, description="working files and embedded server (.ost/ in the root)")
    ost_bundle_dir: Path | None = Field(None, description="fixture bundle (bundle/ in OST_HOME)")
    ost_api_queries_dir: Path | None = Field(
        None, description="*.sql whose columns must exist (go_api/internal/store/queries/ in the root)"
    )
    ost_max_databases: PositiveInt = Field(200, description="templates and clones of ours a server may hold")
    ost_clone_max_age: PositiveInt = Field(86_400, description="seconds after which an unused clone is swept")
    ost_template_max_age: PositiveInt = Field(
        604_800, description="seconds after which an unused template is swept"
    )
    ost_pool_size: PositiveInt = Field(
        2, description="clones that pytest has ready ahead of time, per worker"
    )
    ost_require: bool = Field(
        False, description="pytest fails where no server can be had, instead of skipping"
    )
    github_actions: bool = Field(False, description="set by GitHub; degraded runs become annotations")
    ci: bool = Field(False, description="set by CI systems; the lock is never rewritten there")

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("holds bytes that are not UTF-8")
        return value

    @field_validator("ci", "github_actions", mode="before")
    @classmethod
    def _any_name_is_true(cls, value: object) -> object:
        """Some CI systems put their own name there."""
        if isinstance(value, str):
            return value.lower() not in ("0", "false", "no", "off")
        return value

    @field_validator("ost_required_extensions", "ost_optional_extensions", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("ost_target_schema")
    @classmethod
    def _schema_is_usable(cls, value: str) -> str:
        ours = ("ost_assets", "ost_build", "ost_proof")
        if value.startswith(("pg_", "ost_ready_")) or value in ("information_schema", *ours):
            raise ValueError("a schema that PostgreSQL and this tool do not keep for themselves")
        if len(value.encode()) > 63:
            raise ValueError("at most 63 bytes, PostgreSQL cuts off the rest")
        return value

    def as_environment(self) -> dict[str, str]:
        """What was read, `.env` included, as variables for a process that starts in another folder.

        Paths are absolute. Holds secrets.
        """
        found: dict[str, str] = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            elif isinstance(value, Path):
                value = value.absolute()
            elif isinstance(value, tuple):
                value = ",".join(value)
            if value is not None:
                found[name.upper()] = str(value)
        return found

    @property
    def server_parts(self) -> dict[str, Any]:
        """The POSTGRES_* variables that are set, by field name; secrets stay wrapped."""
        return {name: value for name in SERVER_PARTS if (value := getattr(self, name)) is not None}

    @property
    def uses_embedded_server(self) -> bool:
        """True where neither DATABASE_URL nor any POSTGRES_* variable is set."""
        return self.database_url is None and not self.server_parts

    @property
    def parameters(self) -> dict[str, int | float]:
        """What decides the scores: reaches dbt as vars and the SQL lock as `ost.<name>` settings."""
        return {
            "top_n": self.recommendation_top_n,
            "min_similarity": self.recommendation_min_similarity,
            "weight_semantic": self.recommendation_weight_semantic,
            "weight_category": self.recommendation_weight_category,
            "weight_language": self.recommendation_weight_language,
            "weight_popularity": self.recommendation_weight_popularity,
        }

    @cached_property
    def root(self) -> Path:
        """The folder that the others are in: set, or that of the dbt project, or found upwards, or ours.

        Upwards from the working directory, a folder with a dbt project comes first; a repository that only
        uses the bundle is known by its `pyproject.toml`.
        """
        if self.ost_project_root is not None:
            return self.ost_project_root.resolve()
        if self.ost_dbt_project_dir is not None:
            return self.ost_dbt_project_dir.resolve().parent
        here = Path.cwd()
        for sign in ("dbt_project/dbt_project.yml", "pyproject.toml"):
            for folder in (here, *here.parents):
                if (folder / sign).is_file():
                    return folder
        return _PACKAGE_PARENT if (_PACKAGE_PARENT / "dbt_project").is_dir() else here

    @property
    def dbt_project_dir(self) -> Path:
        return (self.ost_dbt_project_dir or self.root / "dbt_project").resolve()

    @property
    def lock_dir(self) -> Path:
        return (self.ost_lock_dir or self.root / "sql_fallback").resolve()

    @property
    def home(self) -> Path:
        return (self.ost_home or self.root / ".ost").resolve()

    @property
    def bundle_dir(self) -> Path:
        return (self.ost_bundle_dir or self.home / "bundle").absolute()

    @property
    def api_queries_dir(self) -> Path:
        return (self.ost_api_queries_dir or self.root / "go_api" / "internal" / "store" / "queries").resolve()

    @property
    def embedded_data_dir(self) -> Path:
        return self.home / f"postgres-{self.ost_embedded_version}"


def default_parameters() -> dict[str, int | float]:
    """The parameters a lock is made with: the defaults of `Settings`, whatever the environment says."""
    return Settings.model_construct().parameters


def load_settings(**overrides: Any) -> Settings:
    """Read and validate the environment.

    Args:
        overrides: field values that win over the environment (tests and command line options).

    Raises:
        SettingsError: one error that names every malformed variable, what came (unless it is a secret)
            and what is allowed.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = [_explain(dict(item)) for item in error.errors(include_url=False)]
        raise SettingsError(
            "; ".join(problems),
            looked="the environment and .env",
            remedy="correct or unset the variable, see .env.example",
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f".env is not UTF-8 at byte {error.start}",
            looked=str(Path(".env").absolute()),
            remedy="save it as UTF-8",
        ) from None


def _explain(item: dict[str, Any]) -> str:
    field = str(item["loc"][0])
    variable = field.upper()
    is_secret = "Secret" in str(Settings.model_fields[field].annotation)
    came = "" if is_secret else f" is {item['input']!r}"
    return f"{variable}{came}: {str(item['msg']).removeprefix('Value error, ')}"
