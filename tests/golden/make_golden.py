"""Makes the files of this folder from TensorFlow, Keras and statsmodels.

  .venv/bin/python tests/golden/make_golden.py [model_checkpoint | baselines | windows | shuffle | models | fit | losses | philox | initializers | weights_file ...]

Without a name it makes all of them. The versions are those of requirements.txt; each JSON file
says in "made_with" which ones made it.
"""

import contextlib
import csv
import io
import json
import math
import os
import re
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np

HERE = Path(__file__).resolve().parent
SPLIT = 3000


def series():
    with open(HERE.parent.parent / "data" / "sunspots.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([float(row[2]) for row in rows])


def write(name, made_with, content):
    import importlib.metadata

    versions = {package: importlib.metadata.version(package) for package in made_with}

    def plain(value):
        if isinstance(value, dict):
            return {str(k): plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple, np.ndarray)):
            return [plain(v) for v in value]
        if isinstance(value, (float, np.floating)) and not math.isfinite(value):
            return str(float(value))
        if isinstance(value, np.generic):
            return value.item()
        return value

    body = ",\n".join(
        f'"{key}": {json.dumps(plain(value), separators=(",", ":"))}'
        for key, value in {"made_with": versions, **content}.items()
    )
    path = HERE / name
    path.write_text("{\n" + body + "\n}\n")
    print(f"{name}: {path.stat().st_size} bytes")


def make_model_checkpoint():
    """Keras's ModelCheckpoint on made-up metric sequences: what it prints and when it saves."""
    import keras

    nan = float("nan")
    sequences = {
        "ties": [21.588123, 20.25, 20.25, 20.250001, 19.999994, 19.999996, 19.5, 19.5],
        "nan_later": [15.0, nan, 14.5, nan, nan, 14.75, 14.0],
        "nan_first": [nan, 15.0, 14.0],
        "infinite": [float("inf"), 1234567.891, float("inf"), 1e-7, 0.0, -0.0],
        # Keras compares in float32: the second is smaller in float64 only.
        "float32_tie": [14.000000001, 14.0, 13.9999],
    }
    cases = []
    for title, values in sequences.items():
        saves = []

        class Model:
            metrics = []

            def save_weights(self, path, overwrite):
                saves.append(path)

        callback = keras.callbacks.ModelCheckpoint(
            "checkpoints/best.weights.h5", monitor="val_mae", mode="min",
            save_best_only=True, save_weights_only=True, verbose=1,
        )
        callback.set_model(Model())
        epochs = []
        for epoch, value in enumerate(values):
            before = len(saves)
            out = io.StringIO()
            # In a folder that goes away: the callback makes the checkpoint's.
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(out):
                callback.on_epoch_begin(epoch)
                callback.on_epoch_end(epoch, {"val_mae": value})
            epochs.append({
                "val_mae": value,
                "printed": out.getvalue(),
                "saved": len(saves) > before,
            })
        cases.append({"title": title, "filepath": "checkpoints/best.weights.h5", "monitor": "val_mae", "epochs": epochs})
    write("model_checkpoint.json", ["keras"], {
        "note": "printed is all that ModelCheckpoint(verbose=1, save_best_only=True, mode='min') wrote to stdout at the epoch's end; "
                "numbers that JSON lacks are the strings nan, inf",
        "cases": cases,
    })


