# skl2onnx 1.20 gives numbers of NumPy, which newer packages of ONNX do not take.
make_attribute = onnx.helper.make_attribute


def plain(value):
    if isinstance(value, np.ndarray) or isinstance(value, np.generic):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        value = [plain(one) for one in value]
    return int(value) if isinstance(value, bool) else value


onnx.helper.make_attribute = lambda key, value, *more, **named: make_attribute(key, plain(value), *more, **named)
