"""Single operators with the attributes and types that are easily got wrong, and the right answers.

    pip install onnx onnxruntime==1.32.0 numpy
    python tests/standard/make.py

Makes `NAME.onnx` and `NAME.json` beside this script; the files come out the same, byte for byte. The answers are those of
ONNX Runtime, or of onnx.reference where ONNX Runtime lacks the operator or the type; `source` says whose they are.
`tests/it/node_tests.rs` runs them all.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).resolve().parent
F32, F64, F16 = np.float32, np.float64, np.float16
CASES: dict[str, tuple] = {}


def rng(name: str) -> np.random.Generator:
    """Numbers that only depend on the case's name."""
    return np.random.default_rng(list(name.encode()))


def case(
    name: str, op: str, inputs: list, n_outputs: int = 1, opset: int = 21, known: tuple = (), domain: str = "", **attributes
) -> None:
    """Enter a case; `known` are the inputs that are stored in the model."""
    CASES[name] = (op, inputs, n_outputs, opset, known, domain, attributes)


def f(name: str, *shape: int, low: float = -3, high: float = 3, dtype: type = F32) -> np.ndarray:
    """Uniform numbers."""
    return rng(name).uniform(low, high, size=shape).astype(dtype)


def i64(*values: int) -> np.ndarray:
    """A list of integers."""
    return np.array(values, dtype=np.int64)


def element(value: object) -> object:
    """As JSON can hold it."""
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def stored(name: str, array: np.ndarray) -> dict:
    """A tensor; float16 as its bits."""
    flat = array.ravel().view(np.uint16) if array.dtype == F16 else array.ravel()
    dtype = "string" if array.dtype.kind in "OU" else array.dtype.name
    return {"name": name, "dtype": dtype, "shape": list(array.shape), "data": [element(v) for v in flat.tolist()]}


def kind(array: np.ndarray) -> int:
    """ONNX's number for the element type."""
    return TensorProto.STRING if array.dtype.kind in "OU" else helper.np_dtype_to_tensor_dtype(array.dtype)


def write(name: str) -> None:
    """One case's files."""
    op, arrays, n_outputs, opset, known, domain, attributes = CASES[name]
    given = {f"x{idx}": np.asarray(array) for idx, array in enumerate(arrays) if array is not None}
    names = [f"x{idx}" if array is not None else "" for idx, array in enumerate(arrays)]
    outputs = [f"y{idx}" for idx in range(n_outputs)]
    node = helper.make_node(op, names, outputs, name=name, domain=domain, **attributes)
    constants = {f"x{idx}" for idx in known}
    feed = {key: array for key, array in given.items() if key not in constants}
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(key, kind(array), array.shape) for key, array in feed.items()],
        [ValueInfoProto(name=output) for output in outputs],
        [numpy_helper.from_array(given[key], key) for key in sorted(constants & set(given))],
    )
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        answers, source = session.run(None, feed), f"onnxruntime {onnxruntime.__version__}"
    except Exception as error:  # noqa: BLE001
        if "NOT_IMPLEMENTED" not in str(error) and "No Op registered" not in str(error):
            raise
        answers, source = ReferenceEvaluator(model).run(None, feed), f"onnx.reference {onnx.__version__}"
    answers = [np.asarray(answer) for answer in answers]
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(key, kind(array), array.shape) for key, array in zip(outputs, answers)
    )
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    content = {
        "operator": op,
        "source": source,
        "rtol": 1e-2 if any(a.dtype == F16 for a in answers) else 1e-3,
        "atol": 1e-2 if any(a.dtype == F16 for a in answers) else 1e-4,
        "sets": [
            {
                "inputs": [stored(key, array) for key, array in feed.items()],
                "outputs": [stored(key, array) for key, array in zip(outputs, answers)],
            }
        ],
    }
    (HERE / f"{name}.json").write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")


