"""SavedModels for the tests of the server and the client, made with plain TensorFlow."""

import json

import tensorflow as tf

v1 = tf.compat.v1

PERCENT_NAME = "a b/c:%é"  # of a model; in a URL it must be percent-encoded


def half_plus(folder, addend=2.0, only=None):
    """y = x / 2 + addend, x and y declared as float [-1, 1], and y2 = y3 = x / 2 + 3.

    Upstream's half_plus_two and half_plus_three: `x_to_y` and `x_to_y2` read x from Examples, `x2_to_y3` take floats.
    `only` names the one signature that is declared, instead of all.
    """
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 1], name="x")
        half = v1.get_variable("a", initializer=0.5, use_resource=True)
        b = v1.get_variable("b", initializer=addend, use_resource=True)
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]
        x2 = v1.placeholder(tf.float32, [None, 1], name="x2")
        y = half * parsed + b
        y3 = half * x2 + 3.0
        labels = tf.strings.as_string(tf.concat([y, -y], 1), precision=1)
        session.run(v1.global_variables_initializer())
        signatures = {
            "serving_default": ({"x": x}, {"y": tf.add(tf.multiply(half, x), b, name="y")}),
            "regress_x_to_y": ({"inputs": examples}, {"outputs": y}, "regress"),
            "regress_x_to_y2": ({"inputs": examples}, {"outputs": half * parsed + 3.0}, "regress"),
            "regress_x2_to_y3": ({"inputs": x2}, {"outputs": y3}, "regress"),
            "classify_x_to_y": ({"inputs": examples}, {"scores": y}, "classify"),
            "classify_x2_to_y3": ({"inputs": x2}, {"scores": y3}, "classify"),
            "classify_both": ({"inputs": examples}, {"classes": labels, "scores": tf.concat([y, -y], 1)}, "classify"),
            "regress_flat": ({"inputs": examples}, {"outputs": tf.reshape(y, [-1])}, "regress"),
            "regress_scalar": ({"inputs": examples}, {"outputs": tf.reduce_sum(y)}, "regress"),
            "regress_half": ({"inputs": examples}, {"outputs": tf.cast(y, tf.float16)}, "regress"),
            "regress_one": ({"inputs": examples}, {"outputs": y[:1]}, "regress"),
            "regress_named_x": ({"x": examples}, {"outputs": y}, "regress"),
            "regress_to_y": ({"inputs": examples}, {"y": y}, "regress"),
            "classify_to_y": ({"inputs": examples}, {"y": y}, "classify"),
            "classify_numbers": ({"inputs": examples}, {"classes": y}, "classify"),
            "classify_flat": ({"inputs": examples}, {"scores": tf.reshape(y, [-1])}, "classify"),
        }
        _save(session, folder, signatures if only is None else {only: signatures[only]})


def of_dtype(folder, dtype):
    """y [N] = x / 2 in another dtype, of x float [N]."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        _save(session, folder, {"serving_default": ({"x": x}, {"y": tf.cast(x / 2, dtype)})})


def add(folder):
    """output = input_0 + input_1, of int32 and any shape."""
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = {name: v1.placeholder(tf.int32, None, name=name) for name in ("input_0", "input_1")}
        _save(session, folder, {"serving_default": (inputs, {"output": tf.add_n(list(inputs.values()))})})


def fussy(folder):
    """y = x as int64 of any shape [rows, ...]; -1 anywhere fails the run, and `rows` says how many were run at once.

    `three` gives three rows whatever it is given, `sum` a scalar.
    """
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.int64, None, name="x")
        with tf.control_dependencies([tf.debugging.assert_greater(x, tf.constant(-1, tf.int64), message="a bad row")]):
            y = tf.identity(x)
        rows = tf.shape(y, tf.int64)[:1]
        signatures = {
            "serving_default": ({"x": x}, {"y": y, "rows": tf.repeat(rows, rows[0])}),
            "three": ({"x": x}, {"y": tf.zeros([3]) + tf.cast(tf.reduce_sum(y), tf.float32)}),
            "sum": ({"x": x}, {"y": tf.reduce_sum(y)}),
        }
        _save(session, folder, signatures)


def counter(folder):
    """A scalar that counts; signatures without inputs."""
    with tf.Graph().as_default(), v1.Session() as session:
        count = v1.get_variable("count", initializer=0.0, use_resource=True)
        delta = v1.placeholder(tf.float32, [], name="delta")
        session.run(v1.global_variables_initializer())

        def after(assignment):
            with tf.control_dependencies([assignment]):
                return {"output": tf.identity(count.read_value())}

        signatures = {
            "get_counter": ({}, {"output": tf.identity(count.read_value())}),
            "incr_counter": ({}, after(count.assign_add(1.0))),
            "incr_counter_by": ({"delta": delta}, after(count.assign_add(delta))),
            "reset_counter": ({}, after(count.assign(0.0))),
        }
        _save(session, folder, signatures)


def echo(folder):
    """Every dtype the REST API knows, out as it came in."""
    dtypes = [
        "float32",
        "float64",
        "int32",
        "int64",
        "uint8",
        "int8",
        "int16",
        "uint32",
        "uint64",
        "bool",
        "string",
    ]
    dtypes += ["float16", "bfloat16", "complex64"]
    with tf.Graph().as_default(), v1.Session() as session:
        signatures = {}
        for dtype in dtypes:
            x = v1.placeholder(dtype, None, name=f"in_{dtype}")
            signatures[dtype] = ({"x": x}, {"y": tf.identity(x)})
        text = v1.placeholder(tf.string, None, name="text")
        number = v1.placeholder(tf.float32, None, name="number")
        both = {"text_bytes": tf.identity(text), "text": tf.identity(text), "number": tf.identity(number)}
        signatures["serving_default"] = ({"text": text, "number": number}, both)
        _save(session, folder, signatures)


def _save(session, folder, signatures):
    info = v1.saved_model.build_tensor_info

    def definition(inputs, outputs, method="predict"):
        return v1.saved_model.build_signature_def(
            {key: info(tensor) for key, tensor in inputs.items()},
            {key: info(tensor) for key, tensor in outputs.items()},
            f"tensorflow/serving/{method}",
        )

    definitions = {name: definition(*parts) for name, parts in signatures.items()}
    builder = v1.saved_model.Builder(str(folder))
    builder.add_meta_graph_and_variables(session, ["serve"], definitions)
    builder.save()


def name_classes(folder, names):
    """Give a SavedModel the file with which kerasgan's exports tell their class names."""
    (folder / "assets.extra").mkdir(exist_ok=True)
    facts = {"num_classes": len(names), "class_names": list(names), "image_shape": [8, 8, 3]}
    (folder / "assets.extra" / "kerasgan.json").write_text(json.dumps(facts))


