"""The ONNX fixtures: small models, and ONNX Runtime's answers to seven rows each.

Run from anywhere, in an environment outside the repository:

    pip install -r projects/churn/requirements.txt
    pip install lightgbm==4.7.0 xgboost==3.2.0 onnxmltools==1.16.0
    python tests/models/make.py [NAME …]

Without names every fixture is made again; the files come out the same, byte for byte.
Exporters run with default options: ZipMap on, their own opset.

`NAME.json` beside `NAME.onnx` holds `inputs` and `outputs`, each a list of
{name, dtype, shape, data}: data is flat and row-major, a NaN is null, an infinity is
"inf" or "-inf". A ZipMap output is an [N, classes] float32 tensor with its `classes`.
`outputs` is null where ONNX Runtime cannot run the model; `note` says what is special.
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxruntime
import skl2onnx.common.data_types as skl_types
import xgboost
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloatType
from skl2onnx import convert_sklearn
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).resolve().parent
ROWS = 7
ML = "ai.onnx.ml"
NAN = float("nan")

Arrays = dict[str, np.ndarray]


@dataclass
class Fixture:
    """A model, what to ask it, and whether ONNX Runtime can answer."""

    model: ModelProto
    inputs: Arrays
    note: str = ""
    runs: bool = True
    answers: list[dict[str, object]] | None = None  # Where they were asked for otherwise.


FIXTURES: dict[str, Callable[[], Fixture]] = {}


def fixture(make: Callable[[], Fixture]) -> Callable[[], Fixture]:
    """Enter a fixture under its function's name."""
    FIXTURES[make.__name__] = make
    return make


# Data ---------------------------------------------------------------------------------


