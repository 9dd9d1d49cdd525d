import lightgbm
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from skl2onnx.common import shape_calculator as shapes

# skl2onnx learns the classes of LightGBM.
update_registered_converter(
    lightgbm.LGBMClassifier,
    "LightGbmLGBMClassifier",
    shapes.calculate_linear_classifier_output_shapes,
    convert_lightgbm,
    options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
)
update_registered_converter(
    lightgbm.LGBMRegressor,
    "LightGbmLGBMRegressor",
    shapes.calculate_linear_regressor_output_shapes,
    convert_lightgbm,
    options={"split": None},
)
