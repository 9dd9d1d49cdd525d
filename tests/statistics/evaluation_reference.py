"""What scikit-learn, SciPy and ONNX Runtime say: `evaluation_reference.json`.

Run from anywhere, with the versions that the file names installed (projects/churn/requirements.txt has all of them):

    python tests/statistics/evaluation_reference.py

Metrics are scikit-learn's. Intervals have no function there: Wilson's is SciPy's; DeLong's is computed here from its
definition, with a matrix of all pairs; the delta method's from slopes by finite differences. Those of the delta method
are held against a bootstrap of SciPy's before they are written.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent / "models"
CHURN = HERE.parent.parent / "projects" / "churn"
Z = stats.norm.ppf(0.975)


def wilson() -> list[dict]:
    """Shares and their intervals."""
    cases = [(0, 10), (1, 1), (7, 10), (10, 10), (412, 500), (1, 100_000)]
    found = []
    for k, n in cases:
        interval = stats.binomtest(k, n).proportion_ci(method="wilson")
        found.append({"k": k, "n": n, "low": interval.low, "high": interval.high})
    return found


def delong(y: np.ndarray, scores: np.ndarray) -> tuple[float, float, float]:
    """AUC and its 95 % interval, from every pair of a positive and a negative."""
    difference = scores[y][:, None] - scores[~y][None, :]
    wins = (difference > 0) + 0.5 * (difference == 0)
    auc = wins.mean()
    variance = (
        wins.mean(axis=1).var(ddof=1) / y.sum() + wins.mean(axis=0).var(ddof=1) / (~y).sum()
    )
    half = Z * math.sqrt(variance)
    return auc, max(auc - half, 0), min(auc + half, 1)


def logit_interval(ap: float, positives: int) -> tuple[float, float]:
    """The interval of average precision by Boyd, Eng and Page."""
    center, half = math.log(ap / (1 - ap)), Z / math.sqrt(positives * ap * (1 - ap))
    return tuple(1 / (1 + math.exp(-x)) for x in (center - half, center + half))


def ranking(rng: np.random.Generator) -> list[dict]:
    """Scores without ties, with many, and against the truth."""
    found = []
    for n, digits, lift in [(40, 6, 1.0), (300, 1, 0.7), (25, 0, -0.5), (200, 3, 2.5)]:
        y = rng.random(n) < 0.35
        scores = np.round(rng.normal(size=n) + lift * y, digits)
        auc, low, high = delong(y, scores)
        assert math.isclose(auc, metrics.roc_auc_score(y, scores))
        ap = metrics.average_precision_score(y, scores)
        ap_low, ap_high = logit_interval(ap, int(y.sum()))
        fpr, tpr, _ = metrics.roc_curve(y, scores, drop_intermediate=False)
        found.append(
            {
                "y": y.astype(int).tolist(),
                "scores": scores.tolist(),
                "auc": auc,
                "auc_low": low,
                "auc_high": high,
                "ap": ap,
                "ap_low": ap_low,
                "ap_high": ap_high,
                "fpr": fpr.tolist(),
                "tpr": tpr.tolist(),
            }
        )
    return found


def delta(counts: np.ndarray, value: Callable[[np.ndarray], float]) -> tuple[float, float]:
    """The 95 % interval of a function of multinomial shares, its slopes by central differences."""
    n = counts.sum()
    shares = counts / n
    slopes = np.zeros_like(shares)
    for cell in np.ndindex(shares.shape):
        step = np.zeros_like(shares)
        step[cell] = 1e-6
        slopes[cell] = (value(shares + step) - value(shares - step)) / 2e-6
    variance = ((shares * slopes**2).sum() - (shares * slopes).sum() ** 2) / n
    half = Z * math.sqrt(variance)
    return max(value(shares) - half, 0), min(value(shares) + half, 1)


def averaged(measure: str, averaging: str) -> Callable[[np.ndarray], float]:
    """A mean over the classes as a function of the shares of the confusion matrix."""

    def value(shares: np.ndarray) -> float:
        right, rows, columns = shares.diagonal(), shares.sum(axis=1), shares.sum(axis=0)
        of = {
            "precision": right / columns,
            "recall": right / rows,
            "f1": 2 * right / (rows + columns),
        }[measure]
        # Not np.average: the weights must not be forced to add up to 1 while a share is moved.
        return float(of.mean() if averaging == "macro" else (of * rows).sum())

    return value


def bootstrapped(
    data: tuple[np.ndarray, ...], value: Callable[..., float], low: float, high: float
) -> None:
    """Fails when a percentile bootstrap puts the interval elsewhere."""
    found = stats.bootstrap(
        data, value, paired=True, vectorized=False, method="percentile", n_resamples=2000, rng=1
    ).confidence_interval
    slack = 0.15 * (high - low)
    assert abs(found.low - low) < slack and abs(found.high - high) < slack, (found, low, high)


def confusion(rng: np.random.Generator) -> dict:
    """Three classes of unequal size."""
    truth = rng.choice(3, size=400, p=[0.6, 0.3, 0.1])
    answer = np.where(rng.random(400) < 0.7, truth, rng.choice(3, size=400))
    matrix = metrics.confusion_matrix(truth, answer)
    score = {
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
        "f1": metrics.f1_score,
    }
    means = []
    for measure, function in score.items():
        for averaging in ["macro", "micro", "weighted"]:
            value = function(truth, answer, average=averaging)
            low = high = None
            if averaging != "micro":
                low, high = delta(matrix.astype(float), averaged(measure, averaging))
                resampled = lambda t, a: function(t, a, average=averaging)  # noqa: B023, E731
                bootstrapped((truth, answer), resampled, low, high)
            means.append(
                {"measure": measure, "averaging": averaging, "value": value, "low": low, "high": high}
            )
    classes = [
        {measure: function(truth, answer, average=None)[k] for measure, function in score.items()}
        for k in range(3)
    ]
    # F1 of a class is a function of one share, so SciPy's interval of that share is its interval.
    for k, values in enumerate(classes):
        right = int(matrix[k, k])
        others = int(matrix[k].sum() + matrix[:, k].sum()) - 2 * right
        share = stats.binomtest(right, right + others).proportion_ci(method="wilson")
        values["f1_low"], values["f1_high"] = (2 * x / (1 + x) for x in (share.low, share.high))
        of_class = lambda t, a: metrics.f1_score(t, a, average=None)[k]  # noqa: B023, E731
        bootstrapped((truth, answer), of_class, values["f1_low"], values["f1_high"])
    return {
        "matrix": matrix.tolist(),
        "accuracy": metrics.accuracy_score(truth, answer),
        "classes": classes,
        "means": means,
    }


def errors(truth: np.ndarray, answer: np.ndarray) -> dict:
    """RMSE, MAE and R² with their intervals."""
    n = len(truth)
    e, d = answer - truth, truth - truth.mean()

    def normal(values: np.ndarray) -> tuple[float, float]:
        half = Z * values.std(ddof=1) / math.sqrt(n)
        return max(values.mean() - half, 0), values.mean() + half

    mae_low, mae_high = normal(abs(e))
    mse_low, mse_high = normal(e**2)
    r2 = metrics.r2_score(truth, answer)
    half = Z * np.sqrt(np.mean((e**2 - (1 - r2) * d**2) ** 2) / np.mean(d**2) ** 2 / n)
    return {
        "rmse": metrics.root_mean_squared_error(truth, answer),
        "rmse_low": math.sqrt(mse_low),
        "rmse_high": math.sqrt(mse_high),
        "mae": metrics.mean_absolute_error(truth, answer),
        "mae_low": mae_low,
        "mae_high": mae_high,
        "r2": r2,
        "r2_low": r2 - half,
        "r2_high": min(r2 + half, 1),
    }


def regression(rng: np.random.Generator) -> dict:
    """Numbers far from 0, so that sums of squares lose digits where they can."""
    truth = np.round(1e6 + 30 * rng.normal(size=250), 3)
    answer = np.round(truth + 12 * rng.standard_t(8, size=250), 3)
    found = errors(truth, answer)
    for name, function in [
        ("rmse", metrics.root_mean_squared_error),
        ("mae", metrics.mean_absolute_error),
        ("r2", metrics.r2_score),
    ]:
        bootstrapped((truth, answer), function, found[f"{name}_low"], found[f"{name}_high"])
    return {"truth": truth.tolist(), "answer": answer.tolist(), **found}


def binary(truth: np.ndarray, p: np.ndarray, threshold: float) -> dict:
    """Everything about two classes, the second of them positive."""
    label = p >= threshold
    auc, low, high = delong(truth, p)
    ap = metrics.average_precision_score(truth, p)
    ap_low, ap_high = logit_interval(ap, int(truth.sum()))
    return {
        "threshold": threshold,
        "confusion": metrics.confusion_matrix(truth, label).tolist(),
        "accuracy": metrics.accuracy_score(truth, label),
        "precision": metrics.precision_score(truth, label),
        "recall": metrics.recall_score(truth, label),
        "f1": metrics.f1_score(truth, label),
        "auc": auc,
        "auc_low": low,
        "auc_high": high,
        "ap": ap,
        "ap_low": ap_low,
        "ap_high": ap_high,
        "log_loss": metrics.log_loss(truth, p.astype(np.float64)),
    }


def churn() -> dict:
    """The example's versions on its labelled data, by ONNX Runtime."""
    found = {}
    for version in ["1.0.0", "1.1.0"]:
        session = onnxruntime.InferenceSession(CHURN / "models" / version / "model.onnx")
        inputs = {i.name: i.type for i in session.get_inputs()}
        texts = [name for name, kind in inputs.items() if "string" in kind]
        table = pd.read_csv(
            CHURN / "data" / "labelled.csv",
            dtype=dict.fromkeys(texts, str),
            keep_default_na=False,
            na_values=[""],
        )
        given = {}
        for name in inputs:
            column = table[[name]]
            missing = column.astype(object).fillna("missing")
            given[name] = missing.to_numpy() if name in texts else column.to_numpy(np.float32)
        _, probability = session.run(None, given)
        p = np.array([row[1] for row in probability], dtype=np.float32)
        truth = table["churned"].to_numpy() == 1
        found[version] = [binary(truth, p, 0.5), binary(truth, p, 0.3)]
    return found


