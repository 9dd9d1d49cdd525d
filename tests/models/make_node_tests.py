"""ONNX's own operator tests, in the form that `tests/it/node_tests.rs` reads.

    pip install onnx==1.16.2            # the last release whose tests stop at opset 21; a newer one works too
    python tests/models/make_node_tests.py /tmp/node_tests
    TRESTLE_NODE_TESTS=/tmp/node_tests cargo test --no-default-features --features headless --test it -- node_tests --nocapture

The tests come out of the package `onnx` and are not stored here. Each one becomes a folder with `model.onnx` and
`case.json`: the operator it is about, its tolerances, and its `sets` of inputs and outputs, each a list of
{name, dtype, shape, data} as beside the stored models; float16 is stored as its bits.

Left out are models newer than opset 21, and models that take or give what no tensor here can hold: bfloat16, float8,
int4, complex numbers, sequences, optionals and maps. `left_out.json` counts them by reason.
"""

import collections
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, ValueInfoProto, numpy_helper

NEWEST_OPSET = 21
TYPES = {
    TensorProto.FLOAT,
    TensorProto.UINT8,
    TensorProto.INT8,
    TensorProto.UINT16,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.STRING,
    TensorProto.BOOL,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.UINT32,
    TensorProto.UINT64,
}


def element(value: object) -> object:
    """As JSON can hold it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        if np.isnan(value):
            return None
        if np.isinf(value):
            return "inf" if value > 0 else "-inf"
    return value


def stored(name: str, array: np.ndarray) -> dict:
    """One tensor of a case."""
    array = numpy_helper.to_array(array) if isinstance(array, TensorProto) else np.asarray(array)
    dtype = "string" if array.dtype.kind in "OUS" else array.dtype.name
    flat = array.ravel()
    if dtype == "float16":
        flat = flat.view(np.uint16)
    values = [str(v) if dtype == "string" and not isinstance(v, bytes) else element(v) for v in flat.tolist()]
    return {"name": name, "dtype": dtype, "shape": list(array.shape), "data": values}


def why_left_out(model: onnx.ModelProto) -> str:
    """Empty when the model counts."""
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset > NEWEST_OPSET:
        return f"newer than opset {NEWEST_OPSET}"
    values: list[ValueInfoProto] = [*model.graph.input, *model.graph.output]
    for value in values:
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            return f"takes or gives a {kind.removesuffix('_type')}"
        if value.type.tensor_type.elem_type not in TYPES:
            return f"takes or gives {TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()}"
    return ""


def operator(model: onnx.ModelProto) -> str:
    """What a test is about: the one operator that only serves it."""
    names = [node.op_type for node in model.graph.node if node.op_type not in ("Constant", "Identity")]
    return collections.Counter(names or ["Constant" if model.graph.node[0].op_type == "Constant" else "Identity"]).most_common(1)[0][0]


def write(folder: Path, model: onnx.ModelProto, case: dict) -> None:
    """One test's folder."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (folder / "case.json").write_text(json.dumps(case))


def main(target: Path) -> None:
    """Write every test that counts."""
    from onnx.backend.test.case.node import collect_testcases

    warnings.filterwarnings("ignore")
    cases = {case.name: case for case in collect_testcases(None)}
    left_out: collections.Counter[str] = collections.Counter()
    shutil.rmtree(target, ignore_errors=True)
    for name, case in sorted(cases.items()):
        reason = why_left_out(case.model)
        if reason:
            left_out[reason] += 1
            continue
        base = cases.get(name.split("_expanded")[0], case)
        inputs = [value.name for value in case.model.graph.input]
        outputs = [value.name for value in case.model.graph.output]
        sets = [
            {
                "inputs": [stored(*pair) for pair in zip(inputs, given)],
                "outputs": [stored(*pair) for pair in zip(outputs, expected)],
            }
            for given, expected in case.data_sets
        ]
        about = operator(base.model)
        write(target / name, case.model, {"operator": about, "rtol": case.rtol, "atol": case.atol, "sets": sets})
    (target / "left_out.json").write_text(json.dumps(left_out, indent=1))
    print(f"{sum(1 for _ in target.glob('*/case.json'))} tests; left out: {dict(left_out)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
