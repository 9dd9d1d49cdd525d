"""The Parquet fixtures: small files by several writers, and the cells that are in them.

Run from anywhere, in an environment outside the repository:

    pip install pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0
    python tests/tables/make_tables.py

`NAME.json` beside `NAME.parquet` or `NAME__VARIANT.parquet` holds `columns`, a list of {name, kind, cells}, and `findings`, a list of words that
each must be in one of the findings; a file without any is refused. A kind is `number`, `integer`, `bool` or `text`; a missing cell is null, an
infinity is "inf" or "-inf". A date or a time is text as Python's `isoformat` has it, without trailing zeros.
The cells are computed here from the Python values, not read back from the file.
"""

import datetime as dt
import decimal
import json
import math
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent
UTC = dt.timezone.utc
KINDS = ("number", "integer", "bool", "text")


def cell(kind, value):
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, (dt.date, dt.time)):
        text = value.isoformat()
        zone = "Z" if text.endswith("+00:00") else ""
        text = text.removesuffix("+00:00")
        if "." in text:
            text = text.rstrip("0")
        return text + zone
    if kind == "number":
        value = float(value)
        return value if math.isfinite(value) else ("inf" if 0 < value else "-inf")
    return value


def save(name, columns, findings=()):
    """`columns` is a list of (name, kind, values)."""
    assert all(kind in KINDS for _, kind, _ in columns)
    expected = {
        "columns": [{"name": n, "kind": k, "cells": [cell(k, v) for v in values]} for n, k, values in columns],
        "findings": list(findings),
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n")
    files = [path for path in FOLDER.glob("*.parquet") if path.stem.split("__")[0] == name]
    assert files and all(path.stat().st_size < 10_000 for path in files)


def write(name, table, **options):
    pq.write_table(table, FOLDER / f"{name}.parquet", **options)


# Every type that a cell can have, each with a missing one.
INTS = [(bits, [1, None, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))]) for bits in (8, 16, 32, 64)]
UINTS = [(bits, [1, None, 2**bits - 1, 0]) for bits in (8, 16, 32, 64)]
FLOATS = [0.1, None, float("inf"), float("nan")]
columns, arrays = [], []


def add(name, kind, values, type_, expected=None):
    columns.append((name, kind, values if expected is None else expected))
    arrays.append(pa.array(values, type_))


for bits, values in INTS:
    add(f"int{bits}", "integer", values, getattr(pa, f"int{bits}")())
for bits, values in UINTS:
    add(f"uint{bits}", "integer" if bits < 64 else "number", values, getattr(pa, f"uint{bits}")())
