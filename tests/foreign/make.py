"""Models of other frameworks, for what is said about them: none of them is ever loaded by Trestle.

Run from anywhere, in an environment outside the repository:

    pip install scikit-learn==1.9.1 joblib==1.6.0 lightgbm==4.7.0 xgboost==3.2.0 torch==2.15.0 pandas==3.1.1
    python tests/foreign/make.py

Beside them, `rows.csv` holds rows for the scripts that are made for `columns.joblib`.
"""

import pickle
import zlib
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import onnx
import pandas as pd
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
named = pd.DataFrame(X, columns=["age", "income", "tenure", "calls"])
mixed = named.assign(plan=rng.choice(["basic", "pro"], size=120)).round(3)

pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(named, y)
joblib.dump(pipeline, HERE / "pipeline.joblib")
(HERE / "pipeline.pkl").write_bytes(pickle.dumps(pipeline))
(HERE / "pipeline_protocol0.pkl").write_bytes(pickle.dumps(pipeline, protocol=0))
(HERE / "in_dict.pkl").write_bytes(pickle.dumps({"threshold": 0.4, "model": pipeline}))

columns = Pipeline(
    [
        (
            "prepare",
            ColumnTransformer(
                [("numbers", StandardScaler(), ["age", "income"]), ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"])]
            ),
        ),
        ("model", RandomForestClassifier(n_estimators=3, max_depth=2, random_state=0)),
    ]
).fit(mixed, np.where(y == 1, "leaves", "stays"))
joblib.dump(columns, HERE / "columns.joblib", compress=3)
mixed.head(40).to_csv(HERE / "rows.csv", index=False)

regressor = GradientBoostingRegressor(n_estimators=3, max_depth=2, random_state=0).fit(X, X[:, 0] * 3)
joblib.dump(regressor, HERE / "regressor.joblib", compress=("gzip", 3))
joblib.dump(regressor, HERE / "regressor_xz.joblib", compress=("xz", 3))

small = {"n_estimators": 2, "max_depth": 2, "random_state": 0}
light = lightgbm.LGBMClassifier(**small, verbose=-1).fit(X, y)
joblib.dump(light, HERE / "lightgbm.joblib")
light.booster_.save_model(HERE / "lightgbm.txt")
boosted = xgboost.XGBClassifier(**small).fit(X, y)
(HERE / "xgboost.pkl").write_bytes(pickle.dumps(boosted))
boosted.save_model(HERE / "xgboost.json")
boosted.save_model(HERE / "xgboost.ubj")
both = make_pipeline(StandardScaler(), xgboost.XGBRegressor(**small)).fit(X, X[:, 0] * 3)
(HERE / "xgboost_pipeline.pkl").write_bytes(zlib.compress(pickle.dumps(both)))


# An ONNX model with much to say about, for the picture of the doctor's report.
helper, kind = onnx.helper, onnx.TensorProto
nodes = [
    helper.make_node("Tokenize", ["text"], ["tokens"], "tokens", domain="ai.onnx.contrib"),
    helper.make_node("NchwConv", ["image"], ["a"], "conv_1", domain="com.microsoft.nchwc"),
    helper.make_node("NchwConv", ["a"], ["b"], "conv_2", domain="com.microsoft.nchwc"),
    helper.make_node("BatchNormalization", ["b", "s", "s", "s", "s"], ["c", "", ""], "norm", training_mode=1),
    helper.make_node("LSTM", ["c", "w", "r"], ["d"], "memory", hidden_size=2, clip=3.0),
    helper.make_node("Scaler", ["amount"], ["e"], "scale", domain="ai.onnx.ml", offset=[0.0], scale=[1.0]),
    helper.make_node("RandomNormalLike", ["e"], ["f"], "noise"),
    helper.make_node("QuantizeLinear", ["d", "q"], ["g"], "scale"),
]
graph = helper.make_graph(
    nodes,
    "detector",
    [
        helper.make_tensor_value_info("text", kind.STRING, [None]),
        helper.make_tensor_value_info("image", kind.FLOAT, [None, 3, 8, 8]),
        helper.make_tensor_value_info("amount", kind.DOUBLE, [None, 1]),
        helper.make_tensor_value_info("customer", kind.INT64, [None, 1]),
    ],
    [helper.make_tensor_value_info("f", kind.FLOAT, None), helper.make_tensor_value_info("g", kind.UINT8, None)],
    [
        helper.make_tensor("s", kind.FLOAT, [1], [1.0]),
        helper.make_tensor("w", kind.FLOAT, [1, 8, 1], [0.5] * 8),
        helper.make_tensor("r", kind.FLOAT, [1, 8, 2], [0.5] * 16),
        helper.make_tensor("q", kind.FLOAT, [], [0.1]),
        helper.make_tensor("left_over", kind.FLOAT, [2], [1.0, 2.0]),
    ],
)
domains = [("", 23), ("ai.onnx.ml", 3), ("ai.onnx.contrib", 1), ("com.microsoft.nchwc", 1)]
imports = [helper.make_opsetid(domain, version) for domain, version in domains]
refused = helper.make_model(graph, opset_imports=imports, producer_name="pytorch", producer_version="2.15.0", ir_version=11)
(HERE / "refused.onnx").write_bytes(refused.SerializeToString())

try:
    import torch
except (ImportError, ValueError):
    raise SystemExit("PyTorch is not here: its files stay as they are")

torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
torch.save(network, HERE / "network.pt")
torch.save(network.state_dict(), HERE / "weights.pth")
torch.save(network.state_dict(), HERE / "weights_old.pth", _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.trace(network, torch.zeros(1, 4)), HERE / "program.pt")
