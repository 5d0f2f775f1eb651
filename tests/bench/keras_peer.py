"""The benchmark's peer in Keras on TensorFlow: the same model, weights, batch and train step, on the CPU.

Speaks the protocol of torch_peer.py. A step is what `fit()` runs for a batch: the compiled train function.
"""

import base64
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

try:
    import keras
    import numpy as np
    import tensorflow as tf
except ImportError as error:
    print(json.dumps({"missing": str(error)}), flush=True)
    sys.exit(0)


def floats(text):
    return np.frombuffer(base64.b64decode(text), dtype=np.float32)


def prepare(spec):
    layers = [
        keras.layers.Input((None, 1)),
        keras.layers.Conv1D(
            spec["filters"], spec["kernelSize"], padding="causal", activation="relu"
        ),
        *(keras.layers.LSTM(u, return_sequences=True) for u in spec["lstmUnits"]),
        *(keras.layers.Dense(u, activation="relu") for u in spec["denseUnits"]),
        keras.layers.Dense(1),
        keras.layers.Rescaling(spec["outputScale"]),
    ]
    model = keras.Sequential(layers)
    flat, at, weights = floats(spec["weights"]), 0, []
    for w in model.get_weights():
        weights.append(flat[at : at + w.size].reshape(w.shape))
        at += w.size
    model.set_weights(weights)
    model.compile(
        loss=keras.losses.Huber(delta=spec["huberDelta"]),
        optimizer=keras.optimizers.SGD(spec["learningRate"], momentum=spec["momentum"]),
        metrics=["mae"],
    )
    batch = spec["batchSize"]
    x = tf.constant(floats(spec["inputs"]).reshape(batch, -1, 1))
    y = tf.constant(floats(spec["targets"]).reshape(batch, -1, 1))
    model.make_train_function()
    data = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
    return lambda: model.train_function(data)


step = None
for line in sys.stdin:
    request = json.loads(line)
    if "weights" in request:
        if step is None:
            tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
            tf.config.threading.set_inter_op_parallelism_threads(1)
        step = prepare(request)
        answer = {
            "version": f"Keras {keras.__version__} on TensorFlow {tf.__version__}",
            "loss": float(step()["loss"]),
        }
    else:
        began = time.perf_counter()
        for _ in range(request["steps"]):
            logs = step()
        float(logs["loss"])
        answer = {"ms": (time.perf_counter() - began) * 1e3}
    print(json.dumps(answer), flush=True)
