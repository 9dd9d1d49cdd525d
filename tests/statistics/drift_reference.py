"""Compute PSI, KS and chi-square with SciPy and NumPy: `python drift_reference.py`.

Writes `drift_reference.json` beside this file: inputs, outputs and the versions that computed them.
Large samples are not stored: both sides make the same ones from the rule in `sequence`.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

M64 = 2**64


def sequence(n, seed, scale=1.0, shift=0.0, step=0.0):
    """`n` values by splitmix64: (top 53 bits / 2^53)^2 · scale + shift, rounded down to `step`."""
    state, values = seed, []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) % M64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % M64
        z ^= z >> 31
        u = (z >> 11) / 2**53
        value = u * u * scale + shift
        values.append(float(np.floor(value / step) * step) if step else value)
    return values


def ks_case(reference, current, method):
    a, b = (sequence(**side) for side in (reference, current))
    result = stats.ks_2samp(a, b, method=method)
    return {
        "reference": reference,
        "current": current,
        "method": method,
        "statistic": float(result.statistic),
        "p": float(result.pvalue),
    }


def side(n, seed, scale=1.0, shift=0.0, step=0.0):
    return {"n": n, "seed": seed, "scale": scale, "shift": shift, "step": step}


def psi(reference, current):
    """The textbook sum; an empty bin of one side holds half a value; bins empty on both sides are left out."""
    r, c = np.array(reference, float), np.array(current, float)
    keep = r + c > 0
    n, m = r.sum(), c.sum()
    r, c = r[keep], c[keep]
    r, c = np.where(r == 0, 0.5, r) / n, np.where(c == 0, 0.5, c) / m
    return float(np.sum((c - r) * np.log(c / r)))


def count_case(reference, current):
    keep = [(r, c) for r, c in zip(reference, current) if r + c]
    result = stats.chi2_contingency(np.array(keep).T, correction=False)
    n, m = sum(reference), sum(current)
    noise = (1 / n + 1 / m) * stats.chi2.ppf(0.95, len(keep) - 1)
    return {
        "reference": reference,
        "current": current,
        "chi_square": {"statistic": float(result.statistic), "p": float(result.pvalue)},
        "psi": psi(reference, current),
        "psi_noise": float(noise),
    }


def bins_case(reference, current, n_bins):
    """Edges by our rule, written again with NumPy, and NumPy's counts."""
    a, b = (np.sort(sequence(**one)) for one in (reference, current))
    distinct = np.unique(a)
    if len(distinct) <= n_bins:
        edges = (distinct[1:] + distinct[:-1]) / 2
    else:
        edges = np.unique([a[len(a) * i // n_bins] for i in range(1, n_bins)])
        edges = edges[edges > a[0]]
    full = np.concatenate([[-np.inf], edges, [np.inf]])
    counts = [np.histogram(x, bins=full)[0].tolist() for x in (a, b)]
    return {
        "reference": reference,
        "current": current,
        "n_bins": n_bins,
        "edges": edges.tolist(),
        "counts": counts,
        "psi": psi(*counts),
    }


KS = [
    (side(7, 1), side(5, 2), "exact"),
    (side(40, 3), side(40, 4), "exact"),
    (side(40, 3), side(40, 4, shift=0.3), "exact"),
    (side(120, 5), side(77, 6, shift=0.05), "exact"),
    (side(300, 7, step=0.1), side(200, 8, step=0.1), "exact"),
    (side(1000, 9), side(900, 10, scale=1.3), "exact"),
    (side(2000, 11), side(1500, 12, scale=1.5), "exact"),
    (side(2000, 13), side(2000, 14), "exact"),
    (side(1, 15), side(30, 16), "exact"),
    (side(50_000, 17), side(3, 18), "exact"),
    (side(2500, 19), side(2500, 20), "asymp"),
    (side(5000, 21), side(4000, 22), "asymp"),
    (side(5000, 21), side(4000, 22, shift=0.01), "asymp"),
    (side(5000, 21), side(4000, 22, shift=0.05), "asymp"),
    (side(20_000, 23), side(30_000, 24), "asymp"),
    (side(20_000, 23), side(30_000, 24, scale=1.02), "asymp"),
    (side(20_000, 23), side(30_000, 24, scale=2.0), "asymp"),
    (side(100_000, 25), side(100_000, 26, shift=0.002), "asymp"),
    (side(100_000, 27), side(200, 28), "asymp"),
    (side(100_000, 27), side(60, 29), "asymp"),
]

COUNTS = [
    ([10, 20, 30], [20, 20, 20]),
    ([520, 330, 150, 0], [400, 300, 120, 180]),
    ([0, 7, 0, 3], [2, 0, 0, 9]),
    ([1, 1], [1, 1]),
    ([12345, 54321, 1], [23456, 43210, 0]),
    ([100] * 10, [112, 95, 99, 104, 91, 107, 88, 101, 97, 106]),
    ([1000] * 10, [10, 20, 400, 900, 1100, 1300, 1500, 1700, 1800, 1270]),
    (list(range(1, 41)), list(range(40, 0, -1))),
]

BINS = [
    (side(1000, 31), side(800, 32), 10),
    (side(1000, 31), side(800, 32, scale=1.4), 10),
    (side(5000, 33, scale=20.0, step=1.0), side(5000, 34, scale=26.0, step=1.0), 10),
    (side(400, 35, scale=4.0, step=0.5), side(400, 36, scale=5.0, step=0.5), 10),
]


def main():
    document = {
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "ks": [ks_case(*case) for case in KS],
        "counts": [count_case(*case) for case in COUNTS],
        "bins": [bins_case(*case) for case in BINS],
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
