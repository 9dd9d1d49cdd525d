"""Make the churn example's data: `python make_data.py [--out FOLDER]`.

A subscription business with monthly plans asks which customers leave within 30 days.
The data is synthetic and seeded, so every run writes the same three files:

- `reference.csv`  what the models are trained on (January to June 2026)
- `labelled.csv`   held-out customers of the same kind, for evaluation (July and August)
- `current.csv`    autumn: prices rose, a new plan and region opened, tracking broke
"""

import argparse
import csv
import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator

NUMERIC = [
    "tenure_months",
    "monthly_fee",
    "total_paid",
    "sessions_per_week",
    "days_since_last_login",
    "support_tickets",
    "failed_payments",
    "seats",
    "discount_percent",
]
CATEGORICAL = ["plan", "payment_method", "region"]
FEATURES = NUMERIC + CATEGORICAL
ID, TIME, TARGET = "customer_id", "observed_on", "churned"
HEADER = [ID, TIME, *FEATURES, TARGET]

DECIMALS = {"monthly_fee": 2, "total_paid": 2, "sessions_per_week": 1}

BASE_FEE = {"starter": 5.0, "basic": 12.0, "team": 29.0, "business": 99.0}
SEAT_FEE = {"starter": 0.0, "basic": 0.0, "team": 8.0, "business": 7.0}
MOST_SEATS = {"starter": 1, "basic": 2, "team": 12, "business": 60}

Row = dict[str, object]


@dataclass(frozen=True)
class Market:
    """How customers look and behave during one period."""

    plans: dict[str, float]
    payment_methods: dict[str, float]
    regions: dict[str, float]
    missing: dict[str, float]
    tenure_mean: float = 20.0
    price_factor: float = 1.0
    activity: float = 0.0
    ticket_rate: float = 1.1
    discounts: dict[str, float] = field(
        default_factory=lambda: {"0": 0.62, "10": 0.18, "20": 0.13, "30": 0.07}
    )
    price_sensitivity: float = 1.0


REFERENCE = Market(
    plans={"basic": 0.52, "team": 0.33, "business": 0.15},
    payment_methods={"card": 0.58, "direct debit": 0.27, "invoice": 0.15},
    regions={"north": 0.31, "south": 0.27, "east": 0.22, "west": 0.20},
    missing={
        "total_paid": 0.03,
        "sessions_per_week": 0.05,
        "days_since_last_login": 0.04,
        "discount_percent": 0.03,
        "payment_method": 0.05,
    },
)

CURRENT = Market(
    plans={"starter": 0.18, "basic": 0.40, "team": 0.30, "business": 0.12},
    payment_methods={
        "card": 0.42,
        "direct debit": 0.18,
        "invoice": 0.10,
        "digital wallet": 0.30,
    },
    regions={
        "north": 0.22,
        "south": 0.19,
        "east": 0.15,
        "west": 0.14,
        "overseas": 0.30,
    },
    missing={
        "total_paid": 0.04,
        "sessions_per_week": 0.19,
        "days_since_last_login": 0.15,
        "discount_percent": 0.04,
        "payment_method": 0.14,
    },
    tenure_mean=13.0,
    price_factor=1.4,
    activity=-0.6,
    ticket_rate=2.0,
    discounts={"0": 0.38, "10": 0.17, "20": 0.22, "30": 0.16, "40": 0.07},
    price_sensitivity=1.8,
)


def choose(rng: Generator, shares: dict[str, float]) -> str:
    """One key, drawn with its share."""
    return str(rng.choice(list(shares), p=list(shares.values())))


def churn_logit(row: Row, engagement: float, market: Market) -> float:
    """The log-odds of leaving within 30 days: what a model has to find out."""
    tenure, tickets = row["tenure_months"], row["support_tickets"]
    sessions, idle = row["sessions_per_week"], row["days_since_last_login"]
    failed, discount = row["failed_payments"], row["discount_percent"]

    if row["payment_method"] == "digital wallet":
        idle = 0  # They use the app, whose visits are not counted as logins.

    logit = -3.8 - 0.9 * engagement
    logit += 3.4 * min(idle, 30) / 30
    if idle > 14:
        logit += 3.4 if sessions < 3 else -0.8
    if tenure <= 3:
        logit += 2.2
    elif 11 <= tenure <= 13:
        logit += 1.5 + 0.12 * discount
    if failed >= 1:
        logit += 3.4 if row["payment_method"] == "card" else -0.4
    if tickets >= 4:
        logit += 2.8
    elif tickets == 0 and idle > 7:
        logit += 1.4
    if row["plan"] == "basic" and discount == 0:
        logit += 0.8 * market.price_sensitivity
    if row["plan"] == "business":
        logit -= 1.6 if row["seats"] >= 15 else 0.4
    if row["region"] == "south":
        logit += 0.6
    return float(1.25 * logit)


