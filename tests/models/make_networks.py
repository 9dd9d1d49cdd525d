"""The fixtures with loops, branches, sequences and shapes that depend on values, and exports by PyTorch.

Run from anywhere, in an environment outside the repository:

    pip install onnx==1.23.0 onnxruntime==1.32.0 onnxscript torch==2.15.0 torchvision
    python tests/models/make_networks.py [NAME …]

Without names every fixture is made again. The files have the same form as those of `make.py`.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, parser

FOLDER = Path(__file__).parent
RANDOM = np.random.default_rng(0)
ONLY = sys.argv[1:]


def stored(name: str, array: np.ndarray) -> dict:
    """A tensor in the fixtures' form."""

    def plain(value):
        if array.dtype.kind == "f":
            value = float(value)
            if np.isnan(value):
                return None
            return value if np.isfinite(value) else ("inf" if 0 < value else "-inf")
        return value.item() if hasattr(value, "item") else str(value)

    dtype = "string" if array.dtype.kind == "O" else str(array.dtype)
    return {"name": name, "dtype": dtype, "shape": list(array.shape), "data": [plain(v) for v in array.ravel()]}


def save(name: str, model: onnx.ModelProto, *inputs: np.ndarray, answered: bool = True) -> None:
    """Stores the model, the inputs and what ONNX Runtime answers."""
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    document = {"inputs": [], "outputs": None}
    session = None
    if answered:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feeds = dict(zip([one.name for one in session.get_inputs()], inputs, strict=True))
        answers = session.run(None, feeds)
        document["inputs"] = [stored(*one) for one in feeds.items()]
        document["outputs"] = [stored(one.name, np.asarray(a)) for one, a in zip(session.get_outputs(), answers)]
    (FOLDER / f"{name}.json").write_text(json.dumps(document) + "\n")


def floats(*shape: int) -> np.ndarray:
    """Normal numbers, rounded so that they are short in the file."""
    return RANDOM.normal(size=shape).round(3).astype("float32")


def text(name: str, body: str, *inputs: np.ndarray, opset: int = 17, answered: bool = True) -> None:
    """A model written in ONNX's text form."""
    if ONLY and name not in ONLY:
        return
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}, "own": 1]>\n{body}')
    save(name, model, *inputs, answered=answered)


LOOP = """
loop (float[n, 2] x, int64 count) => (float[m, 2] y, float[k] sums) {
    yes = Constant<value_int: int = 1>()
    go = Cast<to: int = 9>(yes)
    y, sums = Loop(count, go, x) <body = round (int64 i, bool before, float[a, 2] old) => (bool after, float[b, 2] new, float s) {
        number = Cast<to: int = 1>(i)
        scaled = Mul(x, number)
        new = Concat<axis: int = 0>(old, scaled)
        s = ReduceSum<keepdims: int = 0>(new)
        after = Identity(before)
    }>
}"""
text("loop_grows", LOOP, floats(2, 2), np.array(3))
text("loop_without_a_round", LOOP, floats(2, 2), np.array(0))

text(
    "loop_while",
    """
loop (float[n, 3] x) => (float[n, 3] y, int64[1] rounds) {
    most = Constant<value_float: float = 1.0>()
    none = Constant<value_ints: ints = [0]>()
    one = Constant<value_ints: ints = [1]>()
    first = ReduceMax<keepdims: int = 0>(x)
    go = Greater(first, most)
    y, rounds = Loop(, go, x, none) <body = round (int64 i, bool before, float[n, 3] old, int64[1] count) => (bool after, float[n, 3] new, int64[1] more) {
        half = Constant<value_float: float = 0.5>()
        new = Mul(old, half)
        more = Add(count, one)
        largest = ReduceMax<keepdims: int = 0>(new)
        after = Greater(largest, most)
    }>
}""",
    np.array([[9, 1, -3], [0.5, 30, 2]], dtype="float32"),
)

