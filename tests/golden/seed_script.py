"""The exercise as its own script has it, in Keras, on the bundled series.

  .venv/bin/python tests/golden/seed_script.py [--seed 1] [--epochs 100] [--threads 1] [--quiet]

Prints one JSON line: the best val_mae and its epoch, and milliseconds per training step, on the
clock and of processor time over all threads (medians over the epochs but the first, validation
and callbacks not counted).
"""

import argparse
import csv
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

SPLIT_TIME = 3000
WINDOW_SIZE = 30
BATCH_SIZE = 32
SHUFFLE_BUFFER = 1000


def read_series():
    path = Path(__file__).resolve().parent.parent.parent / "data" / "sunspots.csv"
    with open(path, newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([float(row[2]) for row in rows])


def windowed_dataset(series, window_size, batch_size, shuffle_buffer, seed=None):
    series = tf.expand_dims(series, axis=-1)
    ds = tf.data.Dataset.from_tensor_slices(series)
    ds = ds.window(window_size + 1, shift=1, drop_remainder=True)
    ds = ds.flat_map(lambda w: w.batch(window_size + 1))
    ds = ds.shuffle(shuffle_buffer, seed=seed)
    ds = ds.map(lambda w: (w[:-1], w[1:]))
    return ds.batch(batch_size).prefetch(1)


def build_model():
    return keras.Sequential([
        keras.Input(shape=[None, 1]),
        keras.layers.Conv1D(60, kernel_size=5, strides=1, padding="causal", activation="relu"),
        keras.layers.LSTM(60, return_sequences=True),
        keras.layers.LSTM(60, return_sequences=True),
        keras.layers.Dense(30, activation="relu"),
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(1),
        keras.layers.Lambda(lambda x: x * 400),
    ])


class StepTimer(keras.callbacks.Callback):
    """Wall time of each epoch's training steps, from the first step's begin to the last one's end."""

    def __init__(self):
        super().__init__()
        self.milliseconds = []
        self.cpu_milliseconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.steps = 0

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0:
            self.begun = time.perf_counter()
            self.cpu_begun = time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1
        self.ended = time.perf_counter()
        self.cpu_ended = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        self.milliseconds.append(1000 * (self.ended - self.begun) / self.steps)
        self.cpu_milliseconds.append(1000 * (self.cpu_ended - self.cpu_begun) / self.steps)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--threads", type=int, default=0, help="0: TensorFlow's choice")
    parser.add_argument("--quiet", action="store_true")
    args = parser.parse_args()
    if args.threads:
        tf.config.threading.set_intra_op_parallelism_threads(args.threads)
        tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    keras.utils.set_random_seed(args.seed)

    series = read_series()
    train = windowed_dataset(series[:SPLIT_TIME], WINDOW_SIZE, BATCH_SIZE, SHUFFLE_BUFFER)
    valid = windowed_dataset(series[SPLIT_TIME:], WINDOW_SIZE, BATCH_SIZE, SHUFFLE_BUFFER)
    model = build_model()
    model.compile(
        loss=keras.losses.Huber(),
        optimizer=keras.optimizers.SGD(learning_rate=1e-4, momentum=0.9),
        metrics=["mae"],
    )
    timer = StepTimer()
    begun = time.perf_counter()
    history = model.fit(
        train, epochs=args.epochs, validation_data=valid, callbacks=[timer],
        verbose=0 if args.quiet else 2,
    ).history
    best = int(np.nanargmin(history["val_mae"]))
    print(json.dumps({
        "seed": args.seed, "epochs": args.epochs, "threads": args.threads,
        "keras": keras.__version__, "tensorflow": tf.__version__,
        "best_epoch": best + 1, "best_val_mae": history["val_mae"][best],
        "last_val_mae": history["val_mae"][-1],
        "ms_per_step": statistics.median(timer.milliseconds[1:] or timer.milliseconds),
        "cpu_ms_per_step": statistics.median(timer.cpu_milliseconds[1:] or timer.cpu_milliseconds),
        "seconds": time.perf_counter() - begun,
    }))


if __name__ == "__main__":
    main()