def answered(model: str, x: np.ndarray) -> list:
    """ONNX Runtime's answers of a model with one input."""
    session = onnxruntime.InferenceSession(MODELS / f"{model}.onnx")
    return session.run(None, {"X": x.astype(np.float32)})


def as_csv(x: np.ndarray, truth: list) -> str:
    """Rows of a labelled file."""
    lines = [",".join(f"X_{k}" for k in range(x.shape[1])) + ",truth"]
    lines += [",".join(f"{v:.3f}" for v in row) + f",{t}" for row, t in zip(x, truth)]
    return "\n".join(lines) + "\n"


def regressor(rng: np.random.Generator) -> dict:
    """A linear regression on noisy truth."""
    x = np.round(rng.normal(size=(80, 4)), 3)
    answer = answered("linear_regression", x)[0].ravel().astype(np.float64)
    truth = np.round(answer + rng.normal(size=80), 3)
    return {"csv": as_csv(x, truth.tolist()), **errors(truth, answer)}


def three_classes(rng: np.random.Generator) -> dict:
    """A logistic regression whose classes are words, with some of the truth changed."""
    x = np.round(rng.normal(size=(150, 4)), 3)
    label, probability = answered("logistic_strings", x)
    classes = list(probability[0])
    truth = np.where(rng.random(150) < 0.8, label, rng.choice(classes, size=150))
    p = np.array([[row[c] for c in classes] for row in probability], dtype=np.float64)
    hot = np.array([[t == c for c in classes] for t in truth])
    found = {
        "csv": as_csv(x, truth.tolist()),
        "classes": classes,
        "confusion": metrics.confusion_matrix(truth, label, labels=classes).tolist(),
        "accuracy": metrics.accuracy_score(truth, label),
        "log_loss": metrics.log_loss(hot, p / p.sum(axis=1, keepdims=True)),
    }
    for averaging in ["macro", "micro", "weighted"]:
        found[averaging] = {
            "precision": metrics.precision_score(truth, label, average=averaging),
            "recall": metrics.recall_score(truth, label, average=averaging),
            "f1": metrics.f1_score(truth, label, average=averaging),
            "auc": metrics.roc_auc_score(hot, p, average=averaging),
            "ap": metrics.average_precision_score(hot, p, average=averaging),
        }
    found["of"] = {
        c: {
            "precision": metrics.precision_score(truth, label, labels=[c], average=None)[0],
            "recall": metrics.recall_score(truth, label, labels=[c], average=None)[0],
            "f1": metrics.f1_score(truth, label, labels=[c], average=None)[0],
            "auc": metrics.roc_auc_score(hot[:, k], p[:, k]),
            "ap": metrics.average_precision_score(hot[:, k], p[:, k]),
        }
        for k, c in enumerate(classes)
    }
    return found


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(20261124)
    versions = {m.__name__: m.__version__ for m in (np, pd, scipy, sklearn, onnxruntime)}
    reference = {
        "versions": versions,
        "wilson": wilson(),
        "ranking": ranking(rng),
        "confusion": confusion(rng),
        "regression": regression(rng),
        "churn": churn(),
        "regressor": regressor(rng),
        "three_classes": three_classes(rng),
    }
    text = json.dumps(reference, ensure_ascii=False)
    # A line for each part, so that a change is seen where it is.
    for part in reference:
        text = text.replace(f', "{part}": ', f',\n"{part}": ', 1)
    (HERE / "evaluation_reference.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
