"""ONNX Runtime's answers of the example's models: `churn-<version>.expected.json`.

Run from anywhere, with projects/churn/requirements.txt installed:

    python tests/models/make_churn_expected.py

Each file holds the labels and probabilities of the first 200 rows of reference.csv,
missing numbers as NaN and missing strings as the category "missing".
The probabilities are float32, printed so that they read back to the same bits.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
CHURN = HERE.parent.parent / "projects" / "churn"
sys.path.insert(0, str(CHURN))

import train  # noqa: E402

N_ROWS = 200


def shortest(value: float) -> float:
    """The float whose decimal form is the shortest that reads back to this float32."""
    return float(str(np.float32(value)))


def main() -> None:
    """Write one file per version."""
    rows = train.read_table(CHURN / "data" / "reference.csv").head(N_ROWS)
    for version in sorted(train.TRAINING_TIME):
        session = onnxruntime.InferenceSession(
            str(CHURN / "models" / version / "model.onnx"),
            providers=["CPUExecutionProvider"],
        )
        label, probability = session.run(None, train.onnx_inputs(rows))
        classes = sorted(probability[0])
        expected = {
            "source": f"onnxruntime {onnxruntime.__version__}",
            "classes": classes,
            "label": label.tolist(),
            "probabilities": [[shortest(p[c]) for c in classes] for p in probability],
        }
        path = HERE / f"churn-{version}.expected.json"
        path.write_text(json.dumps(expected) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
