"""Reference values for latency percentiles and their intervals, computed by SciPy and NumPy.

Run with `python latency_reference.py > latency_reference.json`; made with SciPy 1.17.1.
"""

import json

import numpy as np
from scipy import stats


def ranks(n, q):
    # The largest l with P(B <= l - 1) <= 0.025 and the smallest u with P(B <= u - 1) >= 0.975.
    lower = int(stats.binom.ppf(0.025, n, q))
    upper = int(stats.binom.ppf(0.975, n, q)) + 1
    return {
        "n": n,
        "quantile": q,
        "lower": lower if lower > 0 else None,
        "upper": upper if upper <= n else None,
    }


def sample(name, nanos):
    # NumPy's inverted_cdf is the smallest value that at least a share q of the sample does not exceed.
    rows = []
    for percentile in [50, 90, 95, 99, 99.9]:
        value = float(np.percentile(nanos, percentile, method="inverted_cdf"))
        interval = stats.quantile_test(nanos, p=percentile / 100).confidence_interval(0.95)
        finite = [None if np.isnan(side) else float(side) for side in interval]
        rows.append({"percentile": percentile, "value": value, "lower": finite[0], "upper": finite[1]})
    return {"name": name, "nanos": [int(v) for v in nanos], "mean": float(np.mean(nanos)), "percentiles": rows}


def main():
    rng = np.random.default_rng(20261124)
    cases = [
        ranks(n, q)
        for n in [1, 5, 10, 59, 73, 100, 1_000, 12_345, 1_000_000, 48_210_000]
        for q in [0.5, 0.9, 0.95, 0.99, 0.999]
    ]
    # Odd sizes: NumPy takes 99.9 % of 3,000 for a rounding error more than 2,997, and so the next sample.
    samples = [
        sample("lognormal", np.round(np.exp(rng.normal(10, 0.4, 3_001)))),
        sample("few", np.round(rng.uniform(20_000, 30_000, 61))),
        sample("two humps", np.round(np.concatenate([rng.normal(2e6, 1e5, 901), rng.normal(9e6, 3e5, 101)]))),
    ]
    print(json.dumps({"ranks": cases, "samples": samples}))


main()