def generator(folder, conditional=True, size=8):
    """A stand-in generator with the signatures of kerasgan's exports.

    Pixel (row r, column c, channel 0) is `seed + 10 * label + r + c`, or 255 where truncation is below 0.25;
    channel 1 is 1 where truncation is infinite; `label` must be below 10.
    """
    module = tf.Module()
    module.scale = tf.Variable(1, dtype=tf.int64, trainable=False)

    def images(seed, truncation, label):
        label = tf.gather(10 * tf.range(10, dtype=tf.int64), label)
        grid = tf.range(size, dtype=tf.int64)[:, None] + tf.range(size, dtype=tf.int64)[None, :]
        base = (seed + label)[:, None, None] * module.scale + grid
        base = tf.where(truncation[:, None, None] < 0.25, tf.constant(255, tf.int64), base)
        ones = tf.broadcast_to(tf.cast(tf.math.is_inf(truncation), tf.int64)[:, None, None], tf.shape(base))
        return tf.cast(tf.stack([base, ones, tf.zeros_like(base)], -1) % 256, tf.uint8)

    seed = tf.TensorSpec([None], tf.int64, name="seed")
    truncation = tf.TensorSpec([None], tf.float32, name="truncation")
    label = tf.TensorSpec([None], tf.int64, name="label")
    z = tf.TensorSpec([None, 4], tf.float32, name="z")
    if conditional:

        @tf.function(input_signature=[seed, truncation, label])
        def serving_default(seed, truncation, label):
            return {"images": images(seed, truncation, label)}

        @tf.function(input_signature=[seed, truncation, label])
        def png(seed, truncation, label):
            return {"image_bytes": tf.io.encode_png(images(seed, truncation, label))}

        @tf.function(input_signature=[z, label])
        def latent(z, label):
            return {"images": images(tf.cast(z[:, 0], tf.int64), tf.ones_like(z[:, 0]), label)}

    else:

        @tf.function(input_signature=[seed, truncation])
        def serving_default(seed, truncation):
            return {"images": images(seed, truncation, tf.zeros_like(seed))}

        @tf.function(input_signature=[seed, truncation])
        def png(seed, truncation):
            return {"image_bytes": tf.io.encode_png(images(seed, truncation, tf.zeros_like(seed)))}

        @tf.function(input_signature=[z])
        def latent(z):
            zeros = tf.zeros_like(z[:, 0], tf.int64)
            return {"images": images(tf.cast(z[:, 0], tf.int64), tf.ones_like(z[:, 0]), zeros)}

    signatures = {"serving_default": serving_default, "png": png, "latent": latent}
    tf.saved_model.save(module, str(folder), signatures=signatures)


def loop(folder):
    """y = n, after n[0] turns of a loop that takes some microseconds each."""
    module = tf.Module()
    n = tf.TensorSpec([None], tf.int64, name="n")

    @tf.function(input_signature=[n])
    def turning(n):
        _, table = tf.while_loop(
            lambda turn, table: turn < n[0],
            lambda turn, table: (turn + 1, table @ table),
            [tf.constant(0, tf.int64), tf.eye(8)],
        )
        return {"y": n + tf.cast(table[0, 1], tf.int64)}

    tf.saved_model.save(module, str(folder), signatures={"serving_default": turning})
