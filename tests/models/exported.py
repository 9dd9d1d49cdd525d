"""The conformance set: what scikit-learn, LightGBM and XGBoost users export.

Run like make.py, from anywhere, in the same environment:

    python tests/models/exported.py [NAME …]

Every model is fitted on the data of make.py and exported for one of the operator sets
9 to 21, with ZipMap as its default or without, in turn. The files are in `exported/`,
in the form that make.py describes. Text models need the locale en_US.UTF-8.
"""

import sys
import warnings
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import lightgbm
import make
import numpy as np
import onnxruntime
import skl2onnx.common.data_types as skl_types
import xgboost
from make import ML, Arrays, Fixture, amount, named_classes, numbers, question
from make import three_classes, two_classes, with_gaps
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as ToolsFloatType
from skl2onnx import convert_sklearn
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from sklearn.base import BaseEstimator
from sklearn.feature_extraction import text

# Operator sets in turn, with the versions of `ai.onnx.ml` of their time.
OPSETS = [
    *[(9, 1), (10, 1), (11, 1), (12, 2), (13, 2), (14, 2), (15, 3), (16, 3)],
    *[(17, 3), (18, 3), (19, 3), (20, 3), (21, 3)],
]
FIXTURES: dict[str, Callable[[], Fixture]] = {}
turns = cycle(OPSETS)
zipmaps = cycle([None, {"zipmap": False}])


def entered(name: str, make_fixture: Callable[[], Fixture]) -> None:
    """Enter a fixture under its name."""
    assert name not in FIXTURES, name
    FIXTURES[name] = make_fixture


def convert(
    name: str,
    model: BaseEstimator,
    inputs: Arrays,
    opset: tuple[int, int] | None,
    options: dict | None = None,
) -> Fixture:
    """skl2onnx for that operator set, the batch left open."""
    kinds = {
        "float32": skl_types.FloatTensorType,
        "float64": skl_types.DoubleTensorType,
        "int64": skl_types.Int64TensorType,
        "object": skl_types.StringTensorType,
    }
    types = [
        (n, kinds[str(a.dtype)]([None, *a.shape[1:]])) for n, a in inputs.items()
    ]
    target = opset and {"": opset[0], ML: opset[1]}
    chosen = options and {id(model): options}
    undo = make.plain_attributes()
    try:
        converted = convert_sklearn(
            model, name=name, initial_types=types, target_opset=target, options=chosen
        )
    finally:
        undo()
    return Fixture(make.tidy(converted), inputs)


def enter(
    name: str,
    estimator: BaseEstimator,
    target: Callable | None,
    *,
    x: np.ndarray | None = None,
    asked: np.ndarray | None = None,
    options: dict | None = None,
    oldest: int = 9,
) -> None:
    """Enter an estimator of four numbers, for the next operator set in turn."""
    opset = next(opset for opset in turns if oldest <= opset[0])

    def fixture() -> Fixture:
        rows = numbers(120) if x is None else x
        estimator.fit(rows, None if target is None else target(rows))
        inputs = {"X": question() if asked is None else asked}
        return convert(f"{name}", estimator, inputs, opset, options)

    entered(f"{name}_op{opset[0]}", fixture)


# Their converters know no option of that name.
WITHOUT_ZIPMAP = ("linear_svc",)


def enter_classifier(name: str, estimator: BaseEstimator, **how: object) -> None:
    """Enter a classifier with two classes, and with three named ones."""
    enter(f"{name}_binary", estimator, two_classes, options=next(zipmaps), **how)
    options = next(zipmaps) if name not in WITHOUT_ZIPMAP else None
    enter(f"{name}_names", estimator, named_classes, options=options, **how)


def positive(x: np.ndarray) -> np.ndarray:
    """Numbers above zero."""
    return np.abs(x) + np.float32(0.1)


def positive_amount(x: np.ndarray) -> np.ndarray:
    """A number above zero to regress on."""
    return np.abs(amount(x)) + 0.1


def two_amounts(x: np.ndarray) -> np.ndarray:
    """Two numbers to regress on."""
    return np.stack([amount(x), -x[:, 1]], axis=1)