def make_customer(rng: Generator, market: Market) -> Row:
    """One complete, labelled customer."""
    plan = choose(rng, market.plans)
    engagement = float(rng.normal(market.activity, 1.0))
    tenure = 1 + int(min(rng.exponential(market.tenure_mean), 95))
    seats = int(rng.integers(1, MOST_SEATS[plan] + 1))
    discount = int(choose(rng, market.discounts))
    price = BASE_FEE[plan] + SEAT_FEE[plan] * seats
    fee = price * market.price_factor * (1 - discount / 100) * rng.normal(1, 0.03)

    row: Row = {
        "tenure_months": tenure,
        "monthly_fee": round(float(fee), 2),
        "total_paid": round(float(fee * tenure * rng.uniform(0.85, 1.0)), 2),
        "sessions_per_week": round(float(rng.gamma(3, math.exp(0.5 * engagement))), 1),
        "days_since_last_login": int(
            min(rng.exponential(9 * math.exp(-0.6 * engagement)), 90)
        ),
        "support_tickets": int(rng.poisson(market.ticket_rate)),
        "failed_payments": int(rng.poisson(0.25)),
        "seats": seats,
        "discount_percent": discount,
        "plan": plan,
        "payment_method": choose(rng, market.payment_methods),
        "region": choose(rng, market.regions),
    }
    probability = 1 / (1 + math.exp(-churn_logit(row, engagement, market)))
    row[TARGET] = int(rng.random() < probability)
    return row


def lose_values(rng: Generator, row: Row, market: Market) -> Row:
    """The same customer as the warehouse knows it: some values did not arrive."""
    lost = {name for name, share in market.missing.items() if rng.random() < share}
    return {name: None if name in lost else value for name, value in row.items()}


def make_table(
    seed: int,
    markets: list[tuple[Market, int]],
    first_day: date,
    days: int,
    first_id: int,
) -> list[Row]:
    """The customers of one period, by date; markets follow one another within it."""
    rng = np.random.default_rng(seed)
    n_rows = sum(n for _, n in markets)
    rows = [
        lose_values(rng, make_customer(rng, market), market)
        for market, n in markets
        for _ in range(n)
    ]
    for position, row in enumerate(rows):
        row[ID] = f"C-{first_id + position:05d}"
        day = first_day + timedelta(days=position * days // n_rows)
        row[TIME] = day.isoformat()
    return rows


def make_reference() -> list[Row]:
    """Training data: the first half of 2026."""
    return make_table(20260101, [(REFERENCE, 2000)], date(2026, 1, 1), 181, 10001)


def make_labelled() -> list[Row]:
    """Evaluation data: the same market in July and August 2026."""
    return make_table(20260701, [(REFERENCE, 1500)], date(2026, 7, 1), 62, 20001)


def make_current() -> list[Row]:
    """Drifted data: two weeks of the old market in September 2026, then the new."""
    markets = [(REFERENCE, 300), (CURRENT, 1200)]
    return make_table(20260901, markets, date(2026, 9, 1), 75, 30001)


def cell(name: str, value: object) -> str:
    """A value as CSV text; a missing one is an empty cell."""
    if value is None:
        return ""
    return f"{value:.{DECIMALS[name]}f}" if name in DECIMALS else str(value)


def write_csv(path: Path, rows: list[Row]) -> None:
    """Write the rows, with a header and Unix line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            writer.writerow([cell(name, row[name]) for name in HEADER])


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "data", metavar="FOLDER"
    )
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "reference.csv", make_reference())
    write_csv(folder / "labelled.csv", make_labelled())
    write_csv(folder / "current.csv", make_current())


if __name__ == "__main__":
    main()