text(
    "loop_in_loop",
    """
loop (float[n, 2] x, int64 count) => (float[n, 2] y, float[c, k, n, 2] all) {
    y, all = Loop(count, , x) <body = outer (int64 i, bool before, float[n, 2] old) => (bool after, float[n, 2] new, float[k, n, 2] inner_all) {
        two = Constant<value_int: int = 2>()
        new, inner_all = Loop(two, , old) <body = inner (int64 j, bool inner_before, float[n, 2] inner_old) => (bool inner_after, float[n, 2] inner_new, float[n, 2] copy) {
            both = Add(i, j)
            number = Cast<to: int = 1>(both)
            shifted = Add(inner_old, number)
            is_even = Mod(both, two)
            odd = Cast<to: int = 9>(is_even)
            inner_new = If(odd) <then_branch = odd_branch () => (float[n, 2] a) { a = Mul(shifted, x) },
                                 else_branch = even_branch () => (float[n, 2] b) { b = Sub(shifted, old) }>
            copy = Identity(inner_new)
            inner_after = Identity(inner_before)
        }>
        after = Identity(before)
    }>
}""",
    floats(3, 2),
    np.array(3),
)

BRANCHES = """
branches (float[n, 4] x) => (y) {
    total = ReduceSum<keepdims: int = 0>(x)
    zero = Constant<value_float: float = 0.0>()
    up = Greater(total, zero)
    y = If(up) <then_branch = narrow () => (a) { a = ReduceMean<axes: ints = [1], keepdims: int = 1>(x) },
                else_branch = wide () => (b) { b = Concat<axis: int = 1>(x, x) }>
}"""
text("branches_of_other_shapes_up", BRANCHES, np.abs(floats(3, 4)))
text("branches_of_other_shapes_down", BRANCHES, -np.abs(floats(3, 4)))

text(
    "scan_axes",
    """
scan (float[2, 4, n] x, float[n] start) => (float[n] last, float[2, 4, n] sums, float[2, n, 4] backwards) {
    zero = Constant<value_ints: ints = [0]>()
    two = Constant<value_ints: ints = [2]>()
    length = Shape(start)
    shape = Concat<axis: int = 0>(two, length)
    begin = Expand(start, shape)
    last2, sums, backwards = Scan<num_scan_inputs: int = 2, scan_input_axes: ints = [1, 1], scan_input_directions: ints = [0, 1],
                                 scan_output_axes: ints = [1, -1], scan_output_directions: ints = [0, 1],
        body: graph = step (float[2, n] old, float[2, n] forth, float[2, n] back) => (float[2, n] new, float[2, n] copy, float[2, n] product) {
            new = Add(old, forth)
            copy = Identity(new)
            product = Mul(new, back)
        }>(begin, x, x)
    last = ReduceSum<keepdims: int = 0>(last2, zero)
}""",
    floats(2, 4, 3),
    floats(3),
)

text(
    "sequences",
    """
sequences (float[n, 2] x, float[m, 2] y, int64 at) => (float[k, 2] joined, int64 length, float[p, 2] one, float[q, r, 2] stacked) {
    minus = Constant<value_int: int = -1>()
    first = SequenceConstruct(x, y, x)
    more = SequenceInsert(first, y, at)
    fewer = SequenceErase(more, minus)
    length = SequenceLength(fewer)
    one = SequenceAt(fewer, at)
    joined = ConcatFromSequence<axis: int = 0>(fewer)
    same = SequenceConstruct(x, x)
    stacked = ConcatFromSequence<axis: int = 0, new_axis: int = 1>(same)
}""",
    floats(2, 2),
    floats(3, 2),
    np.array(1),
)

text(
    "sequence_splits",
    """
splits (float[3, n] x) => (float[a, b] uneven, float[3] single, float[3, c] sized, int64 count) {
    two = Constant<value_int: int = 2>()
    sizes = Constant<value_ints: ints = [1, 3, 1]>()
    one = Constant<value_int: int = 1>()
    last = Constant<value_int: int = -1>()
    parts = SplitToSequence<axis: int = 1>(x, two)
    uneven = SequenceAt(parts, last)
    columns = SplitToSequence<axis: int = 1, keepdims: int = 0>(x)
    single = SequenceAt(columns, one)
    count = SequenceLength(columns)
    chosen = SplitToSequence<axis: int = -1>(x, sizes)
    sized = SequenceAt(chosen, one)
}""",
    floats(3, 5),
)

