"""The tree in the docstring is the tree of the classes, and every error says what, where and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ost_assets import errors
from ost_assets.errors import CheckFailed, DbtFailed, OstError

_BRANCH = re.compile(r"^(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>[A-Z]\w+)(?: {2,}\S.*)?$")


def _subclasses(kind: type[OstError]) -> Iterator[type[OstError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


EVERY_ERROR = tuple(_subclasses(OstError))


def _drawn_parents() -> dict[str, str]:
    """Class -> parent, as the docstring draws them; a branch is four characters wide."""
    assert errors.__doc__ is not None
    drawing = errors.__doc__.split("```")[1].strip().splitlines()
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in drawing:
        match = _BRANCH.match(line)
        assert match is not None, f"not a line of a tree: {line!r}"
        depth = 0 if line[0] not in "│├└ " else len(match["indent"]) // 4 + 1
        path[depth:] = [match["name"]]
        parents[match["name"]] = path[depth - 1] if depth else "Exception"
    return parents


def make(kind: type[OstError], what: str, looked: str = "", remedy: str = "") -> OstError:
    """One error of that class, whatever further arguments it takes."""
    if issubclass(kind, DbtFailed):
        return kind("timeout", what, looked=looked, remedy=remedy)
    if issubclass(kind, CheckFailed):
        return kind(what, checks=(), looked=looked, remedy=remedy)
    return kind(what, looked=looked, remedy=remedy)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    classes = {kind.__name__: kind.__bases__[0].__name__ for kind in EVERY_ERROR}
    assert _drawn_parents() == classes


def test_every_error_lives_in_this_module() -> None:
    assert {kind.__module__ for kind in EVERY_ERROR} == {errors.__name__}


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_an_error_prints_what_failed_where_we_looked_and_the_remedy(kind: type[OstError]) -> None:
    error = make(kind, "it broke", looked="over there", remedy="mend it")
    assert str(error) == "it broke\n  looked at: over there\n  what to do: mend it"
    assert (error.what, error.looked, error.remedy) == ("it broke", "over there", "mend it")


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_an_error_that_looked_nowhere_and_knows_no_remedy_is_one_line(kind: type[OstError]) -> None:
    assert str(make(kind, "it broke")) == "it broke"


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_every_class_of_errors_says_what_it_stands_for(kind: type[OstError]) -> None:
    assert kind.__doc__


def test_only_a_broken_dbt_may_be_stood_in_for_and_it_says_how_it_broke() -> None:
    assert DbtFailed("does not parse", "dbt: no").cause == "does not parse"
    assert not issubclass(errors.InputInvalid, DbtFailed)
    assert not issubclass(errors.ServerError, errors.SeedingError)


def test_a_red_check_carries_every_result_of_the_run() -> None:
    from ost_assets.seeding.report import CheckResult

    results = [CheckResult("a", "a", "fail"), CheckResult("b", "b", "pass")]
    assert CheckFailed("red", checks=results).checks == tuple(results)