# Classifiers --------------------------------------------------------------------------

SEED = {"random_state": 1}
LOGISTIC = linear_model.LogisticRegression
FOREST = ensemble.RandomForestClassifier(3, max_depth=3, **SEED)
PAIR = [("l", LOGISTIC()), ("b", naive_bayes.GaussianNB())]

for name, estimator in {
    "logistic": LOGISTIC(),
    "sgd": linear_model.SGDClassifier(loss="log_loss", **SEED),
    "perceptron": linear_model.Perceptron(**SEED),
    "ridge_classifier": linear_model.RidgeClassifier(),
    "passive_aggressive": linear_model.SGDClassifier(loss="hinge", **SEED),
    "linear_svc": svm.LinearSVC(),
    "decision_tree": tree.DecisionTreeClassifier(max_depth=4, **SEED),
    "extra_tree": tree.ExtraTreeClassifier(max_depth=4, **SEED),
    "forest": FOREST,
    "extra_trees": ensemble.ExtraTreesClassifier(4, max_depth=3, **SEED),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=4, **SEED),
    "histogram_boosting": ensemble.HistGradientBoostingClassifier(
        max_iter=4, max_leaf_nodes=6
    ),
    "ada": ensemble.AdaBoostClassifier(n_estimators=3, **SEED),
    "bagging": ensemble.BaggingClassifier(LOGISTIC(), 2, **SEED),
    "stacking": ensemble.StackingClassifier(PAIR, cv=2),
    "calibrated": calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2),
    "calibrated_isotonic": calibration.CalibratedClassifierCV(
        LOGISTIC(), cv=2, method="isotonic"
    ),
    "one_vs_rest": multiclass.OneVsRestClassifier(FOREST),
    "gaussian_nb": naive_bayes.GaussianNB(),
    "bernoulli_nb": naive_bayes.BernoulliNB(),
    "lda": discriminant_analysis.LinearDiscriminantAnalysis(),
    "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(5,), max_iter=40, **SEED),
}.items():
    enter_classifier(name, estimator)
few = numbers(40)
for name, estimator in {
    "neighbours": neighbors.KNeighborsClassifier(3),
    "neighbours_weighted": neighbors.KNeighborsClassifier(5, weights="distance"),
    "svc": svm.SVC(**SEED),
    "svc_linear_probability": svm.SVC(kernel="linear", probability=True, **SEED),
    "nu_svc_sigmoid": svm.NuSVC(nu=0.2, kernel="sigmoid", **SEED),
}.items():
    enter_classifier(name, estimator, x=few, oldest=10)
for name, estimator in {
    "multinomial_nb": naive_bayes.MultinomialNB(),
    "complement_nb": naive_bayes.ComplementNB(),
}.items():
    enter_classifier(
        name, estimator, x=positive(numbers(120)), asked=positive(question())
    )
enter_classifier("qda", discriminant_analysis.QuadraticDiscriminantAnalysis(),
                 oldest=13)  # fmt: skip
vote = ensemble.VotingClassifier(PAIR, voting="soft", flatten_transform=False)
enter("voting", vote, two_classes)
enter("columns_logistic", LOGISTIC(), named_classes, options={"zipmap": "columns"})
enter("raw_boosting", ensemble.GradientBoostingClassifier(n_estimators=3, **SEED),
      three_classes, options={"zipmap": False, "raw_scores": True})  # fmt: skip
enter("double_forest", FOREST, two_classes, asked=question().astype(np.float64))
enter("int_logistic", LOGISTIC(), three_classes,
      asked=np.round(question() * 3).astype(np.int64))  # fmt: skip
enter("int_boosting", ensemble.GradientBoostingClassifier(n_estimators=3, **SEED),
      two_classes, asked=np.round(question() * 3).astype(np.int64))  # fmt: skip

# Regressors ---------------------------------------------------------------------------

STUMP = tree.DecisionTreeRegressor(max_depth=2, **SEED)