def weights(op: str, directions: int = 1, hidden: int = 3, width: int = 2) -> list[np.ndarray]:
    """Input weights, recurrence weights and biases of a recurrent layer."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    return [
        f(op, directions, gates * hidden, width, low=-1, high=1),
        f(op + "r", directions, gates * hidden, hidden, low=-1, high=1),
        f(op + "b", directions, 2 * gates * hidden, low=-1, high=1),
    ]


STEPS = f("steps", 5, 2, 2, low=-1, high=1)
UNEVEN = np.array([5, 3], dtype=np.int32)
for _op, _n in (("LSTM", 3), ("GRU", 2), ("RNN", 2)):
    _low = _op.lower()
    case(f"{_low}_clip", _op, [STEPS, *weights(_op)], _n, 14, (1, 2, 3), hidden_size=3, clip=0.3)
    case(f"{_low}_reverse_uneven", _op, [STEPS, *weights(_op), UNEVEN], _n, 14, (1, 2, 3), hidden_size=3, direction="reverse")
    case(
        f"{_low}_both_ways_uneven", _op, [STEPS, *weights(_op, 2), UNEVEN], _n, 14, (1, 2, 3), hidden_size=3, direction="bidirectional"
    )
case("lstm_coupled", "LSTM", [STEPS, *weights("LSTM")], 3, 14, (1, 2, 3), hidden_size=3, input_forget=1)
case(
    "lstm_peepholes",
    "LSTM",
    [STEPS, *weights("LSTM"), None, f("h", 1, 2, 3), f("c", 1, 2, 3), f("p", 1, 9)],
    3,
    14,
    (1, 2, 3, 7),
    hidden_size=3,
)
case(
    "lstm_activations",
    "LSTM",
    [STEPS, *weights("LSTM")],
    3,
    14,
    (1, 2, 3),
    hidden_size=3,
    activations=["HardSigmoid", "Relu", "Softsign"],
    activation_alpha=[0.3],
    activation_beta=[0.4],
)
case("gru_linear_before_reset", "GRU", [STEPS, *weights("GRU")], 2, 14, (1, 2, 3), hidden_size=3, linear_before_reset=1)
case("rnn_elu", "RNN", [STEPS, *weights("RNN")], 2, 14, (1, 2, 3), hidden_size=3, activations=["Elu"], activation_alpha=[0.7])

case("bit_shift_out_of_width", "BitShift", [np.array([255, 1, 7], np.uint8), np.array([8, 200, 1], np.uint8)], direction="LEFT")
case("mod_signs", "Mod", [np.array([-7, 7, -7, 7], np.int32), np.array([3, -3, -3, 3], np.int32)])
case("mod_fmod", "Mod", [f("m", 6), f("n", 6)], fmod=1)
case("pow_integers", "Pow", [np.array([2, 3, -2, 7], np.int32), np.array([3, 4, 5, 2], np.int32)])
case("max_nan", "Max", [np.array([1, np.nan, 3], F32), np.array([2, 2, np.nan], F32)])
case("min_three", "Min", [f("a", 2, 3), f("b", 3), f("c", 1)])

case("reduce_sum_large_integers", "ReduceSum", [i64(2**40, 3, -(2**41)), i64(0)], known=(1,))
case("reduce_mean_integers", "ReduceMean", [np.array([[7, 8, -4]], np.int32), i64(1)], known=(1,))
case("reduce_log_sum_exp_large", "ReduceLogSumExp", [np.array([[200, 201, -300]], F32), i64(1)], known=(1,))
case("reduce_max_infinite", "ReduceMax", [np.array([[-np.inf, -np.inf]], F32), i64(1)], known=(1,))
case("reduce_min_truth", "ReduceMin", [np.array([[True, False], [True, True]]), i64(1)], known=(1,))
case("reduce_no_axes", "ReduceProd", [f("p", 2, 3), i64()], known=(1,), noop_with_empty_axes=1)
case("reduce_l2_double", "ReduceL2", [f("l", 2, 3, dtype=F64), i64(-1)], known=(1,), keepdims=0)
case("arg_max_last", "ArgMax", [np.array([[2, 1, 2], [3, 3, 0]], F32)], axis=1, keepdims=0, select_last_index=1)

case("max_pool_ceil", "MaxPool", [f("mp", 1, 2, 5, 6)], kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1, pads=[1, 0, 0, 1])
case("max_pool_dilated", "MaxPool", [f("md", 1, 1, 7, 7)], kernel_shape=[2, 3], dilations=[2, 2])
case("max_pool_indices", "MaxPool", [f("mi", 1, 2, 4, 4)], 2, kernel_shape=[2, 2], strides=[2, 2], storage_order=1)
case("average_pool_ceil_padded", "AveragePool", [f("ap", 1, 1, 5, 5)], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[1] * 4, count_include_pad=1)
case("average_pool_same_lower", "AveragePool", [f("as", 1, 1, 5, 6)], kernel_shape=[2, 3], strides=[2, 1], auto_pad="SAME_LOWER")
case("lp_pool", "LpPool", [f("lp", 1, 2, 5, 5)], kernel_shape=[2, 2], p=3, strides=[2, 1])
case("max_unpool", "MaxUnpool", [f("mu", 1, 1, 2, 2), i64(0, 3, 10, 15).reshape(1, 1, 2, 2)], kernel_shape=[2, 2], strides=[2, 2])
case("roi_align", "RoiAlign", [f("ra", 1, 2, 6, 6), np.array([[0, 0, 4, 5], [1, 2, 5, 3]], F32), i64(0, 0)], output_height=2, output_width=3, sampling_ratio=2)
case("roi_align_output_half_pixel", "RoiAlign", [f("ro", 1, 1, 6, 6), np.array([[0.5, 0, 4, 5]], F32), i64(0)], output_height=2, output_width=2, coordinate_transformation_mode="output_half_pixel")
case("max_roi_pool", "MaxRoiPool", [f("mr", 1, 2, 6, 6), np.array([[0, 1, 1, 4, 5]], F32)], pooled_shape=[2, 2])

_image = f("image", 1, 1, 4, 5)
for _mode in ("nearest", "linear", "cubic"):
    for _place in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"):
        _scales = [1, 1, 0.5, 2] if _place == "align_corners" else [1, 1, 0.6, 1.7]
        case(f"resize_{_mode}_{_place}", "Resize", [_image, None, np.array(_scales, F32)], opset=18, known=(2,), mode=_mode, coordinate_transformation_mode=_place)
case("resize_antialias", "Resize", [_image, None, None, i64(1, 1, 2, 3)], opset=18, known=(3,), mode="linear", antialias=1)
case("resize_not_larger", "Resize", [_image, None, None, i64(9, 7)], opset=18, known=(3,), mode="linear", axes=[2, 3], keep_aspect_ratio_policy="not_larger")
case("resize_opset_10", "Resize", [_image, np.array([1, 1, 2, 0.5], F32)], opset=10, known=(1,), mode="linear")
case("upsample_opset_9", "Upsample", [_image, np.array([1, 1, 2, 3], F32)], opset=9, known=(1,), mode="nearest")
for _mode in ("linear", "nearest", "cubic"):
    for _padding in ("zeros", "border", "reflection"):
        case(f"grid_sample_{_mode}_{_padding}", "GridSample", [_image, f("grid", 1, 3, 3, 2, low=-1.4, high=1.4)], opset=20, mode=_mode, padding_mode=_padding)
case("affine_grid", "AffineGrid", [f("theta", 1, 2, 3), i64(1, 1, 3, 4)], opset=20, known=(1,), align_corners=1)
case("pad_reflect", "Pad", [f("pr", 3, 4), i64(1, 2, 2, 0)], known=(1,), mode="reflect")
case("pad_wrap", "Pad", [f("pw", 3, 4), i64(1, 2, 2, 0)], known=(1,), mode="wrap")
case("pad_edge_cut", "Pad", [f("pe", 3, 4), i64(-1, 2, 1, -1)], known=(1,), mode="edge")
case("pad_cut", "Pad", [f("pc", 3, 4), i64(-1, 2, 1, -1)], known=(1,))
case("slice_opset_9", "Slice", [f("sl", 3, 4)], opset=9, starts=[-2, 1], ends=[100, -1], axes=[0, 1])
case("one_hot_out_of_range", "OneHot", [i64(0, -1, 5, -7, 2), i64(3), np.array([0, 1], F32)], known=(1, 2))

case("reverse_sequence", "ReverseSequence", [f("rs", 4, 3, 2), i64(4, 1, 2)], time_axis=0, batch_axis=1)
case("center_crop_pad", "CenterCropPad", [f("cc", 5, 2, 3), i64(2, 5)], known=(1,), axes=[0, 1])
case("col2im", "Col2Im", [f("ci", 1, 8, 9), i64(4, 4), i64(2, 2)], known=(1, 2))
case("det", "Det", [f("de", 2, 3, 3)])
case("nll_loss", "NegativeLogLikelihoodLoss", [f("nl", 3, 5, 2), i64(1, 4, 0, 2, 3, 2).reshape(3, 2), f("nw", 5, low=0.1, high=1)], ignore_index=2)
case("cross_entropy", "SoftmaxCrossEntropyLoss", [f("ce", 3, 5), i64(1, 4, 0)], 2, reduction="mean")
case("deform_conv", "DeformConv", [f("dx", 1, 2, 4, 4), f("dw", 2, 2, 2, 2), f("do", 1, 8, 3, 3, low=-0.5, high=0.5)], opset=19)
case("quantize_axis", "QuantizeLinear", [f("qx", 2, 3, high=40), f("qs", 3, low=0.1, high=1), np.array([0, 5, -7], np.int8)], known=(1, 2), axis=1)
case("quantize_blocked", "QuantizeLinear", [f("qb", 2, 4, high=40), f("qc", 2, 2, low=0.1, high=1)], known=(1,), axis=1, block_size=2)
case("dequantize_int32", "DequantizeLinear", [np.array([70000, -5], np.int32), np.array(0.5, F32)], known=(1,))
case("dynamic_quantize", "DynamicQuantizeLinear", [f("dq", 3, 4)], 3)
for _op in ("Round", "Erf", "Gelu", "HardSwish", "Softplus", "Mish"):
    case(f"{_op.lower()}_double", _op, [f(_op, 2, 3, dtype=F64)])

if __name__ == "__main__":
    onnxruntime.set_default_logger_severity(4)
    for each in CASES:
        write(each)
