#!/usr/bin/env python3
"""Sets the engine beside ONNX Runtime, in turns in one run, and prints a table of the best times.

engine.py BENCH FOLDER [--rounds 5] [--millis 300] [--threads 1] [MODEL ...]
BENCH is what `cargo bench --no-default-features --features headless --bench engine --no-run` names; FOLDER is what make_models.py filled.
ONNX Runtime is called through Python's `run`, which takes about 4 us a call. Pin it to a core with `taskset`."""

import argparse
import json
import math
import pathlib
import subprocess
import time

import numpy as np
import onnxruntime as ort

parser = argparse.ArgumentParser()
parser.add_argument("bench")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("models", nargs="*")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--millis", type=int, default=300)
parser.add_argument("--threads", type=int, default=1)
given = parser.parse_args()

options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = given.threads, 1, 3
ours = subprocess.Popen([given.bench, f"--threads={given.threads}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_ours(path, batch):
    print(path, batch, given.millis, file=ours.stdin, flush=True)
    return json.loads(ours.stdout.readline())


def run_theirs(session, feed):
    for _ in range(3):
        session.run(None, feed)
    taken, end = [], time.perf_counter() + given.millis / 1e3
    while time.perf_counter() < end or len(taken) < 3:
        start = time.perf_counter()
        session.run(None, feed)
        taken.append((time.perf_counter() - start) * 1e6)
    return {"median_us": sorted(taken)[len(taken) // 2], "min_us": min(taken)}


ratios = {}
print(f"{'model':20} {'batch':>5} {'ours us':>10} {'ort us':>10} {'best':>6} {'median':>6}")
for path in sorted(given.folder.glob("*.onnx")):
    if given.models and path.stem not in given.models:
        continue
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for inputs in sorted(given.folder.glob(f"{path.stem}.b*.npz"), key=lambda p: int(p.suffixes[-2][2:])):
        batch = int(inputs.suffixes[-2][2:])
        feed = dict(np.load(inputs))
        rounds = [(run_ours(path, batch), run_theirs(session, feed)) for _ in range(given.rounds)]
        best = [min(side["min_us"] for side in sides) for sides in zip(*rounds)]
        ratio = best[0] / best[1]
        median = sorted(o["median_us"] / t["median_us"] for o, t in rounds)[given.rounds // 2]
        ratios.setdefault(batch, []).append(ratio)
        print(f"{path.stem:20} {batch:5} {best[0]:10.1f} {best[1]:10.1f} {ratio:6.2f} {median:6.2f}", flush=True)
for batch, values in ratios.items():
    print(f"geometric mean at batch {batch}: {math.exp(sum(map(math.log, values)) / len(values)):.2f} over {len(values)}")