def make_baselines():
    """statsmodels' numbers for the baselines: fitted on the first 3000 values, judged on the rest."""
    from statsmodels.tsa.ar_model import AutoReg
    from statsmodels.tsa.holtwinters import SimpleExpSmoothing

    y = series()
    train, n = y[:SPLIT], len(y)

    def errors(forecast):
        e = y[SPLIT:] - forecast
        return {"mae": np.abs(e).mean(), "rmse": np.sqrt((e * e).mean())}

    autoregressions = []
    for order in (12, 30):
        fit = AutoReg(train, lags=order, trend="c").fit()
        one_step = np.array([
            fit.params[0] + fit.params[1:] @ y[t - order:t][::-1] for t in range(SPLIT, n)
        ])
        autoregressions.append({
            "order": order, "constant": fit.params[0], "coefficients": fit.params[1:],
            "residual_sum_of_squares": (fit.resid ** 2).sum(), "observations": int(fit.nobs),
            "one_step": {"first_five": one_step[:5], **errors(one_step)},
            "from_split_12_steps": fit.predict(SPLIT, SPLIT + 11),
        })
    smoothing = []
    for label, kwargs in (
        ("known_first_value", dict(initialization_method="known", initial_level=train[0])),
        ("estimated", dict(initialization_method="estimated")),
    ):
        fit = SimpleExpSmoothing(train, **kwargs).fit()
        alpha = fit.params["smoothing_level"]
        level, one_step = fit.params["initial_level"], []
        for t in range(n):
            if t >= SPLIT:
                one_step.append(level)
            level += alpha * (y[t] - level)
        smoothing.append({
            "initial": label, "alpha": alpha, "initial_level": fit.params["initial_level"],
            "sse": fit.sse, "forecast_from_split": fit.forecast(1)[0],
            "one_step": errors(np.array(one_step)),
        })
    fixed = []
    for alpha in (0.2, 0.5, 0.9):
        fit = SimpleExpSmoothing(train, initialization_method="known", initial_level=train[0]).fit(
            smoothing_level=alpha, optimized=False)
        fixed.append({"alpha": alpha, "initial_level": train[0], "sse": fit.sse,
                      "forecast_from_split": fit.forecast(1)[0]})
    naive = [
        {"season": m, "one_step": errors(y[SPLIT - m:n - m]),
         "from_split": errors(np.resize(train[-m:], n - SPLIT)),
         "mase_scale": np.abs(train[m:] - train[:-m]).mean()}
        for m in (1, 12, 132)
    ]
    months = np.arange(n) % 12
    climatology = np.array([train[months[:SPLIT] == m].mean() for m in range(12)])
    write("baselines.json", ["statsmodels", "numpy"], {
        "note": "fitted on values 0 to 2999 of data/sunspots.csv, judged on 3000 to 3234; one_step: each value from all before it; "
                "coefficients: lag 1 first; from_split: all from origin 2999; sse: sum of squared one-step errors over the fitted values; "
                "mase_scale: mean |y[t] - y[t - season]| over the fitted values",
        "autoregression": autoregressions,
        "exponential_smoothing": smoothing,
        "exponential_smoothing_fixed": fixed,
        "seasonal_naive": naive,
        "climatology": {"by_month": climatology, **errors(climatology[months[SPLIT:]])},
    })


def float32(values):
    """Shortest decimals that give these float32 numbers back."""
    return [float(str(np.float32(v))) for v in np.asarray(values).ravel()]


def make_windows():
    """tf.data's window() for odd sizes, and what it says when the windows can't be batched."""
    import tensorflow as tf

    def windows(count, size, shift, drop):
        ds = tf.data.Dataset.range(count).window(size, shift=shift, drop_remainder=drop)
        return ds.flat_map(lambda w: w.batch(size))

    cases = []
    for count, window_size, horizon, shift in (
        (3000, 30, 1, 1), (235, 30, 1, 1), (31, 30, 1, 1), (30, 30, 1, 1), (32, 30, 1, 5),
        (10, 3, 1, 1), (10, 3, 1, 2), (10, 3, 2, 3), (10, 3, 1, 4), (10, 3, 1, 7), (10, 3, 1, 10),
        (10, 9, 1, 1), (10, 10, 1, 1), (10, 1, 1, 1), (13, 4, 3, 5), (14, 4, 3, 7), (1, 1, 1, 1),
    ):
        for drop in (True, False):
            rows = [[int(x) for x in w] for w in windows(count, window_size + horizon, shift, drop)]
            assert all(row == list(range(row[0], row[0] + len(row))) for row in rows)
            case = {"count": count, "window_size": window_size, "horizon": horizon, "shift": shift,
                    "drop_remainder": drop, "windows": len(rows)}
            if count < 1000:
                case |= {"starts": [row[0] for row in rows], "lengths": [len(row) for row in rows]}
            try:
                case["batches"] = [len(b) for b in windows(count, window_size + horizon, shift, drop).batch(32)]
            except tf.errors.InvalidArgumentError as error:
                case["batching_fails"] = re.sub(r"^\{\{.*?\}\} | \[Op:.*$", "", error.message)
            cases.append(case)
    write("windows.json", ["tensorflow-cpu"], {
        "note": "tf.data.Dataset.range(count).window(window_size + horizon, shift, drop_remainder), batched by 32",
        "cases": cases,
    })


