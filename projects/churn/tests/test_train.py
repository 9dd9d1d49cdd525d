"""The models: what they are worth, and that ONNX Runtime agrees with scikit-learn."""

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from conftest import PROJECT

import train
from make_data import CATEGORICAL, FEATURES, NUMERIC, TARGET

VERSIONS = ["1.0.0", "1.1.0"]
DATA = PROJECT / "data"


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return train.read_table(DATA / "reference.csv")


@pytest.fixture(scope="module")
def labelled() -> pd.DataFrame:
    return train.read_table(DATA / "labelled.csv")


@pytest.fixture(scope="module")
def models(reference):
    return {version: train.train(version, reference) for version in VERSIONS}


def run(proto: onnx.ModelProto, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """ONNX Runtime's labels and probability of churn."""
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    label, probability = session.run(None, train.onnx_inputs(table))
    return label, np.array([row[1] for row in probability])


def test_missing_values_are_nan_and_the_category_missing(reference):
    assert not reference[CATEGORICAL].isna().any().any()
    assert (reference["payment_method"] == train.MISSING).sum() > 50
    assert reference["sessions_per_week"].isna().sum() > 50
    assert (reference[NUMERIC].dtypes == np.float32).all()


def test_only_an_empty_cell_is_missing(tmp_path):
    path = tmp_path / "rows.csv"
    numbers = ",".join("1" for _ in NUMERIC)
    header = ",".join(FEATURES)
    path.write_text(f"{header}\n{numbers},NA,,None\n", encoding="utf-8")
    row = train.read_table(path).iloc[0]
    assert list(row[CATEGORICAL]) == ["NA", train.MISSING, "None"]


@pytest.mark.parametrize("version", VERSIONS)
def test_onnx_runtime_agrees_with_scikit_learn(version, models, labelled):
    rows = labelled.head(200)
    label, probability = run(train.export(version, models[version]), rows)
    assert (label == models[version].predict(rows[FEATURES])).all()
    expected = models[version].predict_proba(rows[FEATURES])[:, 1]
    np.testing.assert_allclose(probability, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_model_answers_for_customers_it_knows_nothing_about(version, models):
    nobody = pd.DataFrame([dict.fromkeys(NUMERIC, np.nan)]).astype(np.float32)
    nobody[CATEGORICAL] = [[train.MISSING, "barter", "the moon"]]
    _, probability = run(train.export(version, models[version]), nobody)
    expected = models[version].predict_proba(nobody[FEATURES])[:, 1]
    np.testing.assert_allclose(probability, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_feature_is_an_input_in_order(version, models):
    proto = train.export(version, models[version])
    onnx.checker.check_model(proto)
    assert [value.name for value in proto.graph.input] == FEATURES
    kinds = [value.type.tensor_type.elem_type for value in proto.graph.input]
    assert kinds == [onnx.TensorProto.FLOAT] * 9 + [onnx.TensorProto.STRING] * 3
    notes = {prop.key: prop.value for prop in proto.metadata_props}
    assert notes["version"] == version
    assert notes["training_time"] == train.TRAINING_TIME[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_training_again_gives_the_same_bytes(version, models, reference):
    first = train.export(version, models[version])
    second = train.export(version, train.train(version, reference))
    assert second.SerializeToString(deterministic=True) == first.SerializeToString(
        deterministic=True
    )
    domains = [opset.domain for opset in first.opset_import]
    assert domains == sorted(domains)


@pytest.mark.parametrize("version", VERSIONS)
def test_shipped_model_answers_as_a_freshly_trained_one(version, models, labelled):
    shipped = onnx.load(PROJECT / "models" / version / "model.onnx")
    label, probability = run(shipped, labelled)
    expected = models[version].predict_proba(labelled[FEATURES])[:, 1]
    np.testing.assert_allclose(probability, expected, rtol=1e-3, atol=1e-5)
    assert (label == models[version].predict(labelled[FEATURES])).all()


def test_the_second_version_is_better_and_precise_enough(models, labelled):
    first, second = (train.evaluate(models[v], labelled) for v in VERSIONS)
    assert 0.85 < first["auc"] < second["auc"]
    assert first["precision"] < 0.8 < second["precision"]
    assert first["recall"] < second["recall"]


def test_the_second_version_suffers_from_the_drift(models, labelled):
    current = train.read_table(DATA / "current.csv")
    held_out = train.evaluate(models["1.1.0"], labelled)
    drifted = train.evaluate(models["1.1.0"], current)
    assert drifted["auc"] < held_out["auc"] - 0.02
    assert drifted["precision"] < 0.8


@pytest.mark.parametrize("version", VERSIONS)
def test_shipped_predictions_are_the_models_own(version, models, tmp_path):
    path = tmp_path / "predictions.csv"
    train.write_predictions(path, models[version], DATA / "labelled.csv")
    written = pd.read_csv(path)
    shipped = pd.read_csv(DATA / f"predictions-{version}.csv")
    pd.testing.assert_frame_equal(written, shipped, rtol=1e-6)
    assert list(written.columns) == [*FEATURES, "label", "probability"]
    assert TARGET not in written.columns
    assert len(written) == train.N_PREDICTIONS
    assert (written["label"] == (written["probability"] > 0.5)).all()