text(
    "sequence_in_loop",
    """
collect (float[n, 2] x, int64 count) => (float[m, 2] y) {
    none = SequenceEmpty()
    all = Loop(count, , none) <body = round (int64 i, bool before, seq(float[n, 2]) old) => (bool after, seq(float[n, 2]) new) {
        number = Cast<to: int = 1>(i)
        shifted = Add(x, number)
        new = SequenceInsert(old, shifted)
        after = Identity(before)
    }>
    y = ConcatFromSequence<axis: int = 0>(all)
}""",
    floats(2, 2),
    np.array(3),
)

text(
    "sequence_map",
    """
mapped (float[n, 4] x, float[1] y) => (float[n, 4] z) {
    parts = SplitToSequence<axis: int = 1>(x)
    all = SequenceMap(parts, y) <body = each (float[n, 1] part, float[1] other) => (float[n, 1] result) { result = Mul(part, other) }>
    z = ConcatFromSequence<axis: int = 1>(all)
}""",
    floats(3, 4),
    floats(1),
)

text(
    "optional",
    """
optional (float[n, 2] x, bool some) => (float[n, 2] y, bool has, bool has_not) {
    maybe = If(some) <then_branch = given () => (optional(float[n, 2]) a) { a = Optional(x) },
                      else_branch = missing () => (optional(float[n, 2]) b) { b = Optional<type: type_proto = float[n, 2]>() }>
    has = OptionalHasElement(maybe)
    has_not = Not(has)
    y = If(has) <then_branch = taken () => (float[n, 2] c) { c = OptionalGetElement(maybe) },
                 else_branch = other () => (float[n, 2] d) { d = Neg(x) }>
}""",
    floats(2, 2),
    np.array(True),
)

text(
    "rows_chosen_by_value",
    """
chosen (float[n, 3] x) => (float[k, 3] rows, int64[2, m] places, float[3] total, float[p, 3] with_all) {
    zero = Constant<value_float: float = 0.0>()
    axis = Constant<value_ints: ints = [1]>()
    first = Constant<value_ints: ints = [0]>()
    sums = ReduceSum<keepdims: int = 0>(x, axis)
    keep = Greater(sums, zero)
    rows = Compress<axis: int = 0>(x, keep)
    positive = Greater(x, zero)
    places = NonZero(positive)
    total = ReduceSum<keepdims: int = 0>(rows, first)
    with_all = Concat<axis: int = 0>(rows, x)
}""",
    floats(5, 3),
)
text(
    "rows_chosen_by_value_none",
    """
chosen (float[n, 3] x) => (float[k, 3] rows, float[3] total, float[p, 3] with_all, float[k, 3] twice) {
    zero = Constant<value_float: float = 0.0>()
    axis = Constant<value_ints: ints = [1]>()
    first = Constant<value_ints: ints = [0]>()
    sums = ReduceSum<keepdims: int = 0>(x, axis)
    keep = Greater(sums, zero)
    rows = Compress<axis: int = 0>(x, keep)
    total = ReduceSum<keepdims: int = 0>(rows, first)
    with_all = Concat<axis: int = 0>(rows, x)
    twice = Add(rows, rows)
}""",
    -np.abs(floats(5, 3)),
)