def make_shuffle():
    """tf.data's shuffled orders, several iterations each."""
    import tensorflow as tf

    cases = []
    for count, buffer, seed, epochs in (
        (5, 10, 1, 4), (10, 10, 42, 4), (20, 7, 42, 4), (9, 4, 0, 3), (4, 1, 3, 2), (1, 5, 8, 2),
        (9, 4, 2**31 - 1, 3), (9, 4, 2**32 - 1, 3), (2970, 1000, 42, 3),
    ):
        ds = tf.data.Dataset.range(count).shuffle(buffer, seed=seed)
        cases.append({"count": count, "buffer": buffer, "seed": seed,
                      "orders": [[int(x) for x in ds] for _ in range(epochs)]})
    write("shuffle.json", ["tensorflow-cpu"], {
        "note": "list(tf.data.Dataset.range(count).shuffle(buffer, seed=seed)), iterated again and again, no global seed",
        "cases": cases,
    })


# Rates small enough that float32's rounding isn't amplified beyond the tests' tolerances.
SGD = {"optimizer": "sgd", "learningRate": 1e-3, "momentum": 0.9, "nesterov": False, "clipNorm": 0}
OPTIMIZERS = {
    "sgd": SGD,
    "plain": SGD | {"momentum": 0.0},
    "nesterov": SGD | {"nesterov": True},
    "clipped": SGD | {"clipNorm": 0.5},
    "adam": SGD | {"optimizer": "adam", "learningRate": 2e-4},
    "rmsprop": SGD | {"optimizer": "rmsprop", "learningRate": 1e-4, "momentum": 0.0},
    "rmsprop_momentum": SGD | {"optimizer": "rmsprop", "learningRate": 2e-5},
}
ALL_RULES = {rule: {} for rule in OPTIMIZERS}
# unit: what the series is divided by, so that small models' gates stay out of saturation.
SEED_MODEL = {
    "unit": 1,
    "windowSize": 30, "horizon": 1, "batchSize": 32, "filters": 60, "kernelSize": 5, "strides": 1,
    "padding": "causal", "lstmUnits": [60, 60], "denseUnits": [30, 10], "outputScale": 400,
    "loss": "huber", "huberDelta": 1, "lossStart": 0,
}
MODELS = {
    "seed": (SEED_MODEL, {
        "sgd": {"learningRate": 1e-4}, "nesterov": {"learningRate": 1e-5}, "adam": {}, "rmsprop_momentum": {}}),
    "strides_2": (SEED_MODEL | {
        "windowSize": 13, "batchSize": 4, "filters": 4, "kernelSize": 3, "strides": 2,
        "lstmUnits": [5], "denseUnits": [4], "outputScale": 10, "huberDelta": 0.4, "unit": 50}, ALL_RULES),
    "valid": (SEED_MODEL | {
        "windowSize": 11, "batchSize": 5, "horizon": 2, "filters": 3, "kernelSize": 4, "padding": "valid",
        "lstmUnits": [4, 3], "denseUnits": [], "outputScale": 5, "loss": "mse", "unit": 50}, ALL_RULES),
    "same_strides_3": (SEED_MODEL | {
        "windowSize": 17, "batchSize": 3, "horizon": 3, "filters": 6, "kernelSize": 5, "strides": 3, "padding": "same",
        "lstmUnits": [3, 4, 2], "denseUnits": [5, 3], "outputScale": 4, "loss": "mae", "lossStart": 2, "unit": 50}, ALL_RULES),
    "one_tap": (SEED_MODEL | {
        "windowSize": 7, "batchSize": 8, "filters": 9, "kernelSize": 1,
        "lstmUnits": [7], "denseUnits": [6], "outputScale": -3, "huberDelta": 1.5, "lossStart": 3, "unit": 50}, ALL_RULES),
}
STEPS = (1, 3, 10)


