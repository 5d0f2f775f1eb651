/**
 * `doctor`: one screen about this machine that can be pasted into a bug report.
 * @module
 */

import { diagnose, type Diagnosis } from "../doctor.ts";
import { describe } from "../engine/device.ts";
import {
  DEFAULT_CHECKPOINT,
  SHIPPED_CHECKPOINT,
} from "./checkpoint_options.ts";
import type { Command } from "./command.ts";
import { table } from "./table.ts";

/** Steps of the exercise's run: 100 epochs of 93 batches. */
const RUN_STEPS = 9300;

/** The command. */
export const doctorCommand: Command = {
  options: [
    {
      name: "checkpoint",
      kind: "text",
      value: "FOLDER",
      help: "another checkpoint to look at",
    },
    { name: "json", kind: "flag", help: "JSON on stdout" },
  ],
  async run(values, terminal) {
    const named = values.get("checkpoint") as string | undefined;
    const bar = terminal.bar(7, "checks");
    let diagnosis: Diagnosis;
    try {
      diagnosis = await diagnose({
        checkpoints: [
          ...(named === undefined ? [] : [named]),
          DEFAULT_CHECKPOINT,
          SHIPPED_CHECKPOINT,
        ],
        onCheck: (index, _count, name) => bar.update(index, name),
        signal: terminal.signal,
      });
    } finally {
      bar.stop();
    }
    terminal.out(
      values.get("json") === true
        ? JSON.stringify(diagnosis)
        : describeDiagnosis(diagnosis),
    );
    if (!diagnosis.can_train) {
      throw new Error(
        "Cannot train on this machine: no engine answers rightly, see the findings",
      );
    }
  },
};

/** The screen. */
export function describeDiagnosis(diagnosis: Diagnosis): string {
  const { system, engines, auto, checkpoints, findings } = diagnosis;
  const { sunspots, tfjs, deno, v8, typescript } = system.versions;
  const lines = [
    `sunspots ${sunspots}${
      system.compiled ? " (compiled)" : ""
    }, tfjs ${tfjs}, Deno ${deno}, V8 ${v8}, TypeScript ${typescript}`,
    [
      `${system.os} ${system.arch}`,
      system.release,
      system.cpu,
      `${system.cores} cores`,
    ].filter(Boolean).join(", "),
    "",
    ...describeGpu(diagnosis),
    `Environment  ${
      Object.entries(system.environment).map(([name, value]) =>
        `${name} ${value === null ? "not set" : value === "" ? "empty" : value}`
      ).join(", ") || "may not be read"
    }`,
    `Permissions  ${
      Object.entries(system.permissions)
        .filter(([, state]) => state === "granted").map(([name]) => name)
        .join(", ") || "none"
    }`,
    "",
    table([
      ["Engine, on the exercise's model", "answer", "off by", "ms per step"],
      ...engines.map((check) => [
        check.name,
        check.works
          ? "right"
          : check.deviation === undefined
          ? "failed"
          : "WRONG",
        check.deviation?.toExponential(0) ?? "",
        milliseconds(check.ms_per_step),
      ]),
    ]),
    "",
    auto.works
      ? `--engine auto  ${auto.engine} on ${auto.adapter}: ${auto.reason}; about ${
        milliseconds(auto.ms_per_step)
      } ms a step, the exercise's 100 epochs in ${
        duration(RUN_STEPS * (auto.ms_per_step ?? 0) / 1000)
      }`
      : `--engine auto  fails: ${auto.problem}`,
    "",
    ...checkpoints.map(({ path, state, epoch, monitor, value }) =>
      `Checkpoint  ${path}: ${state}${
        epoch === undefined
          ? ""
          : `, epoch ${epoch}, ${monitor} ${value?.toFixed(5) ?? "unknown"}`
      }`
    ),
    "",
    ...findings.map(({ level, finding, remedy }) =>
      `${level.padEnd(8)} ${finding}${remedy === "" ? "" : ` -> ${remedy}`}`
    ),
  ];
  return lines.join("\n");
}

function describeGpu({ gpu, system }: Diagnosis): string[] {
  if (!gpu.works) return [`GPU          none usable: ${gpu.problem}`];
  const { adapter, limits: l, features } = gpu;
  return [
    `GPU          ${describe(adapter)}${
      system.os === "linux" && !adapter.openGl ? ", Vulkan" : ""
    }; self-check passed`,
    `  offers     buffers of ${bytes(l.maxBufferSize)}, storage of ${
      bytes(l.maxStorageBufferBindingSize)
    }, uniforms of ${
      bytes(l.maxUniformBufferBindingSize)
    }, ${l.maxStorageBuffersPerShaderStage} storage buffers a stage`,
    `  workgroups of ${l.maxComputeInvocationsPerWorkgroup} with ${
      bytes(l.maxComputeWorkgroupStorageSize)
    }, ${l.maxComputeWorkgroupsPerDimension} a side; features: ${
      features.join(", ") || "none of the optional ones"
    }`,
  ];
}

/** A number of bytes as people say it. */
function bytes(count: number | undefined): string {
  if (count === undefined) return "unknown size";
  const [unit, size] = count >= 2 ** 29
    ? ["GiB", 2 ** 30]
    : count >= 2 ** 20
    ? ["MiB", 2 ** 20]
    : ["KiB", 2 ** 10];
  return `${+(count / size).toFixed(1)} ${unit}`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? "" : ms < 100 ? ms.toFixed(1) : ms.toFixed(0);
}

/** Seconds as people say them. */
function duration(seconds: number): string {
  return seconds < 90
    ? `${Math.ceil(seconds)} s`
    : `${(seconds / 60).toFixed(1)} min`;
}
