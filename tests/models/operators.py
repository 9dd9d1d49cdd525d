"""More fixtures of single operators: text, maps, and numbers that are none.

Run like make.py, from anywhere, in the same environment:

    python tests/models/operators.py [NAME …]

The files come to lie beside those of make.py, in the same form.
"""

import sys
import warnings
from collections.abc import Callable

import make
import numpy as np
import onnx
import onnxruntime
from make import ML, NAN, Fixture, built, ml_node
from onnx import ModelProto, TensorProto, helper

MICROSOFT = "com.microsoft"
FIXTURES: dict[str, Callable[[], Fixture]] = {}


def fixture(make_fixture: Callable[[], Fixture]) -> Callable[[], Fixture]:
    """Enter a fixture under its function's name."""
    FIXTURES[make_fixture.__name__] = make_fixture
    return make_fixture


# Text ---------------------------------------------------------------------------------

SENTENCES = [
    "the quick brown fox",
    "A café, a dog.",
    "",
    "x",
    "fox--fox fox",
    " two  spaces ",
    "ünïcode wörds 42",
]


def texts(*words: str) -> np.ndarray:
    """One axis of text."""
    return np.array(words, dtype=object)


def on_text(
    op: str,
    outputs: dict[str, tuple[str, list]],
    *inputs: np.ndarray,
    domain: str = "",
    **attributes: object,
) -> Fixture:
    """One node on texts."""
    given = {f"X{idx}": array for idx, array in enumerate(inputs)}
    node = helper.make_node(
        op, list(given), list(outputs), domain=domain, name=op, **attributes
    )
    model = built(op.lower(), [node], given, outputs, opset=20, domains=[MICROSOFT])
    model.ir_version = 9
    return Fixture(model, given)


def tokenizer(**attributes: object) -> Fixture:
    attributes = {"mark": 0, "mincharnum": 1, "pad_value": "#"} | attributes
    tokens = {"Y": ("string", ["N", "tokens"])}
    given = texts(*SENTENCES)
    return on_text("Tokenizer", tokens, given, domain=MICROSOFT, **attributes)


@fixture
def tokenizer_separators() -> Fixture:
    return tokenizer(separators=[" ", "--", "[.,]"], mark=1)


@fixture
def tokenizer_expression() -> Fixture:
    return tokenizer(tokenexp="\\b\\w\\w+\\b")


@fixture
def tokenizer_longest() -> Fixture:
    return tokenizer(tokenexp="fo|fox|the( quick)?", mincharnum=3)


@fixture
def tokenizer_characters() -> Fixture:
    return tokenizer(separators=[""])


@fixture
def string_normalizer() -> Fixture:
    words = {"Y": ("string", ["N"])}
    given = texts(*SENTENCES)
    return on_text(
        "StringNormalizer", words, given, case_change_action="UPPER", locale="C.UTF-8"
    )


@fixture
def string_normalizer_stopwords() -> Fixture:
    words = {"Y": ("string", ["words"])}
    return on_text(
        "StringNormalizer",
        words,
        texts("The", "fox", "and", "THE", "dog"),
        case_change_action="LOWER",
        stopwords=["the", "AND"],
        locale="C.UTF-8",
    )


@fixture
def string_split() -> Fixture:
    parts = {"Y": ("string", ["N", "parts"]), "Z": ("int64", ["N"])}
    return on_text("StringSplit", parts, texts(*SENTENCES))


@fixture
def string_split_delimiter() -> Fixture:
    parts = {"Y": ("string", ["N", "parts"]), "Z": ("int64", ["N"])}
    given = texts(*SENTENCES)
    return on_text("StringSplit", parts, given, delimiter="--", maxsplit=1)


@fixture
def string_concat() -> Fixture:
    joined = {"Y": ("string", ["N", 2])}
    left = texts(*SENTENCES).reshape(-1, 1)
    return on_text("StringConcat", joined, left, np.tile(texts("!", " ?"), (7, 1)))


