"""Makes the files of this folder from TensorFlow, Keras and statsmodels.

  .venv/bin/python tests/golden/make_golden.py [model_checkpoint | baselines | windows | shuffle | models ...]

Without a name it makes all of them. The versions are those of requirements.txt; each JSON file
says in "made_with" which ones made it.
"""

import contextlib
import csv
import io
import json
import math
import os
import sys
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
            with contextlib.redirect_stdout(out):
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


MAKERS = {
    "model_checkpoint": make_model_checkpoint,
    "baselines": make_baselines,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]()
