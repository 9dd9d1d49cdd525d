#!/usr/bin/env python3
"""Triton's own Python client against a running server, with the client's default arguments.

    pip install 'tritonclient[http]' numpy
    trestle serve projects/churn --version all &
    tests/clients/triton.py 127.0.0.1:8080 churn

Inputs are made from the metadata: zeros and empty texts, several rows. Every form of asking must give the same answer.
"""
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

address, model = sys.argv[1], sys.argv[2]
client = http.InferenceServerClient(address)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
server = client.get_server_metadata()
metadata = client.get_model_metadata(model)
config = client.get_model_config(model)
index = client.get_model_repository_index()
print(server["name"], server["version"], server["extensions"], [f"{m['name']} {m['version']} {m['state']}" for m in index])
assert config["name"] == model and 0 < config["max_batch_size"]

N_ROWS = 3


def made(binary):
    inputs = []
    for spec in metadata["inputs"]:
        shape = [N_ROWS if n < 0 else n for n in spec["shape"]]
        if spec["datatype"] == "BYTES":
            data = np.full(shape, b"Contract", dtype=np.object_)
        else:
            data = np.arange(np.prod(shape)).reshape(shape).astype(triton_to_np_dtype(spec["datatype"]))
        tensor = http.InferInput(spec["name"], shape, spec["datatype"])
        tensor.set_data_from_numpy(data, **({} if binary is None else {"binary_data": binary}))
        inputs.append(tensor)
    return inputs


names = [spec["name"] for spec in metadata["outputs"]]


def answers(result):
    return [result.as_numpy(name) for name in names]


def same(what, result):
    for name, expected, got in zip(names, reference, answers(result)):
        assert got is not None and got.shape == expected.shape and got.dtype == expected.dtype, (what, name, got)
        assert (got == expected).all() or np.allclose(got, expected, equal_nan=True), (what, name, got, expected)
    print("same:", what)


first = client.infer(model, made(None))
reference = answers(first)
assert all(answer is not None and len(answer) == N_ROWS for answer in reference), reference
print("default arguments:", dict(zip(names, reference)))
same("JSON both ways", client.infer(model, made(False), outputs=[http.InferRequestedOutput(n, binary_data=False) for n in names]))
same("JSON in, binary out", client.infer(model, made(False)))
same("binary in, JSON out", client.infer(model, made(True), outputs=[http.InferRequestedOutput(n, binary_data=False) for n in names]))
same("mixed", client.infer(model, [made(True)[0], *made(False)[1:]], outputs=[http.InferRequestedOutput(n, binary_data=i % 2 == 0) for i, n in enumerate(names)]))
for how in ("gzip", "deflate"):
    same(how, client.infer(model, made(None), request_compression_algorithm=how, response_compression_algorithm=how))
with_id = client.infer(model, made(None), request_id="seven")
assert with_id.get_response()["id"] == "seven"
same("asynchronously", client.async_infer(model, made(None)).get_result())
one = client.infer(model, made(None), outputs=[http.InferRequestedOutput(names[-1])])
assert [o["name"] for o in one.get_response()["outputs"]] == [names[-1]]
for version in metadata["versions"]:
    assert client.infer(model, made(None), model_version=version).get_response()["model_version"] == version
    assert client.is_model_ready(model, version)
stats = client.get_inference_statistics(model)["model_stats"]
assert 0 < stats[0]["inference_stats"]["success"]["count"], stats
assert client.get_inference_statistics()["model_stats"] and client.get_inference_statistics(model, metadata["versions"][0])

for what, ask in {
    "unknown model": lambda: client.infer("nobody", made(None)),
    "classification": lambda: client.infer(model, made(None), outputs=[http.InferRequestedOutput(names[0], class_count=1)]),
    "missing input": lambda: client.infer(model, made(None)[:-1]),
    "loading": lambda: client.load_model(model),
}.items():
    try:
        ask()
    except InferenceServerException as error:
        print("refused:", what, "→", error.status(), error.message()[:100])
    else:
        raise AssertionError(f"{what} was not refused")
print("all well:", stats[0]["inference_stats"]["success"]["count"], "requests")