@fixture
def regex_full_match() -> Fixture:
    matches = {"Y": ("bool", ["N"])}
    given = texts(*SENTENCES)
    return on_text("RegexFullMatch", matches, given, pattern="[\\w ]*|x|.*42")


@fixture
def category_mapper_names() -> Fixture:
    return make.one_node(
        "CategoryMapper",
        np.array([[4], [5], [9], [6], [-1], [5], [4]], dtype=np.int64),
        ("string", ["N", 1]),
        cats_strings=["a", "b", "ç"],
        cats_int64s=[4, 5, 6],
        default_string="?",
    )


def tfidf(name: str, **attributes: object) -> Callable[[], Fixture]:
    """Counts of single items, pairs and triples of whole numbers."""

    def make_fixture() -> Fixture:
        rng = np.random.default_rng(4)
        x = rng.integers(0, 4, (7, 6))
        chosen = {
            "mode": "TF",
            "min_gram_length": 1,
            "max_gram_length": 3,
            "max_skip_count": 0,
            "ngram_counts": [0, 3, 7],
            "ngram_indexes": [3, 0, 1, 2, 5, 4],
            "pool_int64s": [0, 1, 3, 0, 1, 1, 2, 1, 2, 3],
        } | attributes
        counts = {"Y": ("float32", ["N", 6])}
        return on_text("TfIdfVectorizer", counts, x, **chosen)

    FIXTURES[name] = make_fixture
    return make_fixture


tfidf("tfidf_counts")
tfidf("tfidf_skips", max_skip_count=2)
tfidf("tfidf_pairs", min_gram_length=2, max_gram_length=2, max_skip_count=1)
tfidf("tfidf_weights", mode="TFIDF", weights=[0.5, 1.5, 2.0, 0.25, 3.0, 1.0])
tfidf("tfidf_presence", mode="IDF", weights=[0.5, 1.5, 2.0, 0.25, 3.0, 1.0])

# Maps ---------------------------------------------------------------------------------


def map_of_text(name: str, node: onnx.NodeProto, n_columns: int) -> ModelProto:
    """A model whose input is a map from text to numbers."""
    number = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    kind = helper.make_map_type_proto(TensorProto.STRING, number)
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_value_info("X", kind)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, n_columns])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 1)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=8, producer_name="onnx.helper"
    )