add("uint64_small", "integer", [1, None, 2, 3], pa.uint64())
add("float", "number", FLOATS, pa.float32(), [float(np.float32(0.1)), None, float("inf"), None])
add("double", "number", [0.1, None, float("-inf"), float("nan")], pa.float64())
add("half", "number", [np.float16(0.1), None, np.float16(-2), np.float16("inf")], pa.float16())
add("bool", "bool", [True, None, False, True], pa.bool_())
add("text", "text", ["naïve 😀", None, "", "a,b"], pa.string())
add("large_text", "text", ["x", None, "y", "z"], pa.large_string())
add("all_null", "number", [None] * 4, pa.null())
D = decimal.Decimal
add("decimal4", "number", [D("1.10"), None, D("-99.99"), D("0")], pa.decimal128(4, 2))
add("decimal18", "number", [D("0.1"), None, D("-123456789012345.678"), D("1")], pa.decimal128(18, 3))
add("decimal38", "number", [D("0.1"), None, D("-9999999999999999999999999999.0123456789"), D("1")], pa.decimal128(38, 10))
add("decimal76", "number", [D("0.5"), None, D("-12345678901234567890123456789012.25"), D("1")], pa.decimal256(76, 2))
DAYS = [dt.date(2026, 11, 24), None, dt.date(1969, 12, 31), dt.date(1, 1, 1)]
TIMES = [dt.datetime(2026, 11, 24, 16, 20, 0, 123456), None, dt.datetime(1969, 12, 31, 23, 59, 59, 500000), dt.datetime(2000, 1, 1)]
MILLIS = [None if t is None else t.replace(microsecond=t.microsecond // 1000 * 1000) for t in TIMES]
add("date", "text", DAYS, pa.date32())
add("time_ms", "text", [dt.time(1, 2, 3), None, dt.time(0, 0), dt.time(23, 59, 59, 999000)], pa.time32("ms"))
add("time_us", "text", [dt.time(1, 2, 3, 4), None, dt.time(0, 0), dt.time(23, 59, 59, 999999)], pa.time64("us"))
add("timestamp_ms", "text", MILLIS, pa.timestamp("ms"))
add("timestamp_us", "text", TIMES, pa.timestamp("us"))
add("timestamp_ns", "text", TIMES, pa.timestamp("ns"))
AWARE = [None if t is None else t.replace(tzinfo=UTC) for t in TIMES]
add("timestamp_utc", "text", AWARE, pa.timestamp("us", "UTC"))
add("timestamp_berlin", "text", AWARE, pa.timestamp("us", "Europe/Berlin"))
UUIDS = [uuid.UUID("0123456789abcdef0123456789abcdef"), None, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]
columns.append(("uuid", "text", UUIDS))
arrays.append(pa.array([None if u is None else u.bytes for u in UUIDS], pa.uuid()))
schema = pa.schema([pa.field(n, a.type) for (n, _, _), a in zip(columns, arrays)])
# The schema of Arrow is of no use to the reader, and large.
write("types", pa.Table.from_arrays(arrays, schema=schema), store_schema=False, write_statistics=False, version="2.6")
save("types", columns)

# Hive, Impala and Spark.
table = pa.table({"int96": pa.array(TIMES, pa.timestamp("ns")), "plain_bytes": pa.array([b"x", None, b"y", b"z"])})
write("int96", table, use_deprecated_int96_timestamps=True)
save("int96", [("int96", "text", TIMES), ("plain_bytes", "text", ["x", None, "y", "z"])])

# Every way to pack a page, with both versions of pages, several groups of rows and several pages.
ROWS = 150
packed = {
    "n": [i / 4 for i in range(ROWS)],
    "i": [None if i % 7 == 0 else i for i in range(ROWS)],
    "b": [i % 3 == 0 for i in range(ROWS)],
    "t": [None if i % 5 == 0 else f"category {i % 4}" for i in range(ROWS)],
}
packed_columns = [("n", "number", packed["n"]), ("i", "integer", packed["i"]), ("b", "bool", packed["b"]), ("t", "text", packed["t"])]
for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
    for version in ("1.0", "2.0"):
        name = f"packed__{codec}_v{version[0]}"
        write(name, pa.table(packed), compression=codec, data_page_version=version, row_group_size=70, data_page_size=100)
save("packed", packed_columns)

# Every encoding of values.
encoded = pa.table({
    "delta_int": pa.array([i * i - 50 for i in range(40)], pa.int32()),
    "delta_long": pa.array([None if i % 9 == 0 else i * 10**15 for i in range(40)], pa.int64()),
    "delta_length": [f"{'x' * (i % 5)}{i}" for i in range(40)],
    "delta_text": [None if i % 6 == 0 else f"prefix/{i // 10}/{i}" for i in range(40)],
    "split": pa.array([i / 8 for i in range(40)], pa.float32()),
    "rle": [i % 11 < 6 for i in range(40)],
    "dictionary": [f"c{i % 3}" for i in range(40)],
})
encodings = {
    "delta_int": "DELTA_BINARY_PACKED", "delta_long": "DELTA_BINARY_PACKED", "delta_length": "DELTA_LENGTH_BYTE_ARRAY",
    "delta_text": "DELTA_BYTE_ARRAY", "split": "BYTE_STREAM_SPLIT", "rle": "RLE",
}
encoded_kinds = {"split": "number", "rle": "bool", "delta_int": "integer", "delta_long": "integer"}
encoded_columns = [(n, encoded_kinds.get(n, "text"), encoded[n].to_pylist()) for n in encoded.column_names]
for version in ("1.0", "2.0"):
    name = f"encodings__v{version[0]}"
    write(name, encoded, use_dictionary=["dictionary"], column_encoding=encodings, data_page_version=version)
save("encodings", encoded_columns)

# Columns that are no columns of a table.
nested = pa.table({
    "flat": [1.5, 2.5],
    "list": [[1, 2], []],
    "struct": [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
    "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    "deep": [[{"a": [1]}], []],
    "bytes": [b"\xff\xfe", b"\x00"],
    "fixed": pa.array([b"\xff\xfe\x00", None], pa.binary(3)),
    "last": ["y", "z"],
})
write("nested", nested)
save(
    "nested", [("flat", "number", [1.5, 2.5]), ("last", "text", ["y", "z"])],
    ["list holds nested", "struct holds nested", "map holds nested", "deep holds nested", "bytes holds binary", "fixed holds binary"],
)
write("only_nested", nested.select(["list", "struct"]))

# pandas.
frame = pd.DataFrame(
    {
        "amount": [1.5, None, 3.0],
        "count": pd.array([1, None, 3], "Int64"),
        "flag": pd.array([True, None, False], "boolean"),
        "plan": pd.Categorical(["gold", None, "silver"]),
        "grade": pd.Categorical([3, 1, None], ordered=True),
        "when": pd.to_datetime(["2026-01-01", None, "2026-01-02 03:04:05.5"], format="ISO8601"),
        0: [7, 8, 9],
    },
    index=[10, 20, 30],
)
frame.columns = frame.columns.astype(str)
frame.to_parquet(FOLDER / "pandas.parquet")
when = [dt.datetime(2026, 1, 1), None, dt.datetime(2026, 1, 2, 3, 4, 5, 500000)]
pandas_columns = [
    ("amount", "number", [1.5, None, 3.0]), ("count", "integer", [1, None, 3]), ("flag", "bool", [True, None, False]),
    ("plan", "text", ["gold", None, "silver"]), ("grade", "integer", [3, 1, None]), ("when", "text", when),
    ("0", "integer", [7, 8, 9]),
]
save("pandas", pandas_columns, ["__index_level_0__ is the row index"])
# A range needs no column; a named index is one that was wanted.
frame.reset_index(drop=True)[["amount"]].to_parquet(FOLDER / "pandas_range.parquet")
save("pandas_range", pandas_columns[:1])
frame[["amount"]].rename_axis("id").to_parquet(FOLDER / "pandas_named.parquet")
save("pandas_named", [*pandas_columns[:1], ("id", "integer", [10, 20, 30])])

# polars.
pl.DataFrame(
    {"n": [1.5, None, 2.5], "i": [1, 2, None], "t": ["a", None, "c"], "c": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
     "u": pl.Series([1, 2, 3], dtype=pl.UInt8), "d": [dt.date(2026, 1, 1), None, None],
     "when": pl.Series([when[0], None, when[2]], dtype=pl.Datetime("us"))}
).write_parquet(FOLDER / "polars.parquet")
save("polars", [
    ("n", "number", [1.5, None, 2.5]), ("i", "integer", [1, 2, None]), ("t", "text", ["a", None, "c"]),
    ("c", "text", ["x", "y", "x"]), ("u", "integer", [1, 2, 3]), ("d", "text", [dt.date(2026, 1, 1), None, None]),
    ("when", "text", when),
])

# Nothing in it, in one way or another.
write("no_rows", pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}))
save("no_rows", [("a", "integer", []), ("b", "text", [])])
write("no_columns", pa.table({}))
write("unnamed", pa.table([[1], [2]], names=["", "b"]))
save("unnamed", [("column_1", "integer", [1]), ("b", "integer", [2])])
write("duplicate", pa.table([[1], [2], [3]], names=["a", "b", "a"]))

# Made to harm: a file of one column, one group of rows and one page, each number in it as an attacker wants it.
# Thrift's compact protocol, with the field numbers of parquet.thrift.


def varint(value):
    out = b""
    while 0x80 <= value:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def zigzag(value):
    return varint(value << 1 if 0 <= value else (-value << 1) - 1)


def struct(fields):
    """Fields by number: an int, a (kind, int), bytes, a dict for a structure, a list of dicts or of ints."""
    out, last = b"", 0
    for number, value in fields.items():
        kind, value = value if isinstance(value, tuple) else (None, value)
        if isinstance(value, bool):
            kind, body = (1 if value else 2), b""
        elif isinstance(value, int):
            kind, body = kind or 5, zigzag(value)
        elif isinstance(value, bytes):
            kind, body = 8, varint(len(value)) + value
        elif isinstance(value, dict):
            kind, body = 12, struct(value)
        else:
            inner = 12 if isinstance(value[0], dict) else 8 if isinstance(value[0], bytes) else 5
            head = bytes([len(value) << 4 | inner]) if len(value) < 15 else bytes([0xF0 | inner]) + varint(len(value))
            items = [struct(v) if inner == 12 else varint(len(v)) + v if inner == 8 else zigzag(v) for v in value]
            kind, body = 9, head + b"".join(items)
        out += bytes([(number - last) << 4 | kind]) + body
        last = number
    return out + b"\0"


INT32, BYTE_ARRAY, FIXED = 1, 6, 7
PLAIN, DELTA_LENGTH, DELTA_TEXT, DICTIONARY = 0, 6, 7, 8


def hostile(name, pages, *, type_=INT32, codec=0, rows=1, chunk_bytes=None, schema=None, more=b"", footer_length=None):
    """`pages` is a list of (header, bytes)."""
    body = b"".join(struct(header) + data for header, data in pages)
    column = {1: type_, 2: [PLAIN], 3: [b"a"], 4: codec, 5: (6, rows), 6: (6, len(body)),
              7: (6, len(body) if chunk_bytes is None else chunk_bytes), 9: (6, 4)}
    schema = schema or [{4: b"root", 5: 1}, {1: type_, 3: 0, 4: b"a"}]
    groups = [{1: [{2: (6, 4), 3: column}], 2: (6, len(body)), 3: (6, rows)}]
    footer = struct({1: 2, 2: schema, 3: (6, rows), 4: groups})[:-1] + more + b"\0"
    length = (len(footer) if footer_length is None else footer_length).to_bytes(4, "little")
    (FOLDER / f"hostile_{name}.parquet").write_bytes(b"PAR1" + body + footer + length + b"PAR1")


def page(data, n=1, unpacked=None, encoding=PLAIN):
    return {1: 0, 2: len(data) if unpacked is None else unpacked, 3: len(data), 5: {1: n, 2: encoding, 3: 3, 4: 3}}, data


def dictionary(data, n):
    return {1: 2, 2: len(data), 3: len(data), 7: {1: n, 2: PLAIN}}, data


ONE = (7).to_bytes(4, "little")
hostile("none", [page(ONE)])  # What the others are changed from is a good file.
save("hostile_none", [("a", "integer", [7])])
hostile("rows", [page(ONE)], rows=10**15)
hostile("negative_rows", [page(ONE)], rows=-1)
hostile("more_rows", [page(ONE)], rows=10**6)
hostile("page_size", [page(ONE, unpacked=2**31 - 1)], codec=1)
hostile("page_values", [page(ONE, n=2**31 - 1)])
hostile("page_beyond", [({1: 0, 2: 10**9, 3: 10**9, 5: {1: 1, 2: 0, 3: 3, 4: 3}}, ONE)])
hostile("chunk_beyond", [page(ONE)], chunk_bytes=10**15)
hostile("dictionary", [dictionary(ONE, 2**31 - 1), page(b"\x01\x03\x00", encoding=DICTIONARY)])
hostile("no_dictionary", [page(b"\x01\x03\x00", encoding=DICTIONARY)])
MANY = varint(2**40) + varint(1) + varint(2**31) + zigzag(0) + zigzag(0) + b"\0"
hostile("delta_length", [page(MANY, encoding=DELTA_LENGTH)], type_=BYTE_ARRAY)
FEW = varint(128) + varint(4) + varint(1) + zigzag(0)
hostile("delta_text", [page(FEW + MANY, encoding=DELTA_TEXT)], type_=BYTE_ARRAY)
gzip = pa.compress(bytes(5 * 10**6), codec="gzip", asbytes=True)
brotli = pa.compress(bytes(10**9), codec="brotli", asbytes=True)
hostile("gzip", [page(gzip, unpacked=4)], codec=2)
hostile("brotli", [page(brotli, unpacked=4)], codec=4)
hostile("children", [page(ONE)], schema=[{4: b"root", 5: 2**31 - 1}, {1: INT32, 3: 0, 4: b"a"}])
# The same field again, with its number written out: a list of one structure whose field 5 is 2**31 - 1.
again = bytes([0x09]) + zigzag(2) + bytes([0x1C]) + struct({4: b"root", 5: 2**31 - 1})
hostile("second_schema", [page(ONE)], more=again)
save("hostile_second_schema", [("a", "integer", [7])])
hostile("page_types", [({1: 0, 2: (6, 4), 3: b"four", 5: {1: 1, 2: 0, 3: 3, 4: 3}}, ONE)])
levels = {1: 3, 2: 1000, 3: 4, 8: {1: 1, 2: 0, 3: 1, 4: PLAIN, 5: 100, 6: 0, 7: False}}
hostile("levels", [(levels, ONE)], schema=[{4: b"root", 5: 1}, {1: INT32, 3: 1, 4: b"a"}])
hostile("deep", [page(ONE)], schema=[{4: b"root", 5: 1}] + [{3: 0, 4: b"ddddd", 5: 1}] * 800 + [{1: INT32, 3: 0, 4: b"a"}])
hostile("footer", [page(ONE)], footer_length=2**32 - 1)
for path in FOLDER.glob("hostile_*.parquet"):
    assert path.stat().st_size < 10_000, path