for name, estimator in {
    "linear": linear_model.LinearRegression(),
    "ridge": linear_model.Ridge(),
    "lasso": linear_model.Lasso(alpha=0.1),
    "elastic_net": linear_model.ElasticNet(alpha=0.1),
    "bayesian_ridge": linear_model.BayesianRidge(),
    "huber": linear_model.HuberRegressor(),
    "quantile": linear_model.QuantileRegressor(alpha=0.01),
    "ransac": linear_model.RANSACRegressor(**SEED),
    "sgd_regressor": linear_model.SGDRegressor(**SEED),
    "tree_regressor": tree.DecisionTreeRegressor(max_depth=4, **SEED),
    "forest_regressor": ensemble.RandomForestRegressor(4, max_depth=3, **SEED),
    "boosting_regressor": ensemble.GradientBoostingRegressor(n_estimators=4, **SEED),
    "histogram_regressor": ensemble.HistGradientBoostingRegressor(
        max_iter=4, max_leaf_nodes=6
    ),
    "voting_regressor": ensemble.VotingRegressor(
        [("l", linear_model.Ridge()), ("t", STUMP)]
    ),
    "stacking_regressor": ensemble.StackingRegressor(
        [("l", linear_model.Ridge()), ("t", STUMP)],
        cv=2,
    ),
    "svr_poly": svm.SVR(kernel="poly"),
    "linear_svr": svm.LinearSVR(**SEED),
    "mlp_regressor": neural_network.MLPRegressor(
        hidden_layer_sizes=(5,), activation="tanh", max_iter=40, **SEED
    ),
    "pls": cross_decomposition.PLSRegression(2),
}.items():
    rows = few if name == "svr_poly" else None
    enter(name, estimator, amount, x=rows)
for name, estimator in {
    "poisson": linear_model.PoissonRegressor(),
    "gamma": linear_model.GammaRegressor(),
    "tweedie": linear_model.TweedieRegressor(power=1.5),
}.items():
    enter(name, estimator, positive_amount)
enter("neighbours_regressor", neighbors.KNeighborsRegressor(3), amount, x=few,
      oldest=10)  # fmt: skip
process = gaussian_process.GaussianProcessRegressor(alpha=0.1, optimizer=None)
enter("gaussian_process", process, amount, x=few)
enter("forest_two_targets", ensemble.RandomForestRegressor(3, max_depth=3, **SEED),
      two_amounts)  # fmt: skip

# Transformers, outliers, clusters -----------------------------------------------------

for name, estimator in {
    "standard_scaler": preprocessing.StandardScaler(),
    "robust_scaler": preprocessing.RobustScaler(),
    "max_abs_scaler": preprocessing.MaxAbsScaler(),
    "min_max_clip": preprocessing.MinMaxScaler(clip=True),
    "normalizer_l1": preprocessing.Normalizer("l1"),
    "binarizer": preprocessing.Binarizer(threshold=0.3),
    "bins_ordinal": preprocessing.KBinsDiscretizer(3, encode="ordinal"),
    "bins_one_hot": preprocessing.KBinsDiscretizer(3, encode="onehot-dense"),
    "power": preprocessing.PowerTransformer(),
    "polynomial": preprocessing.PolynomialFeatures(2, interaction_only=True),
    "pca": decomposition.PCA(2),
    "truncated_svd": decomposition.TruncatedSVD(2, **SEED),
    "incremental_pca": decomposition.IncrementalPCA(2),
    "projection": random_projection.GaussianRandomProjection(2, **SEED),
    "select_best": feature_selection.SelectKBest(k=2),
    "recursive": feature_selection.RFE(LOGISTIC(), n_features_to_select=2),
    "k_means": cluster.KMeans(3, n_init=1, **SEED),
    "mini_batch_k_means": cluster.MiniBatchKMeans(3, n_init=1, **SEED),
    "mixture": mixture.GaussianMixture(2, **SEED),
    "one_class": svm.OneClassSVM(),
    "outlier_factor": neighbors.LocalOutlierFactor(3, novelty=True),
    "isolation": ensemble.IsolationForest(n_estimators=2, max_samples=16, **SEED),
    "scaled_pca": pipeline.make_pipeline(
        preprocessing.StandardScaler(), decomposition.PCA(2)
    ),
    "union": pipeline.make_union(
        preprocessing.StandardScaler(), decomposition.PCA(2)
    ),
}.items():
    supervised = name in ("select_best", "recursive")
    rows = few if name in ("one_class", "outlier_factor") else None
    oldest = {"outlier_factor": 10, "isolation": 13}.get(name, 9)
    enter(name, estimator, two_classes if supervised else None, x=rows, oldest=oldest)