@fixture
def dict_vectorizer() -> Fixture:
    keys = ["age", "fare", "größe"]
    node = ml_node("DictVectorizer", ["X"], ["Y"], string_vocabulary=keys)
    model = map_of_text("dict_vectorizer", node, 3)
    x = np.array([[1, 2.5, 0], [0, -1, 4]], dtype=np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for row in x:
        (answer,) = session.run(None, {"X": dict(zip(keys, row.tolist(), strict=True))})
        assert np.array_equal(answer, row.reshape(1, -1))
    made = Fixture(model, {"X": x}, "maps in ONNX, a table here")
    made.answers = [make.described("Y", x)]
    return made


@fixture
def cast_map() -> Fixture:
    node = ml_node("CastMap", ["X"], ["Y"], cast_to="TO_FLOAT")
    x = np.zeros((2, 3), dtype=np.float32)
    return Fixture(map_of_text("cast_map", node, 3), {"X": x}, runs=False)


# Numbers that are none ----------------------------------------------------------------

ODD = np.array(
    [[NAN, 1], [np.inf, 1], [-np.inf, 1], [1e30, -1], [1e-30, 0], [0, 0], [2, NAN]],
    dtype=np.float32,
)


def odd(op: str, outputs: dict[str, tuple[str, list]], **attributes: object) -> Fixture:
    """One node of ai.onnx.ml, asked with NaN, infinities and large numbers."""
    node = ml_node(op, ["X"], list(outputs), **attributes)
    return Fixture(built(op.lower(), [node], {"X": ODD}, outputs), {"X": ODD})


SCORES = {"L": ("int64", ["N"]), "P": ("float32", ["N", 2])}


@fixture
def odd_normalizer_l2() -> Fixture:
    return odd("Normalizer", {"Y": ("float32", ["N", 2])}, norm="L2")


@fixture
def odd_scaler() -> Fixture:
    table = {"Y": ("float32", ["N", 2])}
    return odd("Scaler", table, offset=[1.0, 2.0], scale=[0.5, 2.0])


@fixture
def odd_linear_classifier() -> Fixture:
    return odd(
        "LinearClassifier",
        SCORES,
        coefficients=[0.5, -1.0],
        intercepts=[0.1],
        classlabels_ints=[3, 5],
        post_transform="LOGISTIC",
    )


@fixture
def odd_svm_probability() -> Fixture:
    return odd(
        "SVMClassifier",
        SCORES,
        coefficients=[0.5, -0.5],
        rho=[0.1],
        support_vectors=[1.0, 0.0, 0.0, 1.0],
        vectors_per_class=[1, 1],
        kernel_type="RBF",
        kernel_params=[0.5, 0.0, 3.0],
        classlabels_ints=[3, 5],
        prob_a=[-1.5],
        prob_b=[0.1],
    )


# Trees of ai.onnx.ml 5 ----------------------------------------------------------------


def tree_v5(name: str, kind: int, aggregate: int, transform: int) -> None:
    """Two trees with every mode between them, in single or double precision."""

    def make_fixture() -> Fixture:
        dtype = np.float64 if kind == TensorProto.DOUBLE else np.float32

        def numbers(key: str, values: list[float]) -> TensorProto:
            return helper.make_tensor(key, kind, [len(values)], values)

        modes = [0, 6, 3, 1, 2, 4, 5]
        node = ml_node(
            "TreeEnsemble",
            ["X"],
            ["Y"],
            n_targets=2,
            aggregate_function=aggregate,
            post_transform=transform,
            tree_roots=[0, 3],
            nodes_modes=helper.make_tensor("nodes_modes", TensorProto.UINT8, [7], modes),
            nodes_featureids=[0, 1, 0, 1, 0, 1, 0],
            nodes_splits=numbers("nodes_splits", [0.5, 0, 1.5, 1, 0.25, 2, -1]),
            nodes_truenodeids=[1, 2, 0, 4, 0, 1, 3],
            nodes_trueleafs=[0, 0, 1, 0, 1, 1, 1],
            nodes_falsenodeids=[2, 1, 4, 5, 6, 5, 2],
            nodes_falseleafs=[1, 1, 1, 0, 0, 1, 1],
            nodes_missing_value_tracks_true=[1, 0, 0, 0, 1, 0, 0],
            membership_values=numbers("membership_values", [1.0, 2.0, 9.0, NAN]),
            leaf_targetids=[0, 1, 0, 1, 0, 1],
            leaf_weights=numbers("leaf_weights", [1.5, -2.5, 8.0, 0.5, -0.25, 1.0]),
        )
        rows = [[0, 1], [0, 2], [3, 9], [0.25, 0], [NAN, 9], [-1, 5], [0.4, NAN]]
        inputs = {"X": np.array(rows, dtype=dtype)}
        outputs = {"Y": (np.dtype(dtype).name, ["N", 2])}
        model = built(name, [node], inputs, outputs, ml_opset=5, opset=21)
        return Fixture(model, inputs)

    FIXTURES[name] = make_fixture


tree_v5("tree_v5_sum", TensorProto.FLOAT, 1, 0)
tree_v5("tree_v5_average_logistic", TensorProto.FLOAT, 0, 2)
tree_v5("tree_v5_min_double", TensorProto.DOUBLE, 2, 0)
tree_v5("tree_v5_max_softmax", TensorProto.FLOAT, 3, 1)


def main() -> None:
    """Make the fixtures named on the command line, or all of them."""
    onnxruntime.set_default_logger_severity(4)
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or FIXTURES:
        make.write(name, FIXTURES[name]())


if __name__ == "__main__":
    main()
