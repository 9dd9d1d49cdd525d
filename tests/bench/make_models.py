#!/usr/bin/env python3
"""The models of the engine's benchmark, as their exporters write them by default, and inputs for them.

make_models.py tabular|networks FOLDER
tabular needs numpy, scikit-learn, skl2onnx, onnxmltools, lightgbm and xgboost; networks needs torch, torchvision and
transformers. Weights of networks are random: nothing is downloaded."""

import pathlib
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def save_inputs(path, batch, feed):
    np.savez(path.with_suffix(f".b{batch}.npz"), **feed)
    for index, array in enumerate(feed.values()):
        np.ascontiguousarray(array).tofile(path.with_suffix(f".b{batch}.{index}.bin"))


def tabular(folder):
    import onnxmltools
    from lightgbm import LGBMClassifier
    from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloatTensorType
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.datasets import make_classification
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from xgboost import XGBClassifier

    x, y = make_classification(n_samples=4096, n_features=30, n_informative=12, random_state=0)
    x = x.astype(np.float32)
    one, other = [("X", FloatTensorType([None, 30]))], [("X", OtherFloatTensorType([None, 30]))]
    models = {
        "logistic_regression": convert_sklearn(LogisticRegression(max_iter=500).fit(x, y), initial_types=one),
        "random_forest": convert_sklearn(RandomForestClassifier(100, random_state=0).fit(x, y), initial_types=one),
        "gradient_boosting": convert_sklearn(GradientBoostingClassifier(random_state=0).fit(x, y), initial_types=one),
        "mlp_classifier": convert_sklearn(MLPClassifier(max_iter=50, random_state=0).fit(x, y), initial_types=one),
        "lightgbm": onnxmltools.convert_lightgbm(LGBMClassifier(verbose=-1).fit(x, y), initial_types=other),
        "xgboost": onnxmltools.convert_xgboost(XGBClassifier().fit(x, y), initial_types=other),
    }
    for name, proto in models.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(proto.SerializeToString())
        for batch in (1, 64, 1024):
            save_inputs(path, batch, {"X": x[:batch]})


def networks(folder):
    import torch
    import torchvision
    from transformers import BertConfig, BertModel

    class Bert(torch.nn.Module):
        def __init__(self):
            super().__init__()
            sizes = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
            self.bert = BertModel(BertConfig(**sizes, attn_implementation="eager"))

        def forward(self, ids, mask):
            return self.bert(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]

    def save(name, model, arguments, names, batches):
        path = folder / f"{name}.onnx"
        axes = {name: {0: "batch"} for name in [*names, "Y"]}
        options = {"input_names": names, "output_names": ["Y"], "dynamic_axes": axes, "opset_version": 17}
        torch.onnx.export(model.eval(), arguments, str(path), dynamo=False, **options)
        random = np.random.default_rng(0)
        for batch in batches:
            arrays = [
                np.concatenate([argument.numpy()] * batch)
                if argument.dtype == torch.int64
                else random.normal(size=(batch, *argument.shape[1:])).astype(np.float32)
                for argument in arguments
            ]
            save_inputs(path, batch, dict(zip(names, arrays)))

    torch.manual_seed(0)
    layers, width = [], 30
    for _ in range(4):
        layers += [torch.nn.Linear(width, 512), torch.nn.ReLU()]
        width = 512
    save("mlp_4x512", torch.nn.Sequential(*layers, torch.nn.Linear(512, 2)), (torch.randn(1, 30),), ["X"], (1, 64, 1024))
    picture = torch.randn(1, 3, 224, 224)
    save("resnet18", torchvision.models.resnet18(), (picture,), ["X"], (1, 8))
    save("mobilenet_v2", torchvision.models.mobilenet_v2(), (picture,), ["X"], (1, 8))
    tokens = (torch.randint(0, 30000, (1, 128)), torch.ones(1, 128, dtype=torch.int64))
    save("bert_mini", Bert(), tokens, ["ids", "mask"], (1, 8))


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    {"tabular": tabular, "networks": networks}[sys.argv[1]](folder)
