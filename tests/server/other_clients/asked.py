"""What each of these scripts asks, and how it tells what came; their environments have not kerasgan."""

import json

SERVICE = "tensorflow.serving.PredictionService"
SEEDS, LABELS, WRONG, TRUNCATIONS = [7, 8], [2, 0], [2, 99], [2.0, 1.5]


def rows(labels):
    """Of REST."""
    columns = zip(SEEDS, labels, TRUNCATIONS)
    return [{"seed": seed, "label": label, "truncation": truncation} for seed, label, truncation in columns]


def arrays(labels):
    """Of clients that take NumPy's."""
    import numpy as np

    return {
        "seed": np.array(SEEDS, np.int64),
        "label": np.array(labels, np.int64),
        "truncation": np.array(TRUNCATIONS, np.float32),
    }


def message(labels):
    """A PredictRequest as a dict."""

    def tensor(dtype, **values):
        return {"dtype": dtype, "tensor_shape": {"dim": [{"size": 2}]}, **values}

    inputs = {
        "seed": tensor("DT_INT64", int64_val=SEEDS),
        "label": tensor("DT_INT64", int64_val=labels),
        "truncation": tensor("DT_FLOAT", float_val=TRUNCATIONS),
    }
    return {"model_spec": {"name": "garments"}, "inputs": inputs}


def of_message(tensor):
    """The images of a TensorProto."""
    return folded(tensor.int_val, [each.size for each in tensor.tensor_shape.dim])


def of_dict(tensor):
    """The images of a TensorProto as a dict, with the field names of either spelling."""
    values, shape = (tensor.get(name) or tensor[other] for name, other in SPELLINGS)
    return folded(values, [int(each["size"]) for each in shape["dim"]])


SPELLINGS = (("int_val", "intVal"), ("tensor_shape", "tensorShape"))


def folded(flat, shape):
    """Nested lists of pixels."""
    if len(shape) == 1:
        return list(flat)
    step = len(flat) // shape[0]
    return [folded(flat[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def refusal(ask):
    """What the client's error says of a label that is no class; what came if it raises none."""
    try:
        return f"no error: {ask(WRONG)}"
    except Exception as error:  # each client's own class
        return str(error) + str(getattr(error, "message", ""))


def tell(ask):
    """Print what a function from labels to images makes, as the test reads it."""
    print(json.dumps({"images": ask(LABELS), "refused": refusal(ask)}))
