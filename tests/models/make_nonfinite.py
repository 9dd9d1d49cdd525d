"""The fixtures `nonfinite_…`: NaN and infinity through standard operators, and ONNX Runtime's answers.

    pip install onnx onnxruntime==1.32.0 numpy
    python tests/models/make_nonfinite.py

Writes `NAME.onnx` and `NAME.json` beside this script in the form that `make.py` describes; the files come out the same,
byte for byte. Left out is what ONNX Runtime loses itself: NaN in `MaxPool` and behind the first place of `ReduceMax` and
`ReduceMin` counts or not by where it is, and in LSTM and GRU it becomes a number; here it is kept.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
NAN, INF = np.nan, np.inf
# As long as the vectors of kernels and more, and numbers whose exponential is infinite.
ROWS = np.array(
    [
        [NAN, 1, -2, 0.5, INF, 0, -INF, 3, NAN, NAN, -1, NAN, 100, -100, 5, NAN, NAN, -3, 2],
        [1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8, 0.25, -0.25, NAN],
        [-INF] * 18 + [1],
        [INF, 1] * 9 + [2],
        [0.1 * n - 0.9 for n in range(19)],
        [90, -90, 200, -200, 700, -700, 1e30, -1e30, 3e38, -3e38] + [0] * 9,
        [NAN] * 19,
    ],
    np.float32,
)
NAMES = [
    *("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "HardSigmoid"),
    *("HardSwish", "Erf", "Exp", "Log", "Sqrt", "Sign", "Mish", "ThresholdedRelu", "Shrink", "Gelu", "Reciprocal"),
    *("Abs", "Neg", "Floor", "Ceil", "Round", "IsNaN", "IsInf"),
]
KINDS = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64}


def element(value: object) -> object:
    """As JSON can hold it; a float as the shortest decimal that reads back to its bits."""
    if isinstance(value, np.floating):
        if np.isnan(value):
            return None
        return float(str(value)) if np.isfinite(value) else str(float(value))
    return value.item()


def described(name: str, array: np.ndarray) -> dict[str, object]:
    """A tensor as JSON."""
    data = [element(value) for value in array.reshape(-1)]
    return {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def write(name: str, nodes: list, inputs: dict, constants: dict | None = None, opset: int = 20, note: str = "") -> None:
    """The model whose outputs are all values named `y…`."""
    outputs = [output for node in nodes for output in node.output if output.startswith("y")]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(key, KINDS[a.dtype.name], ["N", *a.shape[1:]]) for key, a in inputs.items()],
        [onnx.ValueInfoProto(name=output) for output in outputs],
        [numpy_helper.from_array(np.asarray(array), key) for key, array in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="onnx.helper")
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    del model.graph.value_info[:]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = session.run(None, inputs)
    content = {
        "producer": model.producer_name,
        "source": f"onnxruntime {onnxruntime.__version__}",
        "inputs": [described(key, array) for key, array in inputs.items()],
        "outputs": [described(key, array) for key, array in zip(outputs, answers, strict=True)],
    }
    if note:
        content["note"] = note
    (HERE / f"{name}.json").write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def node(op: str, inputs: str, output: str, **attributes: object):
    """A node; inputs are separated by spaces."""
    return helper.make_node(op, inputs.split(), output.split(), **attributes)


def single(value: float) -> np.ndarray:
    """A number of single precision."""
    return np.array(value, np.float32)


def main() -> None:
    """Write all."""
    x = {"x": ROWS}
    nodes = [node(op, "x", f"y_{op}") for op in NAMES]
    nodes += [node("Max", "x least", "m"), node("Gelu", "m", "y_gelu_tanh", approximate="tanh")]
    write("nonfinite_activations", nodes, x, {"least": single(-9)})
    doubled = [node("Cast", "x", "d", to=TensorProto.DOUBLE)]
    doubled += [node(op, "d", f"y_{op}") for op in ("Relu", "Sigmoid", "Tanh", "Exp", "Log")]
    write("nonfinite_double", doubled, x)

    constants = {
        "zero": single(0), "six": single(6), "none": single(NAN), "row": ROWS[4], "slope": single([0.1]),
        "high": single(INF),
    }
    nodes = [
        node("Clip", "x zero six", "y_clip"),
        node("Clip", "x zero high", "y_clip_low"),
        node("Max", "x zero", "y_max"),
        node("Max", "zero x", "y_max_swapped"),
        node("Min", "x six", "y_min"),
        node("Max", "x row", "y_max_row"),
        node("Min", "row x", "y_min_row"),
        node("Neg", "x", "negative"),
        node("Max", "x negative", "y_max_same"),
        node("Min", "negative x", "y_min_same"),
        node("Max", "x none", "y_max_none"),
        node("Min", "x high", "y_min_infinite"),
        node("Max", "x zero row negative", "y_max_four"),
        node("PRelu", "x slope", "y_prelu"),
        node("Mul", "x zero", "y_times_zero"),
        node("Sqrt", "x", "root"),
        node("Mul", "root root", "y_square_of_root"),
        node("Greater", "x six", "y_greater"),
        node("GreaterOrEqual", "x six", "y_not_less"),
        node("Equal", "x x", "y_equal"),
        node("Where", "y_greater x zero", "y_where"),
        node("Sigmoid", "x", "gate"),
        node("Mul", "x gate", "y_silu"),
    ]
    write("nonfinite_bounds", nodes, x, constants)

    names = ("Max", "Min", "Sum", "Mean", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
    few = {"x": ROWS[:, [0, 1, 2, 4, 3]]}
    nodes = [node(f"Reduce{name}", "x", f"y_{name}", axes=[1], keepdims=0) for name in names if name != "Sum"]
    nodes.append(node("ReduceSum", "x axis", "y_Sum", keepdims=0))
    for largest in ("Max", "Min"):
        for last in (0, 1):
            nodes.append(node(f"Arg{largest}", "x", f"y_arg_{largest}_{last}", axis=1, select_last_index=last))
    nodes += [node("Softmax", "x", "y_softmax", axis=1), node("LogSoftmax", "x", "y_log_softmax", axis=1)]
    nodes += [node("TopK", "x three", "y_top y_top_places"), node("TopK", "x three", "y_low y_low_places", largest=0)]
    nodes += [node("Reshape", "x shape", "grid"), node("Softmax", "grid", "y_softmax_inner", axis=1)]
    constants = {"three": np.array([3]), "shape": np.array([0, -1, 1]), "axis": np.array([1])}
    write("nonfinite_rows", nodes, few, constants, opset=13, note="NaN is larger than numbers for TopK")

    numbers = {"x": single([[NAN, INF, -INF, 3e9, -3e9], [1e20, -1e20, 300, -300, 1.5], [-1.5, -0.5, 50000, -1, 0]])}
    kinds = {"int64": 7, "int32": 6, "int16": 5, "int8": 3, "uint16": 4, "uint8": 2, "bool": 9, "float16": 10, "float64": 11}
    nodes = []
    for name, kind in kinds.items():
        wide = name if name == "float16" else f"y_{name}"
        nodes.append(node("Cast", "x", wide, to=kind))
    nodes.append(node("Cast", "float16", "y_half", to=1))
    nodes += [node("Cast", "x", "d", to=11), node("Cast", "d", "y_double_int32", to=6), node("Cast", "d", "y_double_int64", to=7)]
    write("nonfinite_casts", nodes, numbers, note="what ONNX leaves open, as ONNX Runtime does it on x86-64")

    generator = np.random.default_rng(5)

    def normal(*shape: int) -> np.ndarray:
        return (generator.normal(size=shape) / 2).astype(np.float32)

    pictures = normal(5, 2, 6, 6)
    pictures[0, 0, 2, 2], pictures[1, 1, 0, 5], pictures[2, 0, 5, 5], pictures[3] = NAN, INF, -INF, 1e30
    constants = {
        "w": normal(4, 2, 3, 3), "b": normal(4), "dw": normal(4, 1, 3, 3), "w1": normal(3, 4, 1, 1), "fc": normal(108, 3),
        "zero": single(0), "six": single(6), "scale": normal(4), "mean": normal(4), "var": np.abs(normal(4)) + 1,
    }
    nodes = [
        node("Conv", "x w b", "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c scale b mean var", "n"),
        node("Relu", "n", "r"),
        node("Conv", "r dw", "d", group=4, pads=[1, 1, 1, 1]),
        node("Clip", "d zero six", "k"),
        node("Conv", "k w1", "p"),
        node("LeakyRelu", "p", "y_leaky"),
        node("Flatten", "y_leaky", "f"),
        node("Gemm", "f fc", "g"),
        node("Relu", "g", "y_relu"),
        node("Softmax", "g", "y_scores"),
    ]
    write("nonfinite_network", nodes, {"x": pictures}, constants, opset=13)

    sequence = normal(5, 3, 4)
    sequence[1, 2, 0], sequence[2, 0, 3], sequence[3, 1] = INF, -INF, 1e30
    constants = {"first": np.array([0, -1])}
    nodes = [node("Transpose", "x", "t", perm=[1, 0, 2])]
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        constants |= {f"{op}w": normal(1, 3 * gates, 4), f"{op}r": normal(1, 3 * gates, 3), f"{op}b": normal(1, 6 * gates)}
        nodes.append(node(op, f"t {op}w {op}r {op}b", f"{op} {op}_h", hidden_size=3))
        nodes.append(node("Transpose", f"{op}_h", f"y_{op}", perm=[1, 0, 2]))
    write("nonfinite_recurrent", nodes, {"x": sequence}, constants, opset=14)


if __name__ == "__main__":
    onnxruntime.set_default_logger_severity(4)
    main()