for strategy in ("mean", "median"):
    enter(f"impute_{strategy}", impute.SimpleImputer(strategy=strategy), None,
          x=with_gaps(numbers(120)), asked=with_gaps(question()))  # fmt: skip

# Tables of numbers and words ----------------------------------------------------------


def mixed(name: str, words: BaseEstimator, classifier: BaseEstimator) -> None:
    """Enter a pipeline of numbers with gaps and two columns of words."""
    # Before, LabelEncoder takes no table of numbers.
    opset = next(opset for opset in turns if 1 < opset[1])
    options = next(zipmaps)

    def fixture() -> Fixture:
        x, columns = make.mixed_columns()
        y = (np.nan_to_num(x[:, 0]) + (columns[:, 0] == "team") > 0.4).astype(np.int64)
        imputed = pipeline.make_pipeline(
            impute.SimpleImputer(), preprocessing.StandardScaler()
        )
        parts = [("numbers", imputed, [0, 1, 2]), ("words", words, [3, 4])]
        model = pipeline.make_pipeline(compose.ColumnTransformer(parts), classifier)
        model.fit(np.concatenate([x.astype(object), columns], axis=1), y)
        asked = columns[: make.ROWS].copy()
        asked[2, 0], asked[4] = "enterprise", ["missing", ""]
        inputs = {"numbers": x[: make.ROWS], "words": asked}
        return convert(name, model, inputs, opset, options)

    entered(f"mixed_{name}_op{opset[0]}", fixture)


one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore")
ordinal = preprocessing.OrdinalEncoder(
    handle_unknown="use_encoded_value", unknown_value=-1
)
for name, classifier in {
    "logistic": LOGISTIC(),
    "forest": FOREST,
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=3, **SEED),
    "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(4,), max_iter=30, **SEED),
}.items():
    mixed(f"one_hot_{name}", one_hot, classifier)
    mixed(f"ordinal_{name}", ordinal, classifier)

# Text ---------------------------------------------------------------------------------

WORDS = "the quick brown Fox jumps over a lazy dog café 42".split()


def documents(n_rows: int, seed: int) -> np.ndarray:
    """Up to seven words each."""
    rng = np.random.default_rng(seed)
    rows = [" ".join(rng.choice(WORDS, rng.integers(1, 8))) for _ in range(n_rows)]
    return np.array(rows, dtype=object)


def enter_text(name: str, vectorizer: BaseEstimator, *then: BaseEstimator) -> None:
    """Enter a pipeline that begins with text; StringNormalizer came with set 10."""
    opset = next(opset for opset in turns if 10 <= opset[0])

    def fixture() -> Fixture:
        rows = documents(60, 1)
        y = np.array(["fox" if "Fox" in row else "none" for row in rows], dtype=object)
        model = pipeline.make_pipeline(vectorizer, *then) if then else vectorizer
        model.fit(rows, y)
        return convert(name, model, {"X": documents(make.ROWS, 2)}, opset)

    entered(f"text_{name}_op{opset[0]}", fixture)


enter_text("count", text.CountVectorizer())
enter_text("tfidf", text.TfidfVectorizer())
enter_text("pairs", text.TfidfVectorizer(ngram_range=(1, 2)))
enter_text("characters", text.CountVectorizer(analyzer="char", ngram_range=(1, 2)))
enter_text("stopwords", text.CountVectorizer(stop_words=["the", "a"]))
enter_text("cased", text.CountVectorizer(lowercase=False, binary=True))
enter_text("count_nb", text.CountVectorizer(), naive_bayes.MultinomialNB())
enter_text("tfidf_logistic", text.TfidfVectorizer(), LOGISTIC())
enter_text("lsa", text.TfidfVectorizer(), decomposition.TruncatedSVD(3, **SEED),
           LOGISTIC())  # fmt: skip

