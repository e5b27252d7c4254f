"""The access matrix holds: who is told what, field by field, is what docs/access.md says."""

from difflib import unified_diff

import pytest
from access.asking import unplaced, unsampled
from access.matrix import measured
from access.stage import Stage
from support.documents import ROOT

PAGE = ROOT / "docs" / "access.md"


def test_every_field_that_needs_arguments_and_every_mutation_has_a_sample():
    assert unsampled() == [], "Add these to tests/access/samples.py."


def test_every_type_has_a_place_where_it_is_found():
    assert unplaced() == [], "Add these to PLACES in tests/access/samples.py."


async def test_everybody_is_told_what_the_matrix_says(stage: Stage, request: pytest.FixtureRequest):
    page = await measured(stage)

    if request.config.getoption("--write-access"):
        PAGE.write_text(page)
    difference = "\n".join(unified_diff(PAGE.read_text().splitlines(), page.splitlines(), "written", "measured", n=0))
    advice = "If this is as it should be: .venv/bin/python -m pytest tests/access --write-access"
    assert not difference, f"{difference}\n{advice}"
