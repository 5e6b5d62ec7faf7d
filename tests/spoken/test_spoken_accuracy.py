"""The accuracy that docs/languages.md states does not get worse."""

from __future__ import annotations

import pytest

FLOOR = 0.95
TABLES = ["de-DE", "en-GB", "en-IN", "en-US", "es-ES", "fr-FR", "it-IT", "nl-NL", "pt-BR", "pt-PT"]


def test_there_is_a_table_for_each(bench):
    assert TABLES == [path.stem for path in bench.tables()]


@pytest.mark.parametrize("language", TABLES)
def test_beyond_2_accuracy_has_a_floor(bench, language):
    path = next(path for path in bench.tables() if path.stem == language)
    score = bench.score(path)
    assert score.rows >= 50
    assert score.share >= FLOOR, score.misses


def test_tables_hold_nothing_of_the_specification(bench):
    """Accuracy is measured on other utterances than the ones the grammar was written with."""
    for path in bench.tables():
        specification = path.parents[2] / "tests/spoken/tables" / path.name
        own = {row.said for row in bench.read(specification)}
        shared = [
            row.said for row in bench.read(path) if row.said in own and len(row.said[0].split()) > 2
        ]
        assert [] == shared
