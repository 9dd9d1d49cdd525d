"""Train the churn model and export it to ONNX.

    python train.py --version 1.1.0            writes models/1.1.0/model.onnx
    python train.py --version 1.1.0 --out FILE

Version 1.0.0 is a logistic regression, version 1.1.0 gradient boosted trees.
Both learn from `data/reference.csv` and are scored on `data/labelled.csv`.
Each feature is an input of its own in the ONNX model; a rerun writes the same bytes.

Missing values: a missing number is NaN, which the model itself imputes;
a missing string becomes the category "missing" before the model sees it.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score, recall_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from make_data import CATEGORICAL, FEATURES, NUMERIC, TARGET

HERE = Path(__file__).parent
MISSING = "missing"
N_PREDICTIONS = 50

# When each version was trained, by hand: the clock would change the file on every run.
TRAINING_TIME = {"1.0.0": "2026-09-01T08:00:00Z", "1.1.0": "2026-09-14T08:00:00Z"}


def read_table(path: Path) -> pd.DataFrame:
    """A data file with its missing values filled the way the server fills them."""
    strings = dict.fromkeys(CATEGORICAL, str)
    table = pd.read_csv(path, dtype=strings, keep_default_na=False, na_values=[""])
    table[NUMERIC] = table[NUMERIC].astype(np.float32)
    table[CATEGORICAL] = table[CATEGORICAL].astype(object).fillna(MISSING)
    return table


def make_model(version: str) -> Pipeline:
    """The whole model, from a customer's columns to a probability."""
    if version == "1.0.0":
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        classifier: ClassifierMixin = LogisticRegression(max_iter=1000)
    else:
        # No scaler: trees do not need one, and a value scaled in float32 may land
        # on the other side of a split than it did in training.
        numbers = SimpleImputer(strategy="median")
        classifier = GradientBoostingClassifier(
            n_estimators=150, subsample=0.7, random_state=7
        )
    strings = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer(
        [("numbers", numbers, NUMERIC), ("strings", strings, CATEGORICAL)]
    )
    return Pipeline([("columns", columns), ("classifier", classifier)])


def train(version: str, table: pd.DataFrame) -> Pipeline:
    """The version's model, fitted to a labelled table."""
    return make_model(version).fit(table[FEATURES], table[TARGET])


def evaluate(model: Pipeline, table: pd.DataFrame) -> dict[str, float]:
    """How good the model is on a labelled table, at the threshold 0.5."""
    label = model.predict(table[FEATURES])
    probability = model.predict_proba(table[FEATURES])[:, 1]
    return {
        "auc": float(roc_auc_score(table[TARGET], probability)),
        "precision": float(precision_score(table[TARGET], label)),
        "recall": float(recall_score(table[TARGET], label)),
    }


def export(version: str, model: Pipeline) -> onnx.ModelProto:
    """The model as ONNX, one named [N, 1] input per feature."""
    inputs = [(name, FloatTensorType([None, 1])) for name in NUMERIC]
    inputs += [(name, StringTensorType([None, 1])) for name in CATEGORICAL]
    proto = convert_sklearn(model, name="churn", initial_types=inputs)
    notes = {
        "version": version,
        "training_time": TRAINING_TIME[version],
        "training_data": "data/reference.csv",
        "code": "train.py",
    }
    onnx.helper.set_model_props(proto, notes)
    # The converter keeps its opsets in a set, whose order changes from run to run.
    opsets = sorted(proto.opset_import, key=lambda opset: opset.domain)
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    return proto


def onnx_inputs(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The table's features as the exported model takes them."""
    inputs = {name: table[[name]].to_numpy(np.float32) for name in NUMERIC}
    return inputs | {name: table[[name]].to_numpy(object) for name in CATEGORICAL}


def write_predictions(path: Path, model: Pipeline, data: Path) -> None:
    """The first rows of a data file as they stand, with scikit-learn's answers."""
    table = read_table(data).head(N_PREDICTIONS)
    rows = pd.read_csv(data, dtype=str, keep_default_na=False)
    rows = rows.head(N_PREDICTIONS)[FEATURES]
    rows["label"] = model.predict(table[FEATURES])
    probability = model.predict_proba(table[FEATURES])[:, 1]
    rows["probability"] = [f"{value:.9g}" for value in probability]
    rows.to_csv(path, index=False, lineterminator="\n")


def main() -> None:
    """Train one version; write its model and predictions to check it against."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", choices=sorted(TRAINING_TIME), default="1.1.0")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the ONNX file")
    arguments = parser.parse_args()
    version: str = arguments.version
    out: Path = arguments.out or HERE / "models" / version / "model.onnx"

    model = train(version, read_table(HERE / "data" / "reference.csv"))
    labelled = HERE / "data" / "labelled.csv"
    for metric, value in evaluate(model, read_table(labelled)).items():
        print(f"{metric} {value:.4f}")

    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(export(version, model).SerializeToString(deterministic=True))
    predictions = HERE / "data" / f"predictions-{version}.csv"
    write_predictions(predictions, model, labelled)


if __name__ == "__main__":
    main()
