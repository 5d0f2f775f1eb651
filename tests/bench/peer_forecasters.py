"""darts and neuralforecast on this repository's task, on the CPU: what a train step costs them, and how well they
forecast the validation part from the 224 origins of `deno task backtest`. Prints one JSON line.

    python tests/bench/peer_forecasters.py --library darts --model lstm --window 132 --seed 1

lstm is the nearest thing to the exercise's network that both have: two LSTM layers of 60 units and their own head,
which emits all 12 months at once; no convolution, and a first layer that sees one number a month, so a step is about
a quarter less arithmetic than the exercise's. nhits is a model that both recommend for univariate series, at its defaults.

Everything else is the library's default (Adam at 1e-3; darts 100 epochs of all windows in batches of 32;
neuralforecast 1000 steps of sampled windows), but for what their guides advise: darts gets its Scaler, and
EarlyStopping on the last 264 months of the training part, whose best epoch it keeps; both minimise the absolute error,
which is what they are judged by. Nothing sees the values from month 3000 on before it is asked to forecast them.
"""

import argparse
import csv
import json
import logging
import os
import pathlib
import statistics
import time
import warnings

SPLIT, HORIZON, HORIZONS, HELD_OUT, PATIENCE = 3000, 12, (1, 6, 12), 264, 10
SERIES = pathlib.Path(__file__).parents[2] / "data" / "sunspots.csv"

parser = argparse.ArgumentParser(description="darts or neuralforecast on the sunspots")
parser.add_argument("--library", choices=["darts", "neuralforecast"], required=True)
parser.add_argument("--model", choices=["lstm", "nhits"], default="lstm")
parser.add_argument("--window", type=int, default=30, help="months that the model sees")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument(
    "--steps", type=int, help="only time so many train steps of 32 windows"
)
options = parser.parse_args()

# Before torch is loaded, so that its threads are as many as asked for, and no graphics card is used.
os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["CUDA_VISIBLE_DEVICES"] = ""
warnings.filterwarnings("ignore")

import numpy as np
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping

torch.set_num_threads(options.threads)
for name in ("pytorch_lightning", "lightning", "lightning.pytorch"):
    logging.getLogger(name).setLevel(logging.ERROR)
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Clock(Callback):
    """When each train step ended: in the class, since neuralforecast copies what it is handed."""

    ends = []

    def on_train_batch_end(self, *_):
        self.ends.append(time.perf_counter())

    def median_ms(self):
        """Of a step with all that lies between two of them, by runs of 93 steps; the first run warms up."""
        runs = [
            (self.ends[i + 93] - self.ends[i]) / 93
            for i in range(93, len(self.ends) - 93, 93)
        ]
        return 1e3 * statistics.median(runs)


def read_series():
    with open(SERIES, newline="") as file:
        return np.array([float(row[2]) for row in list(csv.reader(file))[1:]])


def with_darts(values, clock):
    """The forecasts, [origins, 12], or None if only steps are timed."""
    from darts import TimeSeries
    from darts.dataprocessing.transformers import Scaler
    from darts.models import BlockRNNModel, NHiTSModel

    series = TimeSeries.from_values(values.astype(np.float32))
    scaler = Scaler().fit(series[:SPLIT])
    scaled = scaler.transform(series)
    callbacks = [clock]
    if options.steps is None:
        callbacks.append(EarlyStopping("val_loss", patience=PATIENCE))
    trainer = {**QUIET, "callbacks": callbacks}
    if options.steps is not None:
        trainer["max_steps"] = options.steps
    common = {
        "input_chunk_length": options.window,
        "output_chunk_length": HORIZON,
        "loss_fn": torch.nn.L1Loss(),
        "random_state": options.seed,
        "pl_trainer_kwargs": trainer,
    }
    if options.model == "lstm":
        create, own = BlockRNNModel, {
            "model": "LSTM",
            "hidden_dim": 60,
            "n_rnn_layers": 2,
        }
    else:
        create, own = NHiTSModel, {}
    if options.steps is not None:
        create(**common, **own).fit(scaled[:SPLIT], verbose=False)
        return None
    model = create(
        **common, **own, model_name="peer", save_checkpoints=True, force_reset=True
    )
    end = SPLIT - HELD_OUT
    model.fit(
        scaled[:end],
        val_series=scaled[end - options.window : SPLIT],
        verbose=False,
    )
    # Trusted: written here a moment ago; without that darts refuses the file for the clock in it.
    model.load_weights_from_checkpoint("peer", best=True, trusted=True)
    forecasts = model.historical_forecasts(
        scaled,
        start=SPLIT,
        forecast_horizon=HORIZON,
        retrain=False,
        last_points_only=False,
    )
    return np.stack([scaler.inverse_transform(f).values()[:, 0] for f in forecasts])


def with_neuralforecast(values, clock):
    """The forecasts, [origins, 12], or None if only steps are timed."""
    import pandas as pd
    from neuralforecast import NeuralForecast
    from neuralforecast.models import LSTM, NHITS

    frame = pd.DataFrame(
        {"unique_id": "sunspots", "ds": np.arange(len(values)), "y": values}
    )
    common = {
        "h": HORIZON,
        "input_size": options.window,
        "random_seed": options.seed,
        "callbacks": [clock],
        **QUIET,
        "enable_checkpointing": False,
    }
    if options.steps is not None:
        common |= {"max_steps": options.steps, "windows_batch_size": 32}
    if options.model == "lstm":
        model = LSTM(**common, encoder_hidden_size=60, encoder_n_layers=2)
    else:
        model = NHITS(**common)
    forecaster = NeuralForecast(models=[model], freq=1)
    if options.steps is not None:
        forecaster.fit(frame[:SPLIT])
        return None
    table = forecaster.cross_validation(
        frame, n_windows=None, test_size=len(values) - SPLIT, step_size=1
    )
    return table.sort_values(["cutoff", "ds"])[repr(model)].values.reshape(-1, HORIZON)


values = read_series()
clock = Clock()
began = time.perf_counter()
# The libraries leave their notes where they run: not in the repository.
import contextlib
import sys
import tempfile

with (
    tempfile.TemporaryDirectory() as folder,
    contextlib.chdir(folder),
    contextlib.redirect_stdout(sys.stderr),
):
    run = with_darts if options.library == "darts" else with_neuralforecast
    forecasts = run(values, clock)
seconds = time.perf_counter() - began
result = {
    **{k: v for k, v in vars(options).items() if v is not None},
    "version": __import__(options.library).__version__,
    "torch": torch.__version__,
    "train_steps": len(clock.ends),
}
if forecasts is None:
    result["ms_per_step"] = round(clock.median_ms(), 2)
else:
    origins = np.arange(SPLIT - 1, len(values) - HORIZON)
    assert forecasts.shape == (len(origins), HORIZON), forecasts.shape
    result["seconds"] = round(seconds, 1)
    result["origins"] = len(origins)
    result["mae"] = {
        h: round(float(np.abs(values[origins + h] - forecasts[:, h - 1]).mean()), 2)
        for h in HORIZONS
    }
print(json.dumps(result))
