"""Every row of the tables beside this file: said => keys. The tables are these grammars' specification."""

from __future__ import annotations

from pathlib import Path

import pytest

TABLES = Path(__file__).with_name("tables")
LEAST = {"en-US": 100, "es-ES": 40, "fr-FR": 40, "de-DE": 40, "pt-BR": 40, "it-IT": 40, "nl-NL": 40}


def test_L3_beyond_2_spoken_digits(bench, language, utterance):
    assert utterance.keys == bench.heard(utterance, language)


@pytest.mark.parametrize("language", sorted(LEAST))
def test_tables_are_generous(bench, language):
    rows = bench.read(TABLES / f"{language}.txt")
    assert len(rows) >= LEAST[language]
    assert sum(row.keys == "-" for row in rows) >= 5
    assert len(rows) == len({(row.said, row.length) for row in rows})
