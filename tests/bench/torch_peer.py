"""The benchmark's peer in PyTorch: the same model, weights, batch and train step, on the CPU.

Reads one JSON object a line from stdin, answers each with one on stdout:
{"threads": 1, ...model..., "weights": base64, "inputs": base64, "targets": base64} -> {"version": ..., "loss": first loss}
{"steps": 93} -> {"ms": time of all of them}
"""

import base64
import json
import sys
import time

try:
    import torch
    from torch import nn
except ImportError as error:
    print(json.dumps({"missing": str(error)}), flush=True)
    sys.exit(0)


def floats(text):
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.float32)


class Forecaster(nn.Module):
    """Causal Conv1d, LSTM stack, dense head, output scale."""

    def __init__(self, spec):
        super().__init__()
        self.scale = spec["outputScale"]
        self.padding = spec["kernelSize"] - 1
        self.conv = nn.Conv1d(1, spec["filters"], spec["kernelSize"])
        width = spec["filters"]
        self.lstms = nn.ModuleList()
        for units in spec["lstmUnits"]:
            self.lstms.append(nn.LSTM(width, units, batch_first=True))
            width = units
        layers = []
        for units in spec["denseUnits"]:
            layers += [nn.Linear(width, units), nn.ReLU()]
            width = units
        self.head = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, x):
        x = nn.functional.pad(x.transpose(1, 2), (self.padding, 0))
        x = torch.relu(self.conv(x)).transpose(1, 2)
        for lstm in self.lstms:
            x = lstm(x)[0]
        return self.head(x) * self.scale

    @torch.no_grad()
    def load(self, flat):
        """Takes Keras's weights in Keras's order; torch's LSTM has a second bias, which stays 0."""
        at = 0

        def take(*shape):
            nonlocal at
            size = 1
            for n in shape:
                size *= n
            at += size
            return flat[at - size : at].view(*shape)

        filters, _, kernel = self.conv.weight.shape
        self.conv.weight.copy_(take(kernel, 1, filters).permute(2, 1, 0))
        self.conv.bias.copy_(take(filters))
        for lstm in self.lstms:
            gates, inputs = lstm.weight_ih_l0.shape
            lstm.weight_ih_l0.copy_(take(inputs, gates).T)
            lstm.weight_hh_l0.copy_(take(gates // 4, gates).T)
            lstm.bias_ih_l0.copy_(take(gates))
            lstm.bias_hh_l0.zero_()
        for layer in self.head:
            if isinstance(layer, nn.Linear):
                outputs, inputs = layer.weight.shape
                layer.weight.copy_(take(inputs, outputs).T)
                layer.bias.copy_(take(outputs))


def prepare(spec):
    torch.set_num_threads(spec["threads"])
    model = Forecaster(spec)
    model.load(floats(spec["weights"]))
    batch = spec["batchSize"]
    x = floats(spec["inputs"]).view(batch, -1, 1)
    y = floats(spec["targets"]).view(batch, -1, 1)
    loss_of = nn.HuberLoss(delta=spec["huberDelta"])
    optimizer = torch.optim.SGD(
        model.parameters(), lr=spec["learningRate"], momentum=spec["momentum"]
    )

    def step():
        optimizer.zero_grad()
        output = model(x)
        loss = loss_of(output, y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            mae = (output - y).abs().mean()
        return loss, mae

    return step


step = None
for line in sys.stdin:
    request = json.loads(line)
    if "weights" in request:
        step = prepare(request)
        answer = {
            "version": "PyTorch " + torch.__version__,
            "loss": step()[0].item(),
        }
    else:
        began = time.perf_counter()
        for _ in range(request["steps"]):
            step()
        answer = {"ms": (time.perf_counter() - began) * 1e3}
    print(json.dumps(answer), flush=True)
