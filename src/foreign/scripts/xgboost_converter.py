import xgboost
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx.common import shape_calculator as shapes

# skl2onnx learns the classes of XGBoost.
update_registered_converter(
    xgboost.XGBClassifier,
    "XGBoostXGBClassifier",
    shapes.calculate_linear_classifier_output_shapes,
    convert_xgboost,
    options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
)
update_registered_converter(
    xgboost.XGBRegressor, "XGBoostXGBRegressor", shapes.calculate_linear_regressor_output_shapes, convert_xgboost
)
