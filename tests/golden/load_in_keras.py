"""Loads weights exported by this project into the exercise's model in real Keras.

  .venv/bin/python tests/golden/load_in_keras.py FILE.weights.h5 [HERE.json]

Prints Keras's val_mae with them on the bundled series, to be compared with `eval`'s. With the
JSON of export_for_keras.ts it also compares weights (bit by bit) and predictions (to 1e-5 of the
largest), and fails if they differ.
"""

import json
import sys

import numpy as np
from seed_script import SPLIT_TIME, WINDOW_SIZE, build_model, keras, read_series


def main():
    series = read_series().astype(np.float32)
    model = build_model()
    model.load_weights(sys.argv[1])
    print(f"Keras {keras.__version__} loaded {sys.argv[1]}: {model.count_params()} parameters")

    starts = range(SPLIT_TIME, len(series) - WINDOW_SIZE)
    x = np.stack([series[s:s + WINDOW_SIZE] for s in starts])[..., None]
    y = np.stack([series[s + 1:s + WINDOW_SIZE + 1] for s in starts])[..., None]
    errors = model.predict(x, verbose=0) - y
    print(f"val_mae in Keras: {np.abs(errors).mean():.6f} over {errors.size} positions, "
          f"at the last of each window {np.abs(errors[:, -1]).mean():.6f}")
    if len(sys.argv) < 3:
        return

    with open(sys.argv[2]) as file:
        here = json.load(file)
    weights = np.concatenate([w.ravel() for w in model.get_weights()])
    same = np.array_equal(weights.view(np.uint32), np.array(here["weights"], np.float32).view(np.uint32))
    print(f"weights bit for bit the same: {same}")
    x = np.stack([series[s:s + WINDOW_SIZE] for s in range(here["windows"])])[..., None]
    expected = model.predict(x, verbose=0).ravel()
    error = np.abs(expected - np.array(here["predictions"])).max() / np.abs(expected).max()
    print(f"predictions differ by at most {error:.2e} of the largest ({len(expected)} compared)")
    if not same or not error <= 1e-5:
        sys.exit("Keras and this project differ")


if __name__ == "__main__":
    main()
