import numpy as np
import onnxruntime as ort
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
    features = rows.numpy()
    predicted = predicted.reshape(len(features), -1)
    names = [f"X_{column}" for column in range(features.shape[1])]
    if predicted.shape[1] == 1:
        names.append("prediction")
    else:
        names += [f"score_{column}" for column in range(predicted.shape[1])]
    table = np.concatenate([features, predicted], axis=1)
    np.savetxt("predictions.csv", table, delimiter=",", header=",".join(names), comments="", fmt="%.9g")
print(f"wrote {OUTPUT}")