# LightGBM and XGBoost -----------------------------------------------------------------

# The newest operator set that onnxmltools writes is 15.
booster_turns = cycle(range(9, 16))


def booster(name: str, model: object, target: Callable, **how: object) -> None:
    """Enter a model of LightGBM or XGBoost, trained on and asked with gaps."""
    opset = next(booster_turns)
    is_lightgbm = "lightgbm" in type(model).__module__
    if is_lightgbm and "Classifier" in type(model).__name__ and next(zipmaps):
        how["zipmap"] = False

    def fixture() -> Fixture:
        x, inputs = with_gaps(numbers(120)), {"X": with_gaps(question())}
        model.fit(x, target(x))
        convert = convert_lightgbm if is_lightgbm else convert_xgboost
        types = [("X", ToolsFloatType([None, 4]))]
        made = convert(
            model, name=name, initial_types=types, target_opset=opset, **how
        )
        return Fixture(make.tidy(made), inputs)

    entered(f"{name}_op{opset}", fixture)


LIGHT = {"n_estimators": 4, "num_leaves": 5, "n_jobs": 1, "verbose": -1}
EXTREME = {"n_estimators": 4, "max_depth": 2, "n_jobs": 1}
for name, how in {
    "gbdt": {},
    "dart": {"boosting_type": "dart"},
    "bagged": {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
    "one_leaf": {"min_child_samples": 1000},
}.items():
    booster(f"lightgbm_{name}", lightgbm.LGBMClassifier(**LIGHT | how),
            lambda x: two_classes(np.nan_to_num(x)))  # fmt: skip
booster("lightgbm_names", lightgbm.LGBMClassifier(**LIGHT),
        lambda x: named_classes(np.nan_to_num(x)))  # fmt: skip
for objective in ("regression", "poisson", "quantile", "tweedie", "gamma", "huber"):
    booster(f"lightgbm_{objective}",
            lightgbm.LGBMRegressor(objective=objective, **LIGHT),
            lambda x: positive_amount(np.nan_to_num(x)))  # fmt: skip
for name, how in {
    "gbtree": {},
    "based": {"base_score": 0.2},
}.items():
    booster(f"xgboost_{name}", xgboost.XGBClassifier(**EXTREME | how),
            lambda x: two_classes(np.nan_to_num(x)))  # fmt: skip
booster("xgboost_three", xgboost.XGBClassifier(**EXTREME),
        lambda x: three_classes(np.nan_to_num(x)))  # fmt: skip
for objective in ("reg:squarederror", "count:poisson", "reg:gamma", "reg:tweedie"):
    booster(f"xgboost_{objective.split(':')[1]}",
            xgboost.XGBRegressor(objective=objective, **EXTREME),
            lambda x: positive_amount(np.nan_to_num(x)))  # fmt: skip


def lightgbm_categories() -> Fixture:
    """Questions about sets of categories share what follows them."""
    rng = np.random.default_rng(3)
    x = numbers(200)
    x[:, 1] = rng.integers(0, 6, 200)
    y = np.isin(x[:, 1], [2, 4]) * 3 + x[:, 0]
    model = lightgbm.LGBMRegressor(
        **LIGHT, min_data_per_group=1, cat_smooth=1, max_cat_to_onehot=1
    )
    model.fit(x, y, categorical_feature=[1])
    inputs = {"X": question()}
    inputs["X"][:, 1] = np.arange(make.ROWS)
    types = [("X", ToolsFloatType([None, 4]))]
    made = convert_lightgbm(model, name="categories", initial_types=types)
    return Fixture(make.tidy(made), inputs, "sets of categories, one of them unseen")


entered("lightgbm_categories_op15", lightgbm_categories)


def main() -> None:
    """Make the fixtures named on the command line, or all of them."""
    onnxruntime.set_default_logger_severity(4)
    warnings.simplefilter("ignore")
    make.HERE = Path(__file__).resolve().parent / "exported"
    make.HERE.mkdir(exist_ok=True)
    for name in sys.argv[1:] or FIXTURES:
        make.write(name, FIXTURES[name]())


if __name__ == "__main__":
    main()
