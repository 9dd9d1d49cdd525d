"""The data: its schema, its missing values, and that it is the same every time."""

import csv
from datetime import date

import numpy as np
import pytest
from conftest import PROJECT

import make_data
from make_data import CATEGORICAL, FEATURES, HEADER, ID, NUMERIC, TARGET, TIME

MAKERS = {
    "reference": (make_data.make_reference, 2000),
    "labelled": (make_data.make_labelled, 1500),
    "current": (make_data.make_current, 1500),
}


@pytest.fixture(scope="module")
def tables() -> dict[str, list[make_data.Row]]:
    return {name: make() for name, (make, _) in MAKERS.items()}


def share_missing(rows: list[make_data.Row], column: str) -> float:
    return sum(row[column] is None for row in rows) / len(rows)


def mean(rows: list[make_data.Row], column: str) -> float:
    return float(np.mean([row[column] for row in rows if row[column] is not None]))


@pytest.mark.parametrize("name", MAKERS)
def test_shipped_file_is_what_the_script_writes(name, tables, tmp_path):
    make_data.write_csv(tmp_path / "made.csv", tables[name])
    shipped = (PROJECT / "data" / f"{name}.csv").read_bytes()
    assert (tmp_path / "made.csv").read_bytes() == shipped


def test_another_seed_gives_other_customers():
    arguments = ([(make_data.REFERENCE, 20)], date(2026, 1, 1), 10, 1)
    once = make_data.make_table(1, *arguments)
    assert once == make_data.make_table(1, *arguments)
    assert once != make_data.make_table(2, *arguments)


@pytest.mark.parametrize("name", MAKERS)
def test_every_row_has_the_schema(name, tables):
    rows = tables[name]
    assert len(rows) == MAKERS[name][1]
    for row in rows:
        assert set(row) == set(HEADER)
        assert row[TARGET] in (0, 1)
        assert all(isinstance(row[c], int | float | None) for c in NUMERIC)
        assert all(isinstance(row[c], str | None) for c in CATEGORICAL)
        assert all(row[c] is None or row[c] >= 0 for c in NUMERIC)


def test_there_are_twelve_features_and_the_target_is_none_of_them():
    assert len(FEATURES) == len(set(FEATURES)) == 12
    assert not {ID, TIME, TARGET} & set(FEATURES)


def test_customers_are_unique_and_dated_in_order(tables):
    rows = [row for name in MAKERS for row in tables[name]]
    assert len({row[ID] for row in rows}) == len(rows)
    days = [date.fromisoformat(row[TIME]) for row in rows]
    assert days == sorted(days)


def test_only_declared_columns_have_missing_values(tables):
    for name, market in (
        ("reference", make_data.REFERENCE),
        ("current", make_data.CURRENT),
    ):
        for column in HEADER:
            missing = share_missing(tables[name], column)
            assert (missing > 0) == (column in market.missing), column


def test_a_missing_value_is_an_empty_cell(tmp_path, tables):
    make_data.write_csv(tmp_path / "made.csv", tables["reference"])
    with (tmp_path / "made.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    for cell, row in zip(cells, tables["reference"], strict=True):
        assert [cell[c] == "" for c in HEADER] == [row[c] is None for c in HEADER]


def test_losing_values_touches_nothing_else():
    row = make_data.make_customer(np.random.default_rng(3), make_data.REFERENCE)
    market = make_data.Market({}, {}, {}, missing={"plan": 1.0, "seats": 0.0})
    lost = make_data.lose_values(np.random.default_rng(3), row, market)
    assert lost == row | {"plan": None}


def test_current_data_has_drifted_and_labelled_data_has_not(tables):
    reference, labelled, current = tables.values()
    for column in ("days_since_last_login", "support_tickets", "discount_percent"):
        usual = mean(reference, column)
        assert mean(labelled, column) == pytest.approx(usual, rel=0.15)
        assert mean(current, column) > 1.25 * usual
    usual = mean(reference, "sessions_per_week")
    assert mean(labelled, "sessions_per_week") == pytest.approx(usual, rel=0.15)
    assert mean(current, "sessions_per_week") < 0.9 * usual
    assert share_missing(reference, "sessions_per_week") < 0.07
    assert share_missing(current, "sessions_per_week") > 0.1


def test_current_prices_have_risen_within_each_plan(tables):
    reference, _, current = tables.values()
    for plan in make_data.REFERENCE.plans:
        before, after = (
            [row["monthly_fee"] / row["seats"] for row in rows if row["plan"] == plan]
            for rows in (reference, current)
        )
        assert np.median(after) > 1.03 * np.median(before), plan


def test_current_data_has_categories_nobody_trained_on(tables):
    reference, _, current = tables.values()
    for column in CATEGORICAL:
        known = {row[column] for row in reference}
        assert {row[column] for row in current} - known, column
