import subprocess
import sys

import onnxruntime as ort

MODEL = @PATH@
OUTPUT = "model.onnx"

subprocess.run([sys.executable, "-m", "tf2onnx.convert", @FLAGS@, MODEL, "--output", OUTPUT, "--opset", "17"], check=True)
session = ort.InferenceSession(OUTPUT, providers=["CPUExecutionProvider"])
for one in session.get_inputs():
    print("input", one.name, one.type, one.shape)
for one in session.get_outputs():
    print("output", one.name, one.type, one.shape)
print(f"wrote {OUTPUT}; compare it with the original on rows of your own")
