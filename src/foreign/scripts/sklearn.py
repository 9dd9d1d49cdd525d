import sys

import joblib
import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from skl2onnx import convert_sklearn@REGISTER_NAME@
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
@REGISTER@
MODEL = @PATH@
OUTPUT = "model.onnx"
N_FEATURES = @N_FEATURES@
FEATURE_NAMES = @FEATURE_NAMES@

model = joblib.load(MODEL)
if N_FEATURES is None:
    N_FEATURES = int(model.n_features_in_)
if FEATURE_NAMES is None and hasattr(model, "feature_names_in_"):
    FEATURE_NAMES = [str(name) for name in model.feature_names_in_]

# Rows to convert for and to compare on.
names = FEATURE_NAMES or [f"X_{column}" for column in range(N_FEATURES)]
if len(sys.argv) > 1:
    rows = pd.read_csv(sys.argv[1])
    rows = rows[names] if set(names) <= set(rows.columns) else rows.iloc[:, :N_FEATURES].set_axis(names, axis=1)
    rows = rows.head(1000)
else:
    made_up = np.random.default_rng(0).normal(scale=3.0, size=(100, N_FEATURES))
    rows = pd.DataFrame(made_up, columns=names)
    print("Made-up rows are compared; give a CSV file of real ones to prove more.")
texts = [name for name in names if not pd.api.types.is_numeric_dtype(rows[name])]
# A missing text has no form in ONNX; such rows cannot be compared.
rows = rows.dropna(subset=texts).reset_index(drop=True).astype({name: str for name in texts})
rows = rows.astype({name: np.float32 for name in names if name not in texts})

# ONNX is given float32, and the model the same numbers.
X = rows.astype({name: np.float64 for name in names if name not in texts})
X = X if FEATURE_NAMES else X.to_numpy()
has_probabilities = hasattr(model, "predict_proba")
try:
    predicted = model.predict(X)
    probabilities = model.predict_proba(X) if has_probabilities else None
except ValueError as error:
    sys.exit(f"The model does not take these rows ({error}). Run it with a CSV file of real ones.")

# One input per column where the model tells columns apart, else one table.
if @BY_COLUMN@ or texts:
    types = [(name, StringTensorType([None, 1]) if name in texts else FloatTensorType([None, 1])) for name in names]
    feed = {name: rows[[name]].to_numpy(dtype=object if name in texts else np.float32) for name in names}
else:
    types = [("X", FloatTensorType([None, N_FEATURES]))]
    feed = {"X": rows.to_numpy(dtype=np.float32)}
options = {id(model): {"zipmap": False}} if has_probabilities else None
@PREPARE@onnx_model = convert_sklearn(
    model, initial_types=types, options=options, target_opset={"": 17, "ai.onnx.ml": 3}
)
with open(OUTPUT, "wb") as file:
    file.write(onnx_model.SerializeToString())

session = ort.InferenceSession(OUTPUT, providers=["CPUExecutionProvider"])
outputs = session.run(None, feed)

table = rows.copy()
is_label = hasattr(model, "classes_") or not np.issubdtype(np.asarray(predicted).dtype, np.floating)
if is_label:
    table["label"] = predicted
    flips = int((np.asarray(outputs[0]).reshape(-1).astype(str) != np.asarray(predicted).astype(str)).sum())
    print(f"{len(rows) - flips} of {len(rows)} labels are the same")
    if has_probabilities:
        for column, label in enumerate(model.classes_):
            table[f"probability_{label}"] = probabilities[:, column]
        print(f"largest difference of a probability: {np.abs(outputs[1] - probabilities).max():.2e}")
else:
    table["prediction"] = predicted
    print(f"largest difference: {np.abs(np.asarray(outputs[0]).reshape(-1) - predicted).max():.2e}")
table.to_csv("predictions.csv", index=False)
print(f"wrote {OUTPUT} and predictions.csv")