def numbers(n_rows: int = 300, n_columns: int = 4, seed: int = 0) -> np.ndarray:
    """Standard normal columns."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, n_columns)).astype(np.float32)


def two_classes(x: np.ndarray) -> np.ndarray:
    """A bent border between 0 and 1."""
    return (x[:, 0] + 0.5 * x[:, 1] ** 2 - x[:, 2] * x[:, 3] > 0.3).astype(np.int64)


def three_classes(x: np.ndarray) -> np.ndarray:
    """Three bands: 0, 1 and 2."""
    return np.digitize(x[:, 0] - 0.7 * x[:, 1], [-0.5, 0.6]).astype(np.int64)


def amount(x: np.ndarray) -> np.ndarray:
    """A number to regress on."""
    return 3 * x[:, 0] - 2 * np.abs(x[:, 1]) + x[:, 2] * x[:, 3] + 5


NAMES = np.array(["low", "médium", "high"], dtype=object)


def question(n_columns: int = 4) -> np.ndarray:
    """Seven rows nobody trained on."""
    return numbers(ROWS, n_columns, seed=99)


# scikit-learn, LightGBM, XGBoost ------------------------------------------------------


def tidy(model: ModelProto) -> ModelProto:
    """The same model with its opsets in a fixed order; skl2onnx keeps them in a set."""
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model


def exported(name: str, estimator: BaseEstimator, inputs: Arrays) -> ModelProto:
    """skl2onnx with default options, the batch left open."""
    kinds = {
        "f": skl_types.FloatTensorType,
        "i": skl_types.Int64TensorType,
        "O": skl_types.StringTensorType,
    }
    types = [(n, kinds[a.dtype.kind]([None, a.shape[1]])) for n, a in inputs.items()]
    return tidy(convert_sklearn(estimator, name=name, initial_types=types))


def classifier(name: str, estimator: BaseEstimator, labels: Callable) -> Fixture:
    """A classifier of four numbers."""
    x, inputs = numbers(), {"X": question()}
    return Fixture(exported(name, estimator.fit(x, labels(x)), inputs), inputs)


def named_classes(x: np.ndarray) -> np.ndarray:
    """The three bands by name."""
    return NAMES[three_classes(x)]


def regressor(name: str, estimator: BaseEstimator) -> Fixture:
    """A regressor of four numbers."""
    x, inputs = numbers(), {"X": question()}
    return Fixture(exported(name, estimator.fit(x, amount(x)), inputs), inputs)


@fixture
def logistic_binary() -> Fixture:
    return classifier("logistic_binary", LogisticRegression(), two_classes)


@fixture
def logistic_strings() -> Fixture:
    return classifier("logistic_strings", LogisticRegression(), named_classes)


@fixture
def logistic_binary_strings() -> Fixture:
    def labels(x: np.ndarray) -> np.ndarray:
        return np.array(["stays", "leaves"], dtype=object)[two_classes(x)]

    return classifier("logistic_binary_strings", LogisticRegression(), labels)


@fixture
def logistic_odd_labels() -> Fixture:
    def labels(x: np.ndarray) -> np.ndarray:
        return np.array([-3, 40], dtype=np.int64)[two_classes(x)]

    return classifier("logistic_odd_labels", LogisticRegression(), labels)


@fixture
def forest_binary() -> Fixture:
    forest = RandomForestClassifier(n_estimators=9, max_depth=4, random_state=1)
    made = classifier("forest_binary", forest, two_classes)
    made.note = "one class id for two classes: stock tract answers the wrong label"
    return made


@fixture
def forest_multiclass() -> Fixture:
    forest = RandomForestClassifier(n_estimators=7, max_depth=4, random_state=1)
    return classifier("forest_multiclass", forest, three_classes)


@fixture
def extra_trees_strings() -> Fixture:
    forest = ExtraTreesClassifier(n_estimators=5, max_depth=4, random_state=1)
    return classifier("extra_trees_strings", forest, named_classes)


@fixture
def boosting_binary() -> Fixture:
    boosting = GradientBoostingClassifier(n_estimators=12, random_state=1)
    made = classifier("boosting_binary", boosting, two_classes)
    made.note = "base values and class ids of one column for two classes"
    return made


@fixture
def boosting_multiclass() -> Fixture:
    boosting = GradientBoostingClassifier(n_estimators=5, max_depth=2, random_state=1)
    return classifier("boosting_multiclass", boosting, three_classes)


@fixture
def boosting_regressor() -> Fixture:
    boosting = GradientBoostingRegressor(n_estimators=12, random_state=1)
    return regressor("boosting_regressor", boosting)


@fixture
def forest_regressor() -> Fixture:
    forest = RandomForestRegressor(n_estimators=7, max_depth=4, random_state=1)
    return regressor("forest_regressor", forest)


@fixture
def isolation_forest() -> Fixture:
    inputs = {"X": question()}
    inputs["X"][[2, 6]] *= 4
    forest = IsolationForest(n_estimators=3, max_samples=16, random_state=1).fit(
        numbers()
    )
    types = [("X", skl_types.FloatTensorType([None, 4]))]
    opset = {"": 15, ML: 3}  # Its converter refuses the default.
    model = convert_sklearn(forest, "isolation_forest", types, target_opset=opset)
    return Fixture(tidy(model), inputs)


def plain_attributes() -> Callable[[], None]:
    """Let `onnx` take numpy numbers in attributes, which skl2onnx hands it.

    Returns what undoes it.
    Needed by skl2onnx 1.20 with protobuf 7 for the histogram boosters only.
    """
    original = helper.make_attribute

    def plain(value: object) -> object:
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, bool | np.bool_):
            return int(value)
        return value.item() if isinstance(value, np.generic) else value

    def patched(key: str, value: object, *args: object, **kwargs: object) -> object:
        return original(key, plain(value), *args, **kwargs)

    def undo() -> None:
        helper.make_attribute = original

    helper.make_attribute = patched
    return undo


def with_gaps(x: np.ndarray) -> np.ndarray:
    """Every fifth value of the first column and every seventh of the second missing."""
    x = x.copy()
    x[::5, 0] = NAN
    x[::7, 1] = NAN
    return x


def histogram(name: str, estimator: BaseEstimator, labels: Callable) -> Fixture:
    """A histogram booster, trained on and asked with missing values."""
    x = numbers()
    estimator.fit(with_gaps(x), labels(x))
    inputs = {"X": question()}
    inputs["X"][[1, 4], 0] = NAN
    inputs["X"][[2, 4, 5], 1] = NAN
    undo = plain_attributes()
    try:
        return Fixture(exported(name, estimator, inputs), inputs)
    finally:
        undo()


@fixture
def hist_boosting_binary() -> Fixture:
    boosting = HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=7)
    return histogram("hist_boosting_binary", boosting, two_classes)


@fixture
def hist_boosting_regressor() -> Fixture:
    boosting = HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=7)
    return histogram("hist_boosting_regressor", boosting, amount)


@fixture
def linear_regression() -> Fixture:
    return regressor("linear_regression", LinearRegression())


@fixture
def linear_regression_two_targets() -> Fixture:
    x, inputs = numbers(), {"X": question()}
    y = np.stack([amount(x), -x[:, 1]], axis=1)
    model = LinearRegression().fit(x, y)
    return Fixture(exported("linear_regression_two_targets", model, inputs), inputs)


@fixture
def svc_probability() -> Fixture:
    x, inputs = numbers(60), {"X": question()}
    model = SVC(probability=True, random_state=1).fit(x, two_classes(x))
    return Fixture(exported("svc_probability", model, inputs), inputs)


@fixture
def svc_multiclass() -> Fixture:
    x, inputs = numbers(60), {"X": question()}
    model = SVC(kernel="poly", probability=True, random_state=1)
    model.fit(x, named_classes(x))
    return Fixture(exported("svc_multiclass", model, inputs), inputs)


@fixture
def svr() -> Fixture:
    x, inputs = numbers(60), {"X": question()}
    model = SVR().fit(x, amount(x))
    return Fixture(exported("svr", model, inputs), inputs)


@fixture
def linear_svc() -> Fixture:
    return classifier("linear_svc", LinearSVC(), three_classes)


@fixture
def calibrated() -> Fixture:
    model = CalibratedClassifierCV(LogisticRegression(), cv=2)
    return classifier("calibrated", model, two_classes)


@fixture
def naive_bayes() -> Fixture:
    return classifier("naive_bayes", GaussianNB(), three_classes)


@fixture
def nearest_neighbours() -> Fixture:
    x, inputs = numbers(40), {"X": question()}
    model = KNeighborsClassifier(3).fit(x, three_classes(x))
    return Fixture(exported("nearest_neighbours", model, inputs), inputs)


@fixture
def tree_strings() -> Fixture:
    tree = DecisionTreeClassifier(max_depth=4, random_state=1)
    return classifier("tree_strings", tree, named_classes)


@fixture
def kmeans() -> Fixture:
    inputs = {"X": question()}
    model = KMeans(3, n_init=2, random_state=1).fit(numbers())
    return Fixture(exported("kmeans", model, inputs), inputs)


@fixture
def mlp_classifier() -> Fixture:
    mlp = MLPClassifier(hidden_layer_sizes=(8,), max_iter=60, random_state=1)
    return classifier("mlp_classifier", mlp, three_classes)


@fixture
def mlp_binary() -> Fixture:
    mlp = MLPClassifier(
        hidden_layer_sizes=(6,), activation="tanh", max_iter=60, random_state=1
    )
    return classifier("mlp_binary", mlp, two_classes)


@fixture
def mlp_regressor() -> Fixture:
    mlp = MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, random_state=1)
    return regressor("mlp_regressor", mlp)


@fixture
def scaled_polynomial() -> Fixture:
    model = make_pipeline(MinMaxScaler(), PolynomialFeatures(2), LinearRegression())
    return regressor("scaled_polynomial", model)


def mixed_columns() -> tuple[np.ndarray, np.ndarray]:
    """Three columns of numbers with gaps, two of words."""
    rng = np.random.default_rng(5)
    x = with_gaps(numbers(200, 3, seed=5))
    words = np.stack(
        [rng.choice(["basic", "team"], 200), rng.choice(["card", "bank", "œuf"], 200)],
        axis=1,
    )
    return x, words.astype(object)


@fixture
def mixed_pipeline() -> Fixture:
    x, words = mixed_columns()
    y = (np.nan_to_num(x[:, 0]) + (words[:, 0] == "team") > 0.4).astype(np.int64)
    imputed = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", imputed, [0, 1, 2]),
            ("words", OneHotEncoder(handle_unknown="ignore"), [3, 4]),
        ]
    )
    model = Pipeline([("columns", columns), ("classifier", LogisticRegression())])
    model.fit(np.concatenate([x.astype(object), words], axis=1), y)
    asked = words[:ROWS].copy()
    asked[2, 0] = "enterprise"
    asked[4] = ["missing", ""]
    inputs = {"numbers": x[:ROWS], "words": asked}
    return Fixture(
        exported("mixed_pipeline", model, inputs),
        inputs,
        "NaN, and categories nobody trained on",
    )


@fixture
def imputer_int() -> Fixture:
    x = np.random.default_rng(1).integers(0, 4, (60, 3))
    inputs = {"X": x[:ROWS]}
    model = SimpleImputer(strategy="most_frequent").fit(x)
    made = Fixture(exported("imputer_int", model, inputs), inputs)
    made.note = "the exporter imports the default domain twice"
    return made


@fixture
def imputer_float() -> Fixture:
    x = with_gaps(numbers())
    inputs = {"X": x[:ROWS]}
    model = SimpleImputer(strategy="median").fit(x)
    return Fixture(exported("imputer_float", model, inputs), inputs)


@fixture
def ordinal_strings() -> Fixture:
    _, words = mixed_columns()
    inputs = {"X": words[:ROWS].copy()}
    inputs["X"][3] = ["enterprise", ""]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return Fixture(exported("ordinal_strings", encoder.fit(words), inputs), inputs)


@fixture
def one_hot_int() -> Fixture:
    x = np.random.default_rng(1).integers(-1, 4, (60, 3))
    inputs = {"X": x[:ROWS].copy()}
    inputs["X"][2, 1] = 77
    encoder = OneHotEncoder(handle_unknown="ignore").fit(x)
    return Fixture(exported("one_hot_int", encoder, inputs), inputs)


def boosted(name: str, model: object, labels: Callable, convert: Callable) -> Fixture:
    """LightGBM or XGBoost, trained on and asked with missing values."""
    x, inputs = numbers(), {"X": with_gaps(question())}
    model.fit(with_gaps(x), labels(x))
    types = [("X", ToolsFloatType([None, 4]))]
    return Fixture(tidy(convert(model, name=name, initial_types=types)), inputs)


def lightgbm_of(kind: type, n_trees: int) -> object:
    return kind(n_estimators=n_trees, num_leaves=6, n_jobs=1, verbose=-1)


@fixture
def lightgbm_binary() -> Fixture:
    model = lightgbm_of(lightgbm.LGBMClassifier, 8)
    return boosted("lightgbm_binary", model, two_classes, convert_lightgbm)


@fixture
def lightgbm_multiclass() -> Fixture:
    model = lightgbm_of(lightgbm.LGBMClassifier, 4)
    return boosted("lightgbm_multiclass", model, three_classes, convert_lightgbm)


@fixture
def lightgbm_regressor() -> Fixture:
    model = lightgbm_of(lightgbm.LGBMRegressor, 8)
    return boosted("lightgbm_regressor", model, amount, convert_lightgbm)


def xgboost_of(kind: type, n_trees: int) -> object:
    return kind(n_estimators=n_trees, max_depth=3, n_jobs=1)


@fixture
def xgboost_binary() -> Fixture:
    model = xgboost_of(xgboost.XGBClassifier, 8)
    return boosted("xgboost_binary", model, two_classes, convert_xgboost)


@fixture
def xgboost_multiclass() -> Fixture:
    model = xgboost_of(xgboost.XGBClassifier, 4)
    return boosted("xgboost_multiclass", model, three_classes, convert_xgboost)


@fixture
def xgboost_regressor() -> Fixture:
    model = xgboost_of(xgboost.XGBRegressor, 8)
    return boosted("xgboost_regressor", model, amount, convert_xgboost)


# Built by hand ------------------------------------------------------------------------

DTYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
}


def dtype_name(array: np.ndarray) -> str:
    """The name the JSON and ONNX use."""
    return "string" if array.dtype.kind in "OU" else array.dtype.name


def built(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: Arrays,
    outputs: dict[str, tuple[str, list]],
    *,
    constants: Arrays | None = None,
    shapes: dict[str, list] | None = None,
    ml_opset: int = 3,
    opset: int = 17,
    domains: Iterable[str] = (),
) -> ModelProto:
    """A model from its nodes; the first dimension of an input is open."""
    given = {n: ["N", *a.shape[1:]] for n, a in inputs.items()} | (shapes or {})
    graph = helper.make_graph(
        nodes,
        name,
        [
            helper.make_tensor_value_info(n, DTYPES[dtype_name(a)], given[n])
            for n, a in inputs.items()
        ],
        [
            helper.make_tensor_value_info(n, DTYPES[dtype], shape)
            for n, (dtype, shape) in outputs.items()
        ],
        [numpy_helper.from_array(a, n) for n, a in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(ML, ml_opset)]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=8, producer_name="onnx.helper"
    )


def ml_node(op: str, inputs: list[str], outputs: list[str], **attributes: object):
    """A node of ai.onnx.ml."""
    return helper.make_node(op, inputs, outputs, domain=ML, name=op, **attributes)


def one_node(
    op: str,
    x: np.ndarray,
    output: tuple[str, list],
    ml_opset: int = 3,
    note: str = "",
    **attributes: object,
) -> Fixture:
    """One ai.onnx.ml node from X to Y."""
    node = ml_node(op, ["X"], ["Y"], **attributes)
    name, inputs = op.lower(), {"X": x}
    model = built(name, [node], inputs, {"Y": output}, ml_opset=ml_opset)
    return Fixture(model, inputs, note)


# Trees built by hand


@dataclass
class Leaf:
    """What a leaf adds to each column: {class or target id: weight}."""

    weights: dict[int, float]


@dataclass
class Branch:
    """`feature mode value` leads to `yes`, otherwise to `no`."""

    mode: str
    feature: int
    value: float
    yes: "Branch | Leaf"
    no: "Branch | Leaf"
    missing_is_yes: int = 0


def forest_attributes(trees: list[Branch | Leaf], kind: str) -> dict[str, list]:
    """The flat lists of TreeEnsembleClassifier ("class") or -Regressor ("target")."""
    nodes: dict[str, list] = {
        f"nodes_{key}": []
        for key in (
            "treeids",
            "nodeids",
            "modes",
            "featureids",
            "values",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
            "hitrates",
        )
    }
    votes: dict[str, list] = {
        f"{kind}_{key}": [] for key in ("treeids", "nodeids", "ids", "weights")
    }

    def add(tree: int, node: Branch | Leaf, next_id: int) -> int:
        """Append the node and what is below it; the next free id."""
        leaf = isinstance(node, Leaf)
        row = {
            "treeids": tree,
            "nodeids": next_id,
            "modes": "LEAF" if leaf else f"BRANCH_{node.mode}",
            "featureids": 0 if leaf else node.feature,
            "values": 0.0 if leaf else node.value,
            "truenodeids": 0,
            "falsenodeids": 0,
            "missing_value_tracks_true": 0 if leaf else node.missing_is_yes,
            "hitrates": 1.0,
        }
        for key, value in row.items():
            nodes[f"nodes_{key}"].append(value)
        if leaf:
            for id_, weight in node.weights.items():
                votes[f"{kind}_treeids"].append(tree)
                votes[f"{kind}_nodeids"].append(next_id)
                votes[f"{kind}_ids"].append(id_)
                votes[f"{kind}_weights"].append(float(weight))
            return next_id + 1
        position = len(nodes["nodes_nodeids"]) - 1
        nodes["nodes_truenodeids"][position] = next_id + 1
        middle = add(tree, node.yes, next_id + 1)
        nodes["nodes_falsenodeids"][position] = middle
        return add(tree, node.no, middle)

    for tree, root in enumerate(trees):
        add(tree, root, 0)
    return nodes | votes


MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"]

# Below, at and above the thresholds 0.5 and 2, and missing.
TREE_ROWS = np.array(
    [[0.0, 1.0], [0.5, 2.0], [1.0, 3.0], [NAN, 2.0], [0.5, NAN], [NAN, NAN], [-9, 9]],
    dtype=np.float32,
)


def tree_regressor(
    name: str,
    trees: list[Branch | Leaf],
    n_targets: int = 1,
    rows: np.ndarray = TREE_ROWS,
    **attributes: object,
) -> Fixture:
    """A TreeEnsembleRegressor."""
    node = ml_node(
        "TreeEnsembleRegressor",
        ["X"],
        ["Y"],
        n_targets=n_targets,
        **forest_attributes(trees, "target"),
        **attributes,
    )
    inputs = {"X": rows}
    outputs = {"Y": ("float32", ["N", n_targets])}
    return Fixture(built(name, [node], inputs, outputs), inputs)


def tree_classifier(
    name: str,
    trees: list[Branch | Leaf],
    classes: list[int] | list[str],
    rows: np.ndarray = TREE_ROWS,
    **attributes: object,
) -> Fixture:
    """A TreeEnsembleClassifier, its scores a plain tensor."""
    words = isinstance(classes[0], str)
    key = "classlabels_strings" if words else "classlabels_int64s"
    node = ml_node(
        "TreeEnsembleClassifier",
        ["X"],
        ["label", "scores"],
        **{key: classes},
        **forest_attributes(trees, "class"),
        **attributes,
    )
    inputs = {"X": rows}
    outputs = {
        "label": ("string" if words else "int64", ["N"]),
        "scores": ("float32", ["N", len(classes)]),
    }
    return Fixture(built(name, [node], inputs, outputs), inputs)


def stump(mode: str, weight: float, missing_is_yes: int) -> Branch:
    """One question of each feature; each leaf has a weight of its own."""
    below = [
        Branch(
            mode,
            1,
            2.0,
            Leaf({0: weight * a}),
            Leaf({0: weight * b}),
            missing_is_yes,
        )
        for a, b in ((1, 2), (3, 4))
    ]
    return Branch(mode, 0, 0.5, *below, missing_is_yes)


def tree_mode(mode: str) -> Fixture:
    """One mode alone, with and without "missing leads to yes"."""
    trees = [stump(mode, 1, 0), stump(mode, 10, 1)]
    return tree_regressor(f"tree_mode_{mode.lower()}", trees)


for _mode in MODES:
    FIXTURES[f"tree_mode_{_mode.lower()}"] = lambda mode=_mode: tree_mode(mode)


@fixture
def tree_modes_mixed_regressor() -> Fixture:
    trees = [
        stump(mode, 5**position, missing)
        for missing in (0, 1)
        for position, mode in enumerate(MODES)
    ]
    return tree_regressor("tree_modes_mixed_regressor", trees)


@fixture
def tree_modes_mixed_classifier() -> Fixture:
    trees = [
        Branch(
            mode,
            position % 2,
            [0.5, 2.0][position % 2],
            Leaf({0: 1.0 + position, 2: 0.25}),
            Leaf({1: 2.0 + position}),
            position % 2,
        )
        for position, mode in enumerate(MODES)
    ]
    return tree_classifier("tree_modes_mixed_classifier", trees, [10, 20, 30])


@fixture
def tree_modes_one_tree() -> Fixture:
    tree: Branch | Leaf = Leaf({0: 64.0})
    for position, mode in enumerate(MODES):
        feature = position % 2
        value = [0.5, 2.0][feature]
        tree = Branch(mode, feature, value, Leaf({0: 2.0**position}), tree, 0)
    return tree_regressor("tree_modes_one_tree", [tree])


@fixture
def tree_equals_chain() -> Fixture:
    tree: Branch | Leaf = Leaf({0: -1.0})
    for value in (3.0, 2.0, 1.0):
        tree = Branch("EQ", 1, value, Leaf({0: 7.0}), tree)
    return tree_regressor("tree_equals_chain", [tree])


def map_leaves(node: Branch | Leaf, change: Callable[[dict], dict]) -> Branch | Leaf:
    """The same tree with other leaves."""
    if isinstance(node, Leaf):
        return Leaf(change(node.weights))
    yes, no = map_leaves(node.yes, change), map_leaves(node.no, change)
    return Branch(node.mode, node.feature, node.value, yes, no, node.missing_is_yes)


def moved(trees: list[Branch]) -> list[Branch | Leaf]:
    """The same trees voting for the first column, as the exporters write them."""
    return [only_target_zero(tree) for tree in trees]


def only_target_zero(tree: Branch | Leaf) -> Branch | Leaf:
    return map_leaves(tree, lambda weights: {0: next(iter(weights.values()))})


def only_two_targets(tree: Branch | Leaf) -> Branch | Leaf:
    return map_leaves(tree, lambda weights: {k % 2: v for k, v in weights.items()})


TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]


def leaves(*weights: dict[int, float]) -> list[Branch]:
    """Two trees over four leaves."""
    a, b, c, d = (Leaf(w) for w in weights)
    return [Branch("LEQ", 0, 0.5, a, b, 1), Branch("LT", 1, 2.0, c, d)]


# Scores stay between 0 and 1, for PROBIT, and one class gets none in some rows.
THREE = leaves({0: 0.2, 1: 0.3}, {1: 0.4}, {2: 0.35}, {0: 0.15, 2: 0.1})
POSITIVE = leaves({1: 0.1}, {1: 0.45}, {1: 0.15}, {1: 0.42})
SIGNED = leaves({1: -0.6}, {1: 0.7}, {1: -0.3}, {1: 0.4})


ONE_TARGET = moved(POSITIVE)


def transformed(transform: str) -> dict[str, Callable[[], Fixture]]:
    """The same trees under one post_transform."""
    end = transform.lower()

    def with_end(start: str, make: Callable, *args: object) -> tuple[str, Callable]:
        name = f"{start}_{end}"
        return name, lambda: make(name, *args, post_transform=transform)

    made = [
        with_end("tree_three", tree_classifier, THREE, [0, 1, 2]),
        with_end("tree_binary_positive", tree_classifier, POSITIVE, [0, 1]),
        with_end("tree_regressor_two", tree_regressor, THREE[:1], 2),
        with_end("tree_regressor_one", tree_regressor, ONE_TARGET),
    ]
    if transform != "PROBIT":  # The probit of a negative score is not defined.
        made += [
            with_end("tree_binary_signed", tree_classifier, SIGNED, [0, 1]),
            with_end("tree_binary_zero", tree_classifier, moved(SIGNED), [0, 1]),
        ]
    return dict(made)


for _transform in TRANSFORMS:
    FIXTURES.update(transformed(_transform))


@fixture
def tree_binary_class_zero() -> Fixture:
    return tree_classifier("tree_binary_class_zero", moved(POSITIVE), [5, 6])


@fixture
def tree_binary_both_ids() -> Fixture:
    trees = leaves({0: 0.4, 1: 0.1}, {1: 0.5}, {0: 0.2, 1: 0.3}, {0: 0.45, 1: 0.05})
    made = tree_classifier("tree_binary_both_ids", trees, [0, 1])
    made.note = (
        "ORT's label is class 1 wherever it scores above 0, not the larger score"
    )
    return made


@fixture
def tree_binary_one_base() -> Fixture:
    return tree_classifier(
        "tree_binary_one_base",
        moved(SIGNED),
        [0, 1],
        base_values=[0.25],
        post_transform="LOGISTIC",
    )


@fixture
def tree_binary_two_bases() -> Fixture:
    made = tree_classifier(
        "tree_binary_two_bases",
        moved(SIGNED),
        [0, 1],
        base_values=[0.5, 0.25],
        post_transform="LOGISTIC",
    )
    made.note = "ORT adds the first base value and leaves the second score at zero"
    return made


@fixture
def tree_binary_id_one_one_base() -> Fixture:
    made = tree_classifier(
        "tree_binary_id_one_one_base", SIGNED, [0, 1], base_values=[0.25]
    )
    made.note = "class ids of the second column: ORT leaves the base value out"
    return made


@fixture
def tree_binary_id_one_two_bases() -> Fixture:
    made = tree_classifier(
        "tree_binary_id_one_two_bases", SIGNED, [0, 1], base_values=[1.0, 2.0]
    )
    made.note = "class ids of the second column: ORT's scores ignore the trees"
    return made


@fixture
def tree_binary_strings() -> Fixture:
    return tree_classifier("tree_binary_strings", POSITIVE, ["no", "yes"])


@fixture
def tree_three_bases() -> Fixture:
    return tree_classifier(
        "tree_three_bases", THREE, ["a", "b", "c"], base_values=[0.1, 0.0, 0.2]
    )


def aggregated(how: str, n_targets: int) -> Fixture:
    """Three trees put together in one way, over base values."""
    two = {0: 0.5, 1: -4.0}
    trees = [*THREE, Branch("GTE", 1, 2.0, Leaf(two), Leaf({0: -1.0}))]
    if n_targets == 1:
        trees = [*SIGNED, Branch("GTE", 1, 2.0, Leaf({1: 2.0}), Leaf({1: -1.0}))]
        trees = moved(trees)
    else:
        trees = [only_two_targets(tree) for tree in trees]
    name = f"tree_{how.lower()}_{n_targets}"
    bases = [0.5, -0.25][:n_targets]
    return tree_regressor(
        name, trees, n_targets, aggregate_function=how, base_values=bases
    )


for _how in ("SUM", "AVERAGE", "MIN", "MAX"):
    for _n in (1, 2):
        FIXTURES[f"tree_{_how.lower()}_{_n}"] = lambda how=_how, n=_n: aggregated(
            how, n
        )


@fixture
def tree_double() -> Fixture:
    attributes = forest_attributes([stump("LEQ", 0.1, 0)], "target")
    doubles = {
        f"{key}_as_tensor": helper.make_tensor(
            key, TensorProto.DOUBLE, [len(attributes[key])], attributes.pop(key)
        )
        for key in ("nodes_values", "target_weights", "nodes_hitrates")
    }
    node = ml_node(
        "TreeEnsembleRegressor", ["X"], ["Y"], n_targets=1, **attributes, **doubles
    )
    inputs = {"X": TREE_ROWS.astype(np.float64)}
    model = built("tree_double", [node], inputs, {"Y": ("float32", ["N", 1])})
    return Fixture(model, inputs, "float64 input, thresholds and weights")


@fixture
def tree_ensemble_v5() -> Fixture:
    def floats(key: str, values: list[float]) -> TensorProto:
        return helper.make_tensor(key, TensorProto.FLOAT, [len(values)], values)

    # Node 0: X[0] <= 0.5 ? leaf 0 : node 1; node 1: X[1] in {2, 9} ? leaf 1 : leaf 2.
    node = ml_node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        n_targets=2,
        aggregate_function=1,
        post_transform=0,
        tree_roots=[0],
        nodes_modes=helper.make_tensor("nodes_modes", TensorProto.UINT8, [2], [0, 6]),
        nodes_featureids=[0, 1],
        nodes_splits=floats("nodes_splits", [0.5, 0.0]),
        nodes_truenodeids=[0, 1],
        nodes_trueleafs=[1, 1],
        nodes_falsenodeids=[1, 2],
        nodes_falseleafs=[0, 1],
        nodes_missing_value_tracks_true=[0, 0],
        membership_values=floats("membership_values", [2.0, 9.0, NAN]),
        leaf_targetids=[0, 1, 0],
        leaf_weights=floats("leaf_weights", [1.5, -2.5, 8.0]),
    )
    inputs = {"X": TREE_ROWS.copy()}
    inputs["X"][6] = [3, 9]
    outputs = {"Y": ("float32", ["N", 2])}
    model = built("tree_ensemble_v5", [node], inputs, outputs, ml_opset=5, opset=21)
    return Fixture(model, inputs, "the operator of ai.onnx.ml 5, with set membership")


# Linear models built by hand


def linear_classifier(name: str, n_classes: int, transform: str) -> Fixture:
    """A LinearClassifier; two classes share one row of coefficients."""
    rows = n_classes if n_classes > 2 else 1
    coefficients = [0.3, -0.2, 0.15, 0.25, -0.1, 0.05][: rows * 2]
    node = ml_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        coefficients=coefficients,
        intercepts=[0.4, 0.5, 0.45] if rows == 3 else [0.05],
        classlabels_ints=list(range(n_classes)),
        post_transform=transform,
    )
    inputs = {"X": np.clip(question(2), -0.7, 0.7)}
    outputs = {"label": ("int64", ["N"]), "scores": ("float32", ["N", n_classes])}
    return Fixture(built(name, [node], inputs, outputs), inputs)


# Without the PROBIT of two classes: ONNX Runtime 1.32 mixes up its rows.
LINEAR = [("three", 3, t) for t in TRANSFORMS]
LINEAR += [("binary", 2, t) for t in TRANSFORMS if t != "PROBIT"]

for _kind, _n, _transform in LINEAR:
    _name = f"linear_{_kind}_{_transform.lower()}"
    FIXTURES[_name] = lambda name=_name, n=_n, transform=_transform: linear_classifier(
        name, n, transform
    )


@fixture
def linear_regressor_logistic() -> Fixture:
    return one_node(
        "LinearRegressor",
        question(3),
        ("float32", ["N", 2]),
        coefficients=[0.5, -1.0, 0.25, 1.0, 2.0, -0.5],
        intercepts=[0.1, -0.2],
        targets=2,
        post_transform="LOGISTIC",
    )


# Preprocessing built by hand

NORMALIZER_ROWS = np.array(
    [[3, -4], [0, 0], [-2, -1], [0.5, 0.25], [1, 0], [-5, 5], [1e-3, 2]], np.float32
)


def normalizer(norm: str, rows: np.ndarray) -> Fixture:
    made = one_node("Normalizer", rows, ("float32", ["N", 2]), norm=norm)
    made.note = "a row of zeros, and negative values"
    return made


for _norm in ("MAX", "L1", "L2"):
    FIXTURES[f"normalizer_{_norm.lower()}"] = lambda norm=_norm: normalizer(
        norm, NORMALIZER_ROWS
    )


@fixture
def normalizer_int() -> Fixture:
    return normalizer("L2", NORMALIZER_ROWS.astype(np.int64))


@fixture
def binarizer() -> Fixture:
    x = np.array([[0.5, 1], [0.4, -1], [0.6, 0], [0, 2], [9, 0.5], [1, 1], [0, 0]])
    return one_node(
        "Binarizer", x.astype(np.float32), ("float32", ["N", 2]), threshold=0.5
    )


@fixture
def binarizer_nan_refused() -> Fixture:
    made = one_node("Binarizer", with_gaps(question(2)), ("float32", ["N", 2]))
    made.note, made.runs = "ONNX Runtime refuses a batch with a NaN", False
    return made


@fixture
def scaler() -> Fixture:
    return one_node(
        "Scaler",
        question(3),
        ("float32", ["N", 3]),
        offset=[1.0, -2.0, 0.5],
        scale=[2.0, 0.5, -1.0],
    )


@fixture
def scaler_one_for_all() -> Fixture:
    return one_node(
        "Scaler", question(3), ("float32", ["N", 3]), offset=[1.0], scale=[2.0]
    )


@fixture
def scaler_int() -> Fixture:
    x = np.arange(14, dtype=np.int64).reshape(7, 2)
    return one_node(
        "Scaler", x, ("float32", ["N", 2]), offset=[3.0, 1.0], scale=[0.5, 0.1]
    )


@fixture
def feature_vectorizer() -> Fixture:
    inputs = {"A": question(2), "B": question(3), "C": question(1)}
    node = ml_node(
        "FeatureVectorizer", ["A", "B", "C"], ["Y"], inputdimensions=[2, 3, 1]
    )
    outputs = {"Y": ("float32", ["N", 6])}
    return Fixture(built("feature_vectorizer", [node], inputs, outputs), inputs)


@fixture
def feature_vectorizer_int() -> Fixture:
    x = np.arange(14, dtype=np.int64).reshape(7, 2)
    inputs = {"A": x, "B": x[:, :1]}
    node = ml_node("FeatureVectorizer", ["A", "B"], ["Y"], inputdimensions=[2, 1])
    outputs = {"Y": ("float32", ["N", 3])}
    return Fixture(built("feature_vectorizer_int", [node], inputs, outputs), inputs)


WORDS = np.array([["a"], ["b"], ["ç"], [""], ["a"], ["unknown"], ["b"]], dtype=object)
INTS = np.array([[1], [2], [3], [0], [1], [-7], [2]], dtype=np.int64)
FLOATS = np.array([[1], [2.5], [NAN], [0], [1], [-7], [2.5]], dtype=np.float32)

# name: (input, output dtype, attributes)
LABEL_ENCODERS: dict[str, tuple[np.ndarray, str, dict[str, object]]] = {
    "string_int": (
        WORDS,
        "int64",
        {
            "keys_strings": ["a", "b", "ç"],
            "values_int64s": [10, 20, 30],
            "default_int64": -5,
        },
    ),
    "string_float": (
        WORDS,
        "float32",
        {
            "keys_strings": ["a", "b", "ç"],
            "values_floats": [0.5, 1.5, 2.5],
            "default_float": NAN,
        },
    ),
    "string_string": (
        WORDS,
        "string",
        {
            "keys_strings": ["a", "b", "ç"],
            "values_strings": ["x", "y", "ž"],
            "default_string": "other",
        },
    ),
    "int_string": (
        INTS,
        "string",
        {"keys_int64s": [1, 2, 3], "values_strings": ["x", "y", "ž"]},
    ),
    "int_int": (
        INTS,
        "int64",
        {"keys_int64s": [1, 2, 3], "values_int64s": [100, 200, 300]},
    ),
    "int_float": (
        INTS,
        "float32",
        {"keys_int64s": [1, 2, 3], "values_floats": [0.1, 0.2, 0.3]},
    ),
    "float_string": (
        FLOATS,
        "string",
        {"keys_floats": [1.0, 2.5, NAN], "values_strings": ["x", "y", "missing"]},
    ),
    "float_int": (
        FLOATS,
        "int64",
        {"keys_floats": [1.0, 2.5, NAN], "values_int64s": [7, 8, 9]},
    ),
    "float_float": (
        FLOATS,
        "float32",
        {
            "keys_floats": [1.0, 2.5, NAN],
            "values_floats": [0.1, 0.2, 0.3],
            "default_float": 9.0,
        },
    ),
}


def label_encoder(kind: str) -> Fixture:
    x, dtype, attributes = LABEL_ENCODERS[kind]
    return one_node("LabelEncoder", x, (dtype, ["N", 1]), **attributes)


for _kind in LABEL_ENCODERS:
    FIXTURES[f"label_encoder_{_kind}"] = lambda kind=_kind: label_encoder(kind)


@fixture
def label_encoder_tensors() -> Fixture:
    return one_node(
        "LabelEncoder",
        WORDS,
        ("float64", ["N", 1]),
        ml_opset=4,
        note="keys, values and default as tensors, of ai.onnx.ml 4",
        keys_tensor=helper.make_tensor(
            "keys", TensorProto.STRING, [2], [b"a", "ç".encode()]
        ),
        values_tensor=helper.make_tensor("values", TensorProto.DOUBLE, [2], [0.1, 0.2]),
        default_tensor=helper.make_tensor("default", TensorProto.DOUBLE, [1], [-1.0]),
    )


@fixture
def label_encoder_nan_v4() -> Fixture:
    x, dtype, attributes = LABEL_ENCODERS["float_string"]
    note = "ai.onnx.ml 4 finds a NaN among the keys, 3 does not"
    return one_node("LabelEncoder", x, (dtype, ["N", 1]), 4, note, **attributes)


@fixture
def label_encoder_v1() -> Fixture:
    return one_node(
        "LabelEncoder",
        WORDS,
        ("int64", ["N", 1]),
        ml_opset=1,
        note="ai.onnx.ml 1: the position in classes_strings",
        classes_strings=["a", "b", "ç"],
        default_int64=-1,
    )


@fixture
def category_mapper() -> Fixture:
    return one_node(
        "CategoryMapper",
        WORDS,
        ("int64", ["N", 1]),
        cats_strings=["a", "b", "ç"],
        cats_int64s=[4, 5, 6],
        default_int64=-1,
    )


@fixture
def one_hot_strings_zeros() -> Fixture:
    return one_node(
        "OneHotEncoder",
        WORDS,
        ("float32", ["N", 1, 3]),
        cats_strings=["a", "b", "ç"],
        zeros=1,
        note="unknown words become rows of zeros",
    )


@fixture
def one_hot_ints_strict() -> Fixture:
    return one_node(
        "OneHotEncoder",
        INTS[[0, 1, 2, 0, 0, 1, 1]],
        ("float32", ["N", 1, 3]),
        cats_int64s=[1, 2, 3],
        zeros=0,
        note="an unknown value would be an error",
    )


@fixture
def one_hot_floats() -> Fixture:
    return one_node(
        "OneHotEncoder",
        np.array([[1], [2.9], [3], [0], [-1], [-7], [1.2]], dtype=np.float32),
        ("float32", ["N", 1, 3]),
        cats_int64s=[1, 2, 3],
        zeros=1,
        note="a float is cut to an integer first",
    )


@fixture
def one_hot_unknown_refused() -> Fixture:
    made = one_node(
        "OneHotEncoder",
        WORDS,
        ("float32", ["N", 1, 3]),
        cats_strings=["a", "b", "ç"],
        zeros=0,
        note="an unknown word with zeros=0: ONNX Runtime refuses the batch",
    )
    made.runs = False
    return made


def extractor(name: str, positions: list[int]) -> Fixture:
    node = ml_node("ArrayFeatureExtractor", ["X", "positions"], ["Y"])
    inputs = {"X": question(4)}
    constants = {"positions": np.array(positions, dtype=np.int64)}
    outputs = {"Y": ("float32", ["N", len(positions)])}
    return Fixture(built(name, [node], inputs, outputs, constants=constants), inputs)


@fixture
def array_feature_extractor() -> Fixture:
    return extractor("array_feature_extractor", [3, 0, 3])


@fixture
def array_feature_extractor_one() -> Fixture:
    return extractor("array_feature_extractor_one", [2])


@fixture
def array_feature_extractor_strings() -> Fixture:
    node = ml_node("ArrayFeatureExtractor", ["X", "positions"], ["Y"])
    _, words = mixed_columns()
    inputs = {"X": words[:ROWS]}
    constants = {"positions": np.array([1, 0], dtype=np.int64)}
    model = built(
        "array_feature_extractor_strings",
        [node],
        inputs,
        {"Y": ("string", ["N", 2])},
        constants=constants,
    )
    return Fixture(model, inputs)


@fixture
def imputer_nan_columns() -> Fixture:
    return one_node(
        "Imputer",
        with_gaps(question(3)),
        ("float32", ["N", 3]),
        imputed_value_floats=[1.0, 2.0, 3.0],
        replaced_value_float=NAN,
    )


@fixture
def imputer_zero_one_value() -> Fixture:
    x = np.array([[0, 1], [2, 0], [NAN, 0], [3, -0.0], [1, 1], [0, NAN], [5, 6]])
    return one_node(
        "Imputer",
        x.astype(np.float32),
        ("float32", ["N", 2]),
        imputed_value_floats=[-1.0],
        replaced_value_float=0.0,
    )


@fixture
def imputer_int_columns() -> Fixture:
    x = np.array([[0, 1], [2, 0], [-1, 5], [3, -1], [-1, -1], [0, 4], [5, 6]])
    return one_node(
        "Imputer",
        x.astype(np.int64),
        ("int64", ["N", 2]),
        imputed_value_int64s=[10, 20],
        replaced_value_int64=-1,
    )


# Networks, control flow and what must be refused


def recurrent(name: str, op: str, note: str, **attributes: object) -> Fixture:
    """A small recurrent layer over four steps of seven sequences."""
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rng = np.random.default_rng(3)
    hidden, width = 3, 2
    constants = {
        "W": rng.normal(size=(directions, gates * hidden, width)),
        "R": rng.normal(size=(directions, gates * hidden, hidden)),
        "B": rng.normal(size=(directions, 2 * gates * hidden)),
    }
    constants = {key: value.astype(np.float32) for key, value in constants.items()}
    names = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    node = helper.make_node(
        op, ["X", "W", "R", "B"], names, hidden_size=hidden, **attributes
    )
    inputs = {"X": rng.normal(size=(4, ROWS, width)).astype(np.float32)}
    end = [directions, ROWS, hidden]
    outputs = {n: ("float32", [4, *end] if n == "Y" else end) for n in names}
    model = built(
        name,
        [node],
        inputs,
        outputs,
        constants=constants,
        shapes={"X": [4, ROWS, width]},
    )
    return Fixture(model, inputs, note)


IGNORED = "tract ignores the direction: refuse it, or answer as here"


@fixture
def lstm_forward() -> Fixture:
    return recurrent("lstm_forward", "LSTM", "")


@fixture
def lstm_bidirectional() -> Fixture:
    return recurrent("lstm_bidirectional", "LSTM", "", direction="bidirectional")


@fixture
def lstm_reverse() -> Fixture:
    return recurrent("lstm_reverse", "LSTM", IGNORED, direction="reverse")


@fixture
def gru_reverse() -> Fixture:
    return recurrent("gru_reverse", "GRU", IGNORED, direction="reverse")


@fixture
def rnn_reverse() -> Fixture:
    return recurrent("rnn_reverse", "RNN", IGNORED, direction="reverse")


@fixture
def lstm_clip() -> Fixture:
    note = "tract ignores the clip: refuse it, or answer as here"
    return recurrent("lstm_clip", "LSTM", note, clip=0.5)


@fixture
def mystery() -> Fixture:
    node = helper.make_node(
        "Mystery", ["X"], ["Y"], name="what_is_this", domain="com.example"
    )
    inputs = {"X": question(2)}
    outputs = {"Y": ("float32", ["N", 2])}
    model = built("mystery", [node], inputs, outputs, domains=["com.example"])
    return Fixture(model, inputs, "an operator nobody knows", runs=False)


@fixture
def mystery_relu() -> Fixture:
    node = helper.make_node("Relu", ["X"], ["Y"], domain="com.example")
    inputs = {"X": question(2)}
    outputs = {"Y": ("float32", ["N", 2])}
    model = built("mystery_relu", [node], inputs, outputs, domains=["com.example"])
    note = "a known name in an unknown domain is not the known operator"
    return Fixture(model, inputs, note, runs=False)


def branching(name: str, flag: bool) -> Fixture:
    """X * 2 if the flag is set, else X - 1."""

    def branch(name: str, op: str, constant: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "M"])
        return helper.make_graph(
            [helper.make_node(op, ["X", constant], [name])], name, [], [out]
        )

    node = helper.make_node(
        "If",
        ["flag"],
        ["Y"],
        then_branch=branch("doubled", "Mul", "two"),
        else_branch=branch("less_one", "Sub", "one"),
    )
    inputs = {"X": question(3), "flag": np.array(flag)}
    model = built(
        name,
        [node],
        inputs,
        {"Y": ("float32", ["N", "M"])},
        constants={"one": np.float32([1]), "two": np.float32([2])},
        shapes={"X": ["N", "M"], "flag": []},
    )
    return Fixture(model, inputs, "both dimensions of X are open; flag is a scalar")


@fixture
def if_then() -> Fixture:
    return branching("if_then", True)


@fixture
def if_else() -> Fixture:
    return branching("if_else", False)


@fixture
def dynamic_shapes() -> Fixture:
    nodes = [
        helper.make_node("ReduceMean", ["X"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["X", "mean"], ["centred"]),
        helper.make_node("Softmax", ["centred"], ["Y"], axis=1),
    ]
    inputs = {"X": question(5)}
    model = built(
        "dynamic_shapes",
        nodes,
        inputs,
        {"Y": ("float32", ["N", "M"]), "mean": ("float32", ["N", 1])},
        shapes={"X": ["N", "M"]},
    )
    return Fixture(model, inputs, "both dimensions of X are open")


@fixture
def many_types() -> Fixture:
    nodes = [
        helper.make_node("Cast", ["flags"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Greater", ["doubles", "zero"], ["positive"]),
        helper.make_node("Identity", ["words"], ["same_words"]),
        helper.make_node("Add", ["ints", "ints"], ["twice"]),
        helper.make_node("Sqrt", ["doubles"], ["root"]),
    ]
    inputs = {
        "flags": np.array([[True], [False]] * 3 + [[True]]),
        "doubles": question(2).astype(np.float64),
        "words": WORDS,
        "ints": np.array([[2**53 + 1], [-1], [0], [1], [2], [3], [4]]),
    }
    outputs = {
        "as_float": ("float32", ["N", 1]),
        "positive": ("bool", ["N", 2]),
        "same_words": ("string", ["N", 1]),
        "twice": ("int64", ["N", 1]),
        "root": ("float64", ["N", 2]),
    }
    model = built(
        "many_types", nodes, inputs, outputs, constants={"zero": np.array([0.0])}
    )
    return Fixture(model, inputs, "int64 beyond 2^53, NaN out of a negative root")


@fixture
def rank_one_input() -> Fixture:
    nodes = [helper.make_node("Mul", ["X", "X"], ["Y"])]
    inputs = {"X": question(1).reshape(-1)}
    outputs = {"Y": ("float32", ["N"])}
    return Fixture(built("rank_one_input", nodes, inputs, outputs), inputs)


@fixture
def small_convolution() -> Fixture:
    rng = np.random.default_rng(4)
    nodes = [
        helper.make_node("Conv", ["X", "W", "B"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "D", "E"], ["Y"]),
    ]
    sizes = {"W": (3, 1, 3, 3), "B": (3,), "D": (27, 4), "E": (4,)}
    constants = {n: rng.normal(size=s).astype(np.float32) for n, s in sizes.items()}
    inputs = {"X": rng.normal(size=(ROWS, 1, 6, 6)).astype(np.float32)}
    outputs = {"Y": ("float32", ["N", 4])}
    model = built("small_convolution", nodes, inputs, outputs, constants=constants)
    return Fixture(model, inputs)


def network(
    name: str, nodes: list, sizes: dict[str, tuple], x: tuple, y: list, seed: int
) -> Fixture:
    """A network with weights of these sizes, small enough that sums stay near 1."""
    rng = np.random.default_rng(seed)
    constants = {}
    for n, size in sizes.items():
        scale = 1 / np.sqrt(max(np.prod(size[1:]), 1))
        constants[n] = (rng.normal(size=size) * scale).astype(np.float32)
    inputs = {"X": rng.normal(size=(ROWS, *x)).astype(np.float32).round(1)}
    model = built(name, nodes, inputs, {"Y": ("float32", ["N", *y])}, constants=constants)
    return Fixture(model, inputs)


@fixture
def convolutions() -> Fixture:
    """What a mobile network is made of, with channels that fill no vector."""
    node = helper.make_node
    nodes = [
        node("Conv", ["X", "W0", "B0"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Constant", [], ["zero"], value_float=0.0),
        node("Constant", [], ["six"], value_float=0.8),
        node("Clip", ["a", "zero", "six"], ["b"]),
        node("Conv", ["b", "W1", "B1"], ["c"], pads=[1, 1, 1, 1], group=18),
        node("Relu", ["c"], ["d"]),
        node("Conv", ["d", "W2"], ["e"]),
        node("Add", ["e", "b"], ["f"]),
        node("Relu", ["f"], ["g"]),
        node("Conv", ["g", "W3", "B3"], ["h"], pads=[2, 1, 1, 2], strides=[1, 2], group=18),
        node("MaxPool", ["g"], ["g1"], kernel_shape=[3, 3], strides=[1, 2], pads=[1, 0, 0, 0]),
        node("Conv", ["g1", "W4"], ["g2"], auto_pad="SAME_UPPER"),
        node("Add", ["h", "g2"], ["i"]),
        node("Conv", ["i", "W5", "B5"], ["j"], strides=[2, 2]),
        node("GlobalAveragePool", ["j"], ["k"]),
        node("Flatten", ["k"], ["l"]),
        node("Gemm", ["l", "W6", "B6"], ["Y"], transB=1, alpha=0.5),
    ]
    sizes = {
        "W0": (18, 2, 3, 3), "B0": (18,), "W1": (18, 1, 3, 3), "B1": (18,),
        "W2": (18, 18, 1, 1), "W3": (18, 1, 5, 5), "B3": (18,), "W4": (18, 18, 1, 3),
        "W5": (35, 18, 1, 1), "B5": (35,), "W6": (4, 35), "B6": (4,),
    }  # fmt: skip
    return network("convolutions", nodes, sizes, (2, 11, 9), [4], 12)


@fixture
def convolutions_same_then_stride() -> Fixture:
    """tract draws the second stride into the first convolution and then pads that differently."""
    node = helper.make_node
    nodes = [
        node("Conv", ["X", "W0"], ["a"], auto_pad="SAME_UPPER"),
        node("Conv", ["a", "W1"], ["b"], strides=[2, 2]),
        node("Conv", ["b", "W2"], ["c"], auto_pad="SAME_LOWER", group=3),
        node("Conv", ["c", "W3"], ["Y"], strides=[2, 1]),
    ]
    sizes = {"W0": (6, 2, 3, 4), "W1": (6, 6, 1, 1), "W2": (9, 2, 4, 2), "W3": (2, 9, 1, 1)}
    return network("convolutions_same_then_stride", nodes, sizes, (2, 10, 9), [2, 3, 5], 16)


@fixture
def convolutions_in_rows() -> Fixture:
    """Wide enough that positions are worked on together, with a kernel of five."""
    node = helper.make_node
    nodes = [
        node("Conv", ["X", "W0"], ["a"]),
        node("Conv", ["a", "W1", "B1"], ["b"], pads=[2, 2, 2, 2], group=17),
        node("Conv", ["b", "W2", "B2"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2], group=17),
        node("Conv", ["c", "W3", "B3"], ["d"], pads=[1, 1, 1, 1], strides=[1, 2]),
        node("ReduceMean", ["d"], ["Y"], axes=[2, 3], keepdims=0),
    ]
    sizes = {
        "W0": (17, 1, 1, 1), "W1": (17, 1, 5, 5), "B1": (17,), "W2": (17, 1, 3, 3),
        "B2": (17,), "W3": (3, 17, 3, 3), "B3": (3,),
    }  # fmt: skip
    return network("convolutions_in_rows", nodes, sizes, (1, 6, 21), [3], 13)


@fixture
def products() -> Fixture:
    """Products with constant matrices as transformers have them."""
    node = helper.make_node
    nodes = [
        node("MatMul", ["X", "W0"], ["a"]),
        node("Add", ["B0", "a"], ["b"]),
        node("Erf", ["b"], ["c"]),
        node("MatMul", ["c", "W1"], ["d"]),
        node("Add", ["d", "B1"], ["e"]),
        node("Add", ["X", "e"], ["f"]),
        node("Relu", ["f"], ["g"]),
        node("Transpose", ["g"], ["h"], perm=[0, 2, 1]),
        node("MatMul", ["h", "W2"], ["i"]),
        node("MatMul", ["W3", "i"], ["j"]),
        node("Flatten", ["j"], ["k"]),
        node("Gemm", ["k", "W4", "B4"], ["l"], transB=1),
        node("Relu", ["l"], ["m"]),
        node("Gemm", ["m", "W5", "B5"], ["Y"], beta=2.0),
    ]
    sizes = {
        "W0": (21, 37), "B0": (37,), "W1": (37, 21), "B1": (21,), "W2": (5, 52),
        "W3": (2, 21), "W4": (33, 104), "B4": (33,), "W5": (33, 3), "B5": (3,),
    }  # fmt: skip
    return network("products", nodes, sizes, (5, 21), [3], 14)


@fixture
def layer_normalization() -> Fixture:
    """Along one and along two axes, with and without a bias, and a Gelu as PyTorch writes it."""
    node = helper.make_node
    nodes = [
        node("LayerNormalization", ["X", "W0", "B0"], ["a"], epsilon=1e-4),
        node("LayerNormalization", ["a", "W1"], ["b"], axis=1),
        node("MatMul", ["b", "W2"], ["c"]),
        node("Constant", [], ["root"], value_float=float(np.sqrt(2))),
        node("Constant", [], ["one"], value_float=1.0),
        node("Constant", [], ["half"], value_float=0.5),
        node("Div", ["c", "root"], ["d"]),
        node("Erf", ["d"], ["e"]),
        node("Add", ["e", "one"], ["f"]),
        node("Mul", ["c", "f"], ["g"]),
        node("Mul", ["g", "half"], ["Y"]),
    ]
    sizes = {"W0": (37,), "B0": (37,), "W1": (3, 37), "W2": (37, 11)}
    return network("layer_normalization", nodes, sizes, (3, 37), [3, 11], 15)


# What ONNX Runtime does that one would not guess from the specification.
NO_TRANSFORM = "ORT leaves the scores as they are under this post_transform"
QUIRKS = dict.fromkeys(
    (
        "linear_binary_softmax",
        "linear_binary_softmax_zero",
        "tree_binary_zero_softmax",
        "tree_binary_zero_softmax_zero",
        "tree_regressor_one_logistic",
        "tree_regressor_one_softmax",
        "tree_regressor_one_softmax_zero",
    ),
    NO_TRANSFORM,
)


# Running and writing ------------------------------------------------------------------


def element(value: object) -> object:
    """A value as JSON; a float as the shortest decimal that reads back to its bits."""
    if isinstance(value, np.floating | float):
        if np.isnan(value):
            return None
        return float(str(value)) if np.isfinite(value) else str(float(value))
    return value.item() if isinstance(value, np.generic) else value


def described(name: str, array: np.ndarray) -> dict[str, object]:
    """A tensor as JSON."""
    return {
        "name": name,
        "dtype": dtype_name(array),
        "shape": list(array.shape),
        "data": [element(value) for value in array.reshape(-1)],
    }


def zipmap_classes(model: ModelProto, output: str) -> list[int] | list[str]:
    """The class order of the ZipMap that makes an output."""
    (node,) = (n for n in model.graph.node if output in n.output)
    (labels,) = node.attribute
    return list(labels.ints) or [label.decode() for label in labels.strings]


def answers(made: Fixture) -> list[dict[str, object]]:
    """ONNX Runtime's outputs."""
    session = onnxruntime.InferenceSession(
        made.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    outputs = []
    for info, value in zip(
        session.get_outputs(), session.run(None, made.inputs), strict=True
    ):
        if isinstance(value, list):
            classes = zipmap_classes(made.model, info.name)
            table = [[row[c] for c in classes] for row in value]
            found = described(info.name, np.array(table, np.float32))
            found["classes"] = classes
        else:
            found = described(info.name, value)
        outputs.append(found)
    return outputs


def refusal(made: Fixture) -> None:
    """Make sure that ONNX Runtime cannot run the model either."""
    try:
        answers(made)
    except Exception:
        return
    raise AssertionError("ONNX Runtime was expected to refuse this")


def write(name: str, made: Fixture) -> None:
    """Write NAME.onnx and NAME.json."""
    model = made.model
    if made.runs:
        onnx.checker.check_model(model)
        outputs = made.answers or answers(made)
    else:
        refusal(made)
        outputs = None
    content: dict[str, object] = {
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "source": f"onnxruntime {onnxruntime.__version__}",
        "inputs": [described(n, a) for n, a in made.inputs.items()],
        "outputs": outputs,
    }
    if note := made.note or QUIRKS.get(name):
        content["note"] = note
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    binary = model.SerializeToString(deterministic=True)
    (HERE / f"{name}.onnx").write_bytes(binary)


def main() -> None:
    """Make the fixtures named on the command line, or all of them."""
    onnxruntime.set_default_logger_severity(4)
    warnings.simplefilter("ignore")  # Deprecations, and networks stopped early.
    for name in sys.argv[1:] or FIXTURES:
        write(name, FIXTURES[name]())


if __name__ == "__main__":
    main()
