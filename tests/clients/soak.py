#!/usr/bin/env python3
"""Good, bad and hostile requests, mixed, at a running server: no crash, no growth, no good request lost.

    trestle serve projects/churn &
    tests/clients/soak.py 127.0.0.1:8080 PID SECONDS

Needs nothing but Python. The server must be given by its process id, whose memory is watched. It ends with 1 when a good
request was lost, an answer had a status it should not have, or memory grew.
"""
import gzip
import json
import os
import random
import socket
import struct
import sys
import threading
import time

host, port = sys.argv[1].rsplit(":", 1)
pid, seconds = int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + seconds
lock = threading.Lock()
counts, wrong = {}, []


def connect(timeout=20):
    stream = socket.create_connection((host, int(port)), timeout=timeout)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def head(method, path, length, **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_answer(stream):
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return (0, b"") if not data else (-1, data)
        data += more
    top, body = data.split(b"\r\n\r\n", 1)
    status = int(top.split(b" ", 2)[1])
    length = next((int(l.split(b":")[1]) for l in top.split(b"\r\n") if l.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        more = stream.recv(65536)
        if not more:
            return -1, body
        body += more
    return status, body


def get(path):
    with connect() as stream:
        stream.sendall(head("GET", path, None, Connection="close"))
        return read_answer(stream)


def example():
    document = json.loads(get("/openapi.json")[1])
    post = document["paths"]["/predict"]["post"]
    row = post["requestBody"]["content"]["application/json"]["examples"]["one"]["value"]
    path, infer = next((p, i["post"]) for p, i in document["paths"].items() if p.endswith("/infer") and "/versions/" not in p)
    return row, path, infer["requestBody"]["content"]["application/json"]["examples"]["plain"]["value"]


row, infer_path, infer = example()
ROW, INFER = json.dumps(row).encode(), json.dumps(infer).encode()


def note(what, status, allowed):
    with lock:
        counts[(what, status)] = counts.get((what, status), 0) + 1
        if status not in allowed and len(wrong) < 20:
            wrong.append((what, status))


def good():
    """A client that keeps its connection: every request must be answered with 200."""
    stream = connect()
    while time.monotonic() < end:
        path, body = random.choice([("/predict", ROW), (infer_path, INFER), ("/invocations", json.dumps({"dataframe_records": [row]}).encode())])
        extra = {}
        if random.random() < 0.2:
            body, extra = gzip.compress(body), {"Content_Encoding": "gzip"}
        stream.sendall(head("POST", path, len(body), **extra) + body)
        status, _ = read_answer(stream)
        note("good", status, {200})
        if status != 200:
            stream.close()
            stream = connect()
        time.sleep(random.random() * 0.01)


def one_shot(what, allowed, data, close_early=False, wait=20):
    try:
        with connect(wait) as stream:
            try:
                stream.sendall(data)
            except OSError:
                pass
            if close_early:
                note(what, 0, {0})
                return
            try:
                status, _ = read_answer(stream)
            except OSError:
                status = 0
            note(what, status, allowed)
    except OSError:
        note(what + " not connected", 0, {0})


def binary(head_length, sizes, tail):
    body = json.dumps({"inputs": [{"name": i["name"], "shape": i["shape"], "datatype": i["datatype"], "parameters": {"binary_data_size": n}} for i, n in zip(infer["inputs"], sizes)]}).encode()
    length = len(body) if head_length is None else head_length
    return head("POST", infer_path, len(body) + len(tail), Inference_Header_Content_Length=length) + body + tail


def hostile(rng):
    kind = rng.randrange(18)
    if kind == 0:
        one_shot("bad JSON", {400}, head("POST", infer_path, 5) + b"{\"a\":")
    elif kind == 1:
        one_shot("announced 1 GB", {413}, head("POST", infer_path, 1 << 30))
    elif kind == 2:
        body = b" " * (40 << 20)
        one_shot("40 MB body", {413, 503}, head("POST", infer_path, len(body)) + body)
    elif kind == 3:
        body = b"[" * 200_000
        one_shot("deep nesting", {400}, head("POST", rng.choice([infer_path, "/predict", "/invocations"]), len(body)) + body)
    elif kind == 4:
        body = INFER.replace(b"[", b"[NaN,", 2)
        one_shot("NaN", {400}, head("POST", infer_path, len(body)) + body)
    elif kind == 5:
        n = len(infer["inputs"])
        one_shot("lying lengths", {400}, binary(rng.choice([None, 0, 1, 1 << 40, "x", "-1"]), [rng.choice([0, 3, 1 << 50]) for _ in range(n)], os.urandom(rng.randrange(40))))
    elif kind == 6:
        body = os.urandom(rng.randrange(1, 5000))
        one_shot("noise", {400, 422}, head("POST", rng.choice([infer_path, "/predict", "/invocations"]), len(body)) + body)
    elif kind == 7:
        one_shot("noise for HTTP", {0, 400, -1}, os.urandom(200) + b"\r\n\r\n")
    elif kind == 8:
        one_shot("half a head, gone", {0}, b"POST /predict HTT", close_early=True)
    elif kind == 9:
        one_shot("half a body, gone", {0}, head("POST", infer_path, len(INFER)) + INFER[:20], close_early=True)
    elif kind == 10:
        bomb = gzip.compress(b" " * (100 << 20))
        one_shot("gzip bomb", {413, 503}, head("POST", infer_path, len(bomb), Content_Encoding="gzip") + bomb)
    elif kind == 11:
        one_shot("huge head", {431, 0, -1}, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * rng.choice([20_000, 200_000]) + b"\r\n\r\n")
    elif kind == 12:
        one_shot("wrong method", {405}, head("DELETE", infer_path, 0))
    elif kind == 13:
        one_shot("chunks that end early", {0, 400, -1}, head("POST", infer_path, None, Transfer_Encoding="chunked") + b"5\r\n{\"inp\r\nzz\r\n")
    elif kind == 14:
        # The answer is long and never read.
        stream = connect()
        rows = json.dumps([row] * 20_000).encode()
        try:
            stream.sendall(head("POST", "/predict", len(rows)) + rows)
            time.sleep(0.2)
        except OSError:
            pass
        stream.close()
        note("unread answer", 0, {0})
    elif kind == 15:
        body = json.dumps([{"wrong": n} for n in range(5000)]).encode()
        one_shot("wrong fields", {422}, head("POST", "/predict", len(body)) + body)
    elif kind == 16:
        body = b"[" + b"[1,1,1,1,1,1,1,1]," * 200_000 + b"1]"
        one_shot("lists for rows", {422, 503}, head("POST", "/predict", len(body)) + body)
    else:
        body = json.dumps({"dataframe_records": [row] * 3000}).encode()
        one_shot("many rows", {200, 503}, head("POST", "/invocations", len(body)) + body)


def bad(seed):
    rng = random.Random(seed)
    while time.monotonic() < end:
        hostile(rng)
        time.sleep(0.02)


def slow():
    """Half-open connections and slow bodies, kept for as long as the server lets them."""
    held = []
    while time.monotonic() < end:
        try:
            stream = connect()
            stream.sendall(random.choice([b"", b"POST /pre", head("POST", infer_path, len(INFER)) + INFER[:10]]))
            held.append(stream)
        except OSError:
            note("slow not connected", 0, {0})
        if 200 < len(held):
            held.pop(random.randrange(len(held))).close()
        for stream in random.sample(held, min(5, len(held))):
            try:
                stream.send(b" ")
            except OSError:
                held.remove(stream)
        time.sleep(0.05)


def memory():
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


samples = []
threads = [threading.Thread(target=good) for _ in range(4)] + [threading.Thread(target=bad, args=(n,)) for n in range(3)] + [threading.Thread(target=slow)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    time.sleep(min(5, seconds / 20))
    samples.append(memory())
    if not samples[-1]:
        wrong.append(("the server", "gone"))
        break
for thread in threads:
    thread.join()
time.sleep(1)
third = max(1, len(samples) // 3)
middle, last = max(samples[third : 2 * third] or samples), max(samples[2 * third :] or samples)
for (what, status), n in sorted(counts.items()):
    print(f"{n:8} {what} → {status or 'closed'}")
print(f"memory: {samples[0]:.0f} MiB first, {middle:.0f} at most in the middle third, {last:.0f} in the last, {memory():.0f} at the end")
status, _ = get("/v2/health/ready")
if status != 200:
    wrong.append(("ready afterwards", status))
if last > 1.2 * middle + 16:
    wrong.append(("memory grew", f"{middle:.0f} → {last:.0f} MiB"))
print("wrong:", wrong if wrong else "nothing")
sys.exit(bool(wrong))
