import sys

import numpy as np
import onnxruntime as ort
import pandas as pd
@IMPORT@

MODEL = @PATH@
OUTPUT = "model.onnx"

@LOAD@
names = @NAMES@
if len(sys.argv) > 1:
    rows = pd.read_csv(sys.argv[1])
    rows = rows[names] if set(names) <= set(rows.columns) else rows.iloc[:, : len(names)].set_axis(names, axis=1)
    rows = rows.head(1000)
else:
    rows = pd.DataFrame(np.random.default_rng(0).normal(scale=3.0, size=(100, len(names))), columns=names)
    print("Made-up rows are compared; give a CSV file of real ones to prove more.")
rows = rows.astype(np.float32)

types = [("X", FloatTensorType([None, len(names)]))]
@CONVERT@
with open(OUTPUT, "wb") as file:
    file.write(onnx_model.SerializeToString())

session = ort.InferenceSession(OUTPUT, providers=["CPUExecutionProvider"])
outputs = session.run(None, {"X": rows.to_numpy()})

@PREDICT@
table = rows.copy()
if len(outputs) > 1:
    # The probability of the second of two classes, or one column a class.
    if predicted.ndim == 1:
        predicted = np.stack([1 - predicted, predicted], axis=1)
    labels = np.asarray(outputs[0]).reshape(-1)
    table["label"] = predicted.argmax(axis=1)
    for column in range(predicted.shape[1]):
        table[f"probability_{column}"] = predicted[:, column]
    print(f"{int((table['label'] == labels).sum())} of {len(rows)} labels are the same")
    print(f"largest difference of a probability: {np.abs(outputs[1] - predicted).max():.2e}")
else:
    table["prediction"] = predicted
    print(f"largest difference: {np.abs(np.asarray(outputs[0]).reshape(-1) - predicted).max():.2e}")
table.to_csv("predictions.csv", index=False)
print(f"wrote {OUTPUT} and predictions.csv")