text(
    "shapes_by_value",
    """
shaped (float[n, 4] x, int64[2] shape, int64[1] start, int64 limit, float[2] scales) => (float[a, b] reshaped, float[n, c] cut, int64[d] counted, float[e, f] padded, float[1, 1, g, h] resized, float[n, i] best) {
    reshaped = Reshape(x, shape)
    many = Constant<value_ints: ints = [99]>()
    axis = Constant<value_ints: ints = [1]>()
    cut = Slice(x, start, many, axis)
    zero = Constant<value_int: int = 0>()
    two = Constant<value_int: int = 2>()
    counted = Range(zero, limit, two)
    pads = Concat<axis: int = 0>(start, shape, start)
    padded = Pad(x, pads)
    front = Constant<value_ints: ints = [0, 1]>()
    picture = Unsqueeze(x, front)
    ones = Constant<value_floats: floats = [1.0, 1.0]>()
    all_scales = Concat<axis: int = 0>(ones, scales)
    resized = Resize<mode: string = "linear">(picture, , all_scales)
    best, where = TopK(x, start)
}""",
    floats(3, 4),
    np.array([2, 6]),
    np.array([2]),
    np.array(7),
    np.array([2, 1.5], dtype="float32"),
)


def functions() -> onnx.ModelProto:
    """A function that calls another, with attributes by reference, given, by default and left out."""
    own = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]

    def refer(node: onnx.NodeProto, name: str, to: str, kind: int) -> onnx.NodeProto:
        node.attribute.append(onnx.AttributeProto(name=name, ref_attr_name=to, type=kind))
        return node

    kind = onnx.AttributeProto.FLOAT
    leaky = helper.make_function(
        "own",
        "Leaky",
        ["x"],
        ["y"],
        [
            refer(helper.make_node("LeakyRelu", ["x"], ["inner"], name="leaky"), "alpha", "slope", kind),
            refer(helper.make_node("Elu", ["inner"], ["y"], name="elu"), "alpha", "steepness", kind),
        ],
        own,
        attributes=["steepness"],
        attribute_protos=[helper.make_attribute("slope", 0.25)],
    )
    condition = helper.make_node(
        "If",
        ["up"],
        ["y"],
        then_branch=helper.make_graph(
            [helper.make_node("Leaky", ["inner"], ["inner_y"], domain="own", slope=0.5)],
            "then",
            [],
            [helper.make_tensor_value_info("inner_y", TensorProto.FLOAT, None)],
        ),
        else_branch=helper.make_graph(
            [refer(helper.make_node("Leaky", ["inner"], ["inner_z"], domain="own"), "steepness", "outer", kind)],
            "else",
            [],
            [helper.make_tensor_value_info("inner_z", TensorProto.FLOAT, None)],
        ),
    )
    twice = helper.make_function(
        "own",
        "Twice",
        ["x", "unused"],
        ["y", "inner"],
        [
            helper.make_node("Add", ["x", "x"], ["inner"], name="add"),
            helper.make_node("ReduceSum", ["inner"], ["sum"], keepdims=0),
            helper.make_node("Constant", [], ["zero"], value_float=0.0),
            helper.make_node("Greater", ["sum", "zero"], ["up"]),
            condition,
        ],
        own,
        attributes=["outer"],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Twice", ["x"], ["a", "inner"], domain="own", outer=2.0),
            helper.make_node("Twice", ["inner"], ["b", "rest_b"], domain="own", outer=0.5),
            helper.make_node("Neg", ["x"], ["minus"]),
            helper.make_node("Twice", ["minus"], ["c", "rest_c"], domain="own", outer=0.5),
        ],
        "functions",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "abc"],
    )
    return helper.make_model(graph, functions=[leaky, twice], opset_imports=own, ir_version=10)


if not ONLY or "functions" in ONLY:
    save("functions", functions(), floats(4, 3))

text(
    "function_calls_itself",
    """
calls (float[n, 2] x) => (float[n, 2] y) { y = own.Endless(x) }
<domain: "own", opset_import: ["": 17, "own": 1]>
Endless (x) => (y) { z = Neg(x) y = own.Endless(z) }""",
    answered=False,
)
text("sequence_output", "out (float[n, 2] x) => (seq(float[n, 2]) y) { y = SequenceConstruct(x, x) }", answered=False)
text("sequence_input", "taken (seq(float[n, 2]) x) => (int64 y) { y = SequenceLength(x) }", answered=False)
text(
    "optional_output",
    "out (float[n, 2] x) => (optional(float[n, 2]) y) { y = Optional(x) }",
    answered=False,
)


