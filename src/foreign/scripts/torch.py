import numpy as np
import onnxruntime as ort
import pandas as pd
import torch

MODEL = @PATH@
OUTPUT = "model.onnx"
# The shape of one input without the batch: check it.
SHAPE = @SHAPE@

@LOAD@
model.eval()

example = torch.randn(4, *SHAPE)
batch = torch.export.Dim("batch")
torch.onnx.export(
    model,
    (example,),
    OUTPUT,
    dynamo=True,
    external_data=False,
    opset_version=18,
    input_names=["X"],
    dynamic_shapes=({0: batch},),
)

session = ort.InferenceSession(OUTPUT, providers=["CPUExecutionProvider"])
rows = torch.randn(100, *SHAPE)
with torch.no_grad():
    predicted = model(rows).numpy()
(answered, *_) = session.run(None, {"X": rows.numpy()})
print(f"largest difference: {np.abs(answered - predicted).max():.2e}")

if len(SHAPE) == 1:
    table = pd.DataFrame(rows.numpy(), columns=[f"X_{column}" for column in range(SHAPE[0])])
    predicted = predicted.reshape(len(rows), -1)
    if predicted.shape[1] == 1:
        table["prediction"] = predicted[:, 0]
    else:
        for column in range(predicted.shape[1]):
            table[f"score_{column}"] = predicted[:, column]
    table.to_csv("predictions.csv", index=False)
print(f"wrote {OUTPUT}")
