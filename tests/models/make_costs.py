"""Counts what the nodes of the stored models cost, for the tests of profiles: writes costs.json.

Needs `pip install onnx`. Parameters are the elements of initialisers and of the float attributes of `ai.onnx.ml` nodes.
Products and convolutions are counted by the shapes that ONNX infers, a multiply-add as two operations:
`2*M*N*K`, one addition for each element of the output where there is a bias, and one multiplication for each element
of the first factor where there is an alpha.
"""

import json
import math
import pathlib

import onnx
from onnx import shape_inference

HERE = pathlib.Path(__file__).parent
BATCHES = (1, 7)


def lengths(value):
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]


def shapes_of(model, batch):
    """Shapes of all values, the free first axis of each input set to the batch."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    stored = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in stored and dims and not dims[0].dim_value:
            dims[0].dim_value = batch
    for value in list(model.graph.output) + list(model.graph.value_info):
        value.type.ClearField("value")
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.Clear()
    inferred = shape_inference.infer_shapes(model)
    shapes = {value.name: lengths(value) for value in list(inferred.graph.value_info) + list(inferred.graph.input)}
    shapes |= {value.name: lengths(value) for value in inferred.graph.output}
    shapes |= {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    return shapes


def flops(node, shapes):
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    given = [shapes.get(name) for name in node.input]
    if node.op_type == "Gemm":
        m, k = given[0][::-1] if attributes.get("transA") else given[0]
        n = given[1][0] if attributes.get("transB") else given[1][1]
        # tract scales the first factor.
        scaled = m * k if attributes.get("alpha", 1.0) != 1.0 else 0
        return 2 * m * n * k + scaled + (m * n if len(given) == 3 else 0)
    if node.op_type == "MatMul":
        *batch, m, k = given[0]
        return 2 * math.prod(batch) * m * k * given[1][-1]
    if node.op_type == "Conv":
        out = shapes[node.output[0]]
        products = 2 * math.prod(out) * math.prod(given[1][1:])
        return products + (math.prod(out) if len(given) == 3 else 0)
    return None


def parameters(graph):
    count = sum(math.prod(tensor.dims) for tensor in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if node.domain == "ai.onnx.ml" and not attribute.name.startswith("nodes_hitrates"):
                count += len(attribute.floats) + (math.prod(attribute.t.dims) if attribute.HasField("t") else 0)
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                count += parameters(inner)
    return count


def cost(path):
    model = onnx.load(path)
    result = {"parameters": parameters(model.graph), "nodes": len(model.graph.node), "flops": {}}
    for batch in BATCHES:
        try:
            shapes = shapes_of(model, batch)
            sums = {}
            for node in model.graph.node:
                count = flops(node, shapes)
                if count is not None:
                    sums[node.op_type] = sums.get(node.op_type, 0) + count
        except (TypeError, ValueError, KeyError, IndexError):
            continue
        if sums:
            result["flops"][str(batch)] = sums
    return result


def main():
    costs = {path.stem: cost(path) for path in sorted(HERE.glob("*.onnx"))}
    lines = [f"  {json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in costs.items()]
    (HERE / "costs.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
