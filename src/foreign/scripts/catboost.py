import sys

import catboost
import numpy as np
import onnxruntime as ort
import pandas as pd

MODEL = @PATH@
OUTPUT = "model.onnx"

@LOAD@
if model.get_cat_feature_indices():
    sys.exit("CatBoost does not export categorical features to ONNX: encode them before training.")
names = [str(name) for name in model.feature_names_]
if len(sys.argv) > 1:
    rows = pd.read_csv(sys.argv[1])
    rows = rows[names] if set(names) <= set(rows.columns) else rows.iloc[:, : len(names)].set_axis(names, axis=1)
    rows = rows.head(1000)
else:
    rows = pd.DataFrame(np.random.default_rng(0).normal(scale=3.0, size=(100, len(names))), columns=names)
    print("Made-up rows are compared; give a CSV file of real ones to prove more.")
rows = rows.astype(np.float32)
model.save_model(OUTPUT, format="onnx", export_parameters={"onnx_domain": "ai.catboost", "onnx_model_version": 1})

session = ort.InferenceSession(OUTPUT, providers=["CPUExecutionProvider"])
outputs = session.run(None, {session.get_inputs()[0].name: rows.to_numpy()})
table = rows.copy()
classes = list(getattr(model, "classes_", []))
if len(outputs) > 1 and classes:
    labels = np.asarray(model.predict(rows, prediction_type="Class")).reshape(-1)
    probabilities = np.asarray(model.predict(rows, prediction_type="Probability"))
    table["label"] = labels
    for column, label in enumerate(classes):
        table[f"probability_{label}"] = probabilities[:, column]
    same = int((labels.astype(str) == np.asarray(outputs[0]).reshape(-1).astype(str)).sum())
    print(f"{same} of {len(rows)} labels are the same")
else:
    table["prediction"] = np.asarray(model.predict(rows)).reshape(-1)
    print(f"largest difference: {np.abs(np.asarray(outputs[0]).reshape(-1) - table['prediction']).max():.2e}")
table.to_csv("predictions.csv", index=False)
print(f"wrote {OUTPUT} and predictions.csv")