def build(spec):
    import keras

    layers = [keras.layers.Conv1D(spec["filters"], spec["kernelSize"], strides=spec["strides"],
                                  padding=spec["padding"], activation="relu")]
    layers += [keras.layers.LSTM(units, return_sequences=True) for units in spec["lstmUnits"]]
    layers += [keras.layers.Dense(units, activation="relu") for units in spec["denseUnits"]]
    layers += [keras.layers.Dense(spec["horizon"]), keras.layers.Lambda(lambda x: x * spec["outputScale"])]
    return keras.Sequential([keras.Input([spec["windowSize"], 1]), *layers])


def targets_at(spec):
    """Window offset of each output position's first target, by lib/alignment.ts's rule."""
    T, k, s = spec["windowSize"], spec["kernelSize"], spec["strides"]
    if spec["padding"] == "valid":
        return [j * s + k for j in range(-(-(T - k + 1) // s))]
    return [j * s + 1 for j in range(-(-T // s))]


def make_models():
    """Forward outputs, losses, gradients and weights after some steps of every rule."""
    import keras
    import tensorflow as tf

    cases = []
    for title, (model_spec, rules) in MODELS.items():
        spec = dict(model_spec)
        unit = spec.pop("unit")
        y = series().astype(np.float32) / np.float32(unit)
        keras.utils.set_random_seed(7)
        model = build(spec)
        start, horizon, at = spec["lossStart"], spec["horizon"], targets_at(spec)

        base = {"huber": lambda: keras.losses.Huber(delta=spec["huberDelta"]),
                "mse": keras.losses.MeanSquaredError, "mae": keras.losses.MeanAbsoluteError}[spec["loss"]]()

        class Loss(keras.losses.Loss):
            """Keras's loss over the positions that count."""

            def __call__(self, y_true, y_pred, sample_weight=None):
                return base(y_true[:, start:], y_pred[:, start:])

        # The windows in tf.data's shuffled order, the last of ten batches smaller.
        size = spec["windowSize"] + horizon
        order = [int(x) for x in tf.data.Dataset.range(SPLIT - size + 1).shuffle(1000, seed=11)]
        order = order[:9 * spec["batchSize"] + max(1, spec["batchSize"] * 3 // 4)]

        def batch(i):
            starts = order[i * spec["batchSize"]:(i + 1) * spec["batchSize"]]
            x = np.stack([y[s:s + spec["windowSize"]] for s in starts])[..., None]
            t = np.stack([[y[s + a:s + a + horizon] for a in at] for s in starts])
            return x, t

        vectors, names = [], {}

        def keep(name, tensors):
            names[name] = len(vectors)
            vectors.append(np.concatenate([np.asarray(t, np.float32).ravel() for t in tensors]))

        initial = model.get_weights()
        # Biases other than 0, so that a forgotten one shows.
        noise = np.random.default_rng(3)
        initial = [w + noise.uniform(-.05, .05, w.shape).astype(np.float32) if w.ndim == 1 else w for w in initial]
        model.set_weights(initial)
        keep("initial", initial)
        x, t = batch(0)
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            loss = Loss()(t, outputs)
        keep("gradient", tape.gradient(loss, model.trainable_variables))
        case = {
            "title": title, "unit": unit, "spec": spec, "starts": order,
            "parameters": [[v.path.split("/", 1)[-1], list(v.shape)] for v in model.trainable_variables],
            "outputs": float32(outputs), "loss": float32([loss])[0],
            "mae": float32([np.abs(outputs - t).mean()])[0], "optimizers": {},
        }
        assert outputs.shape[1:] == t.shape[1:]
        for rule, changes in rules.items():
            o = OPTIMIZERS[rule] | changes
            clip = {"global_clipnorm": o["clipNorm"]} if o["clipNorm"] else {}
            optimizer = {
                "sgd": lambda: keras.optimizers.SGD(o["learningRate"], momentum=o["momentum"], nesterov=o["nesterov"], **clip),
                "adam": lambda: keras.optimizers.Adam(o["learningRate"], **clip),
                "rmsprop": lambda: keras.optimizers.RMSprop(o["learningRate"], momentum=o["momentum"], **clip),
            }[o["optimizer"]]()
            model.set_weights(initial)
            model.compile(optimizer=optimizer, loss=Loss(), metrics=["mae"])
            losses, maes = [], []
            for i in range(10):
                model.reset_metrics()
                logs = model.train_on_batch(*batch(i), return_dict=True)
                losses.append(logs["loss"])
                maes.append(logs["mae"])
                if i + 1 in STEPS and (title != "seed" or rule == "sgd" or i == 9):
                    keep(f"{rule}_{i + 1}", model.get_weights())
            case["optimizers"][rule] = {"options": o, "losses": float32(losses), "maes": float32(maes)}
        case["vectors"] = names
        np.concatenate(vectors).astype("<f4").tofile(HERE / f"{title}.bin")
        cases.append(case)
    write("models.json", ["keras", "tensorflow-cpu"], {
        "note": "TITLE.bin: float32 vectors by parameterLayout(), one after the other, at the places that vectors says; RULE_n: weights after n steps; "
                "outputs, loss, mae and gradient are those of the first batch at the initial weights; biases have noise added",
        "cases": cases,
    })


def make_fit():
    """Two epochs of the exercise's own fit(), shuffled with a seed, from the initial weights of seed.bin."""
    import keras
    from seed_script import BATCH_SIZE, SHUFFLE_BUFFER, WINDOW_SIZE, build_model, windowed_dataset

    y = series()
    model = build_model()
    flat, at, weights = np.fromfile(HERE / "seed.bin", "<f4"), 0, []
    for w in model.get_weights():
        weights.append(flat[at:at + w.size].reshape(w.shape))
        at += w.size
    cases = []
    for seed in (42, 7):
        train = windowed_dataset(y[:SPLIT], WINDOW_SIZE, BATCH_SIZE, SHUFFLE_BUFFER, seed)
        valid = windowed_dataset(y[SPLIT:], WINDOW_SIZE, BATCH_SIZE, SHUFFLE_BUFFER)
        model.set_weights(weights)
        model.compile(loss=keras.losses.Huber(), optimizer=keras.optimizers.SGD(learning_rate=1e-6, momentum=0.9), metrics=["mae"])
        history = model.fit(train, epochs=2, validation_data=valid, verbose=0).history
        cases.append({"seed": seed, **{key: float32(values) for key, values in history.items()}})
    write("fit.json", ["keras", "tensorflow-cpu"], {
        "note": "history of model.fit() with tf.data's shuffle(1000, seed=seed), SGD(1e-6, momentum 0.9), from the initial weights of seed.bin",
        "cases": cases,
    })


def make_losses():
    """Keras's losses and their derivatives, element by element."""
    import keras
    import tensorflow as tf

    cases = []
    for name, delta in [("huber", d) for d in (0.1, 0.5, 1, 2.5, 10)] + [("mse", 1), ("mae", 1)]:
        errors = sorted({-400, -30, -10, -2.5, -1, -0.5, -0.1, -0.01, 0, 0.05, 0.1, 0.5, 0.999, 1, 1.001, 2.5, 7, 10, 123.5})
        prediction = tf.Variable(np.array(errors)[:, None], dtype="float64")
        loss = {"huber": lambda: keras.losses.Huber(delta=delta, reduction=None, dtype="float64"),
                "mse": lambda: keras.losses.MeanSquaredError(reduction=None, dtype="float64"),
                "mae": lambda: keras.losses.MeanAbsoluteError(reduction=None, dtype="float64")}[name]()
        with tf.GradientTape() as tape:
            values = loss(np.zeros((len(errors), 1)), prediction)
        cases.append({"loss": name, "delta": delta, "errors": errors, "values": values.numpy(),
                      "derivatives": tape.gradient(values, prediction).numpy()[:, 0]})
    write("losses.json", ["keras"], {"note": "of prediction - target, in float64", "cases": cases})


def make_philox():
    """TensorFlow's Philox4x32-10 bits for a 64-bit key and the counter's upper half."""
    import tensorflow as tf

    cases = []
    for seed, seed2, n in ((0, 0, 6), (1, 2, 9), (87654321, 42, 9), (2**32 - 1, 2**53 - 1, 9), (2**53 - 1, 2**32 + 5, 30)):
        counter = np.array([0, seed2], np.uint64)
        bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[n], key=np.array([seed], np.uint64), counter=counter, alg=1, dtype=tf.uint32)
        cases.append({"seed": seed, "seed2": seed2, "numbers": bits.numpy()})
    write("philox.json", ["tensorflow-cpu"], {
        "note": "StatelessRandomUniformFullIntV2(key=[seed], counter=[0, seed2], alg=Philox), 32-bit words in order",
        "cases": cases,
    })


def make_initializers():
    """What Keras's default initialisers draw: bounds, orthogonality, bias."""
    import keras
    from seed_script import build_model

    glorot = []
    for shape in ([5, 1, 60], [60, 240], [60, 30], [3, 4, 50], [1, 1000]):
        draw = np.asarray(keras.initializers.GlorotUniform(seed=1)(shape))
        field = int(np.prod(shape[:-2]))
        limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
        glorot.append({"shape": shape, "limit": limit, "largest": np.abs(draw).max()})
    orthogonal = []
    for shape in ([60, 240], [40, 9]):
        draw = np.asarray(keras.initializers.Orthogonal(seed=1)(shape), np.float64)
        gram = draw @ draw.T if shape[0] < shape[1] else draw.T @ draw
        orthogonal.append({"shape": shape, "gram_error": np.abs(gram - np.eye(len(gram))).max()})
    biases = []
    for units in (1, 3):
        layer = keras.layers.LSTM(units)
        layer.build((None, None, 2))
        biases.append({"units": units, "bias": layer.get_weights()[2]})
    keras.utils.clear_session()  # So that layers are numbered from the beginning.
    keras.utils.set_random_seed(1)
    model = build_model()
    write("initializers.json", ["keras", "tensorflow-cpu"], {
        "note": "limit is the formula's, the rest was drawn by Keras; seed_model: the exercise's model, freshly built",
        "glorot_uniform": glorot, "orthogonal": orthogonal, "lstm_bias": biases,
        "seed_model": [
            {"name": variable.path.split("/", 1)[1].replace("/lstm_cell", ""), "shape": list(variable.shape),
             "mean_square": float((np.asarray(variable) ** 2).mean())}
            for variable in model.trainable_variables],
    })


def make_weights_file():
    """A .weights.h5 by Keras: the exercise's model, with optimizer state, and its predictions."""
    import keras
    from seed_script import build_model

    keras.utils.set_random_seed(5)
    model = build_model()
    model.compile(optimizer="sgd", loss="huber")
    inputs = series()[:60].astype(np.float32).reshape(2, 30, 1)
    model.train_on_batch(inputs, np.roll(inputs, -1, 1))
    model.save_weights(HERE / "keras.weights.h5")
    weights = model.get_weights()
    write("keras_weights.json", ["keras", "h5py"], {
        "note": "of keras.weights.h5: predictions for values 0 to 59 of data/sunspots.csv as two windows; first and last number of each weight, in order",
        "predictions": float32(model.predict(inputs, verbose=0)),
        "ends": [float32([w.ravel()[0], w.ravel()[-1]]) for w in weights],
    })


MAKERS = {
    "model_checkpoint": make_model_checkpoint,
    "baselines": make_baselines,
    "windows": make_windows,
    "shuffle": make_shuffle,
    "models": make_models,
    "fit": make_fit,
    "losses": make_losses,
    "philox": make_philox,
    "initializers": make_initializers,
    "weights_file": make_weights_file,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]()
