import { assertEquals, assertRejects } from "@std/assert";
import { type EpochLogs, ModelCheckpoint } from "../lib/callbacks.ts";
import golden from "./golden/model_checkpoint.json" with { type: "json" };

const logs = (val_mae: number): EpochLogs => ({
  loss: 1,
  mae: 1,
  val_loss: 1,
  val_mae,
});
const value = (metric: number | string) =>
  metric === "nan" ? NaN : metric === "inf" ? Infinity : Number(metric);

for (const { title, filepath, monitor, epochs } of golden.cases) {
  // Keras lets a NaN that comes first be the best for ever; see the next test.
  if (title === "nan_first") continue;
  Deno.test(`ModelCheckpoint says what Keras says: ${title}`, async () => {
    const lines: string[] = [];
    const saved: number[] = [];
    const checkpoint = new ModelCheckpoint({
      filepath,
      monitor,
      save: (epoch) => Promise.resolve(void saved.push(epoch)),
      log: (line) => lines.push(line),
    });
    for (const [i, { val_mae, printed, saved: keras }] of epochs.entries()) {
      lines.length = 0;
      const improved = await checkpoint.onEpochEnd(i + 1, logs(value(val_mae)));
      assertEquals(
        lines,
        printed.split("\n").filter((line) => line !== ""),
      );
      assertEquals(improved, keras);
      assertEquals(saved.includes(i + 1), keras);
    }
  });
}

Deno.test("ModelCheckpoint never takes a NaN for the best", async () => {
  const lines: string[] = [];
  const checkpoint = new ModelCheckpoint({
    filepath: "best",
    save: () => Promise.resolve(),
    log: (line) => lines.push(line),
  });
  assertEquals(await checkpoint.onEpochEnd(1, logs(NaN)), false);
  assertEquals(checkpoint.best, undefined);
  assertEquals(await checkpoint.onEpochEnd(2, logs(15)), true);
  assertEquals(lines, [
    "Epoch 1: val_mae did not improve from None",
    "Epoch 2: val_mae improved from None to 15.00000, saving model to best",
    "Epoch 2: finished saving model to best",
  ]);
});

Deno.test("ModelCheckpoint refuses a metric that isn't there", async () => {
  const checkpoint = new ModelCheckpoint({
    filepath: "best",
    monitor: "val_accuracy",
    save: () => Promise.resolve(),
  });
  await assertRejects(
    () => checkpoint.onEpochEnd(1, logs(1)),
    RangeError,
    "Cannot monitor val_accuracy",
  );
});

Deno.test("ModelCheckpoint saves every epoch when asked, and goes on from an earlier best", async () => {
  const saved: number[] = [];
  const lines: string[] = [];
  const checkpoint = new ModelCheckpoint({
    filepath: "best",
    saveBestOnly: false,
    best: { epoch: 3, value: 10 },
    save: (epoch) => Promise.resolve(void saved.push(epoch)),
    log: (line) => lines.push(line),
  });
  assertEquals(await checkpoint.onEpochEnd(4, logs(11)), false);
  assertEquals(await checkpoint.onEpochEnd(5, logs(9)), true);
  assertEquals(saved, [4, 5]);
  assertEquals(checkpoint.best, { epoch: 5, value: 9 });
  assertEquals(lines[0], "Epoch 4: saving model to best");
});