def exports() -> None:
    """Networks exported by PyTorch."""
    import torch
    import torchvision
    from torch import nn
    from torch.nn import functional

    torch.manual_seed(0)

    class Collect(nn.Module):
        def forward(self, x):
            states = []
            state = torch.zeros_like(x[0])
            for i in range(x.size(0)):
                state = torch.tanh(x[i] + state)
                if bool(state.sum() > 0):
                    state = state * 0.5
                states.append(state)
            return torch.stack(states), state

    class Masked(nn.Module):
        def forward(self, x):
            return (x[x.sum(1) > 0] * 2).sum(0), torch.masked_select(x, x > 0)

    class Boxes(nn.Module):
        def forward(self, boxes, scores):
            kept = torchvision.ops.nms(boxes, scores, 0.1)
            return boxes[kept], scores[kept]

    class Picture(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up, self.last = nn.Conv2d(1, 3, 3, padding=1), nn.ConvTranspose2d(3, 2, 2, 2), nn.Conv2d(3, 1, 1)

        def forward(self, x):
            inner = self.up(functional.max_pool2d(functional.relu(self.down(x)), 2))
            joined = torch.cat([x, inner], 1)
            return functional.interpolate(self.last(joined), scale_factor=2, mode="bilinear", align_corners=False)

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 4, 1, batch_first=True, bidirectional=True)

        def forward(self, x):
            return self.layer(x)[0]

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)

        def forward(self, x, padding):
            return self.layer(x, src_key_padding_mask=padding)

    def export(name, module, inputs, axes, opset, dynamo=False, script=False):
        if ONLY and name not in ONLY:
            return
        module.eval()
        tensors = tuple(torch.from_numpy(one) for one in inputs)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            if dynamo:
                torch.onnx.export(module, tensors, path, dynamo=True, opset_version=opset, external_data=False, dynamic_shapes=axes)
            else:
                names = [f"in{idx}" for idx in range(len(tensors))]
                module = torch.jit.script(module) if script else module
                torch.onnx.export(module, tensors, path, dynamo=False, opset_version=opset, input_names=names, dynamic_axes=axes)
            model = onnx.load(path)
        for node in model.graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
        del model.graph.value_info[:]
        save(name, model, *inputs)

    free = torch.export.Dim.DYNAMIC
    boxes = RANDOM.uniform(0, 10, size=(9, 2)).round(2).astype("float32")
    boxes = np.concatenate([boxes, boxes + RANDOM.uniform(1, 6, size=(9, 2)).round(2).astype("float32")], 1)
    scores = RANDOM.uniform(size=9).round(3).astype("float32")
    export("torch_scripted_loop", Collect(), [floats(5, 2, 3)], {"in0": {0: "time", 1: "batch"}}, 17, script=True)
    export("torch_scripted_loop_11", Collect(), [floats(5, 2, 3)], {"in0": {0: "time", 1: "batch"}}, 11, script=True)
    export("torch_masked", Masked(), [floats(6, 4)], {"in0": {0: "n"}}, 17)
    export("torch_boxes", Boxes(), [boxes, scores], {"in0": {0: "n"}, "in1": {0: "n"}}, 17)
    export("torch_picture", Picture(), [floats(2, 1, 6, 8)], {"in0": {0: "n", 2: "h", 3: "w"}}, 17)
    export("torch_picture_dynamo", Picture(), [floats(2, 1, 6, 8)], ({0: free},), 20, dynamo=True)
    export("torch_gru", Recurrent(), [floats(2, 5, 3)], {"in0": {0: "n", 1: "time"}}, 13)
    export("torch_gru_dynamo", Recurrent(), [floats(2, 5, 3)], ({0: free},), 18, dynamo=True)
    padding = np.array([[False] * 4, [False, False, True, True]])
    export("torch_encoder_dynamo", Encoder(), [floats(2, 4, 8), padding], ({0: free}, {0: free}), 18, dynamo=True)


exports()
