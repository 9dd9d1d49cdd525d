import keras
import numpy as np
import onnxruntime as ort
import tensorflow as tf
import tf2onnx

MODEL = @PATH@
OUTPUT = "model.onnx"

model = keras.models.load_model(MODEL, compile=False)
inputs = model.inputs
signature = [tf.TensorSpec([None, *one.shape[1:]], one.dtype, name=f"X{number or ''}") for number, one in enumerate(inputs)]
compute = tf.function(lambda *tensors: model(list(tensors) if len(tensors) > 1 else tensors[0]), input_signature=signature)
onnx_model, _ = tf2onnx.convert.from_function(compute, input_signature=signature, opset=17, output_path=OUTPUT)

session = ort.InferenceSession(OUTPUT, providers=["CPUExecutionProvider"])
numbers = np.random.default_rng(0)
rows = [numbers.normal(size=(100, *[length or 8 for length in one.shape[1:]])).astype(np.float32) for one in inputs]
predicted = np.asarray(model(rows if len(rows) > 1 else rows[0]))
answered = session.run(None, {one.name: row for one, row in zip(session.get_inputs(), rows)})[0]
print(f"largest difference: {np.abs(answered - predicted).max():.2e}")

if len(rows) == 1 and rows[0].ndim == 2:
    features = rows[0]
    predicted = predicted.reshape(len(features), -1)
    names = [f"X_{column}" for column in range(features.shape[1])]
    if predicted.shape[1] == 1:
        names.append("prediction")
    else:
        names += [f"score_{column}" for column in range(predicted.shape[1])]
    table = np.concatenate([features, predicted], axis=1)
    np.savetxt("predictions.csv", table, delimiter=",", header=",".join(names), comments="", fmt="%.9g")
print(f"wrote {OUTPUT}")
