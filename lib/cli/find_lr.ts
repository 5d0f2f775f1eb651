/**
 * `train --find-lr`: the learning-rate finder with its table and picture.
 * @module
 */

import type { Config } from "../config.ts";
import { selectEngine, type SelectOptions } from "../engine/select.ts";
import { findLearningRate, suggestLearningRate } from "../find_lr.ts";
import { initialWeights } from "../initializers.ts";
import { prepareTraining } from "../run.ts";
import type { Series } from "../series.ts";
import { tellEngine } from "./engine_options.ts";
import { writeOutput } from "./output_file.ts";
import type { Terminal } from "./terminal.ts";

/** The exercise's first rate: 1e-8, tenfold every 20 epochs, so 1e-3 after 100. */
const FIRST_RATE = 1e-8;

/** What to search, and where the picture goes. */
export interface FinderCommand {
  config: Config;
  series: Series;
  engine: SelectOptions;
  /** Path of the SVG file. */
  output: string;
  json: boolean;
}

/** Runs the finder, prints its epochs and draws them. */
export async function runFinder(
  command: FinderCommand,
  terminal: Terminal,
): Promise<void> {
  const { series, output, json } = command;
  const config = { ...command.config, learningRate: FIRST_RATE };
  const { spec, training } = prepareTraining(config, series.values);
  const selected = await selectEngine(
    spec,
    initialWeights(config, config.seed),
    command.engine,
  );
  terminal.err(tellEngine(selected));
  const bar = terminal.bar(config.epochs, "epochs");
  try {
    const points = await findLearningRate(selected.engine, {
      config,
      training,
      signal: terminal.signal,
      onEpochEnd: (epoch, point) => {
        bar.update(epoch, `loss ${point.loss.toFixed(3)}`);
        const { learning_rate, loss } = point;
        terminal.out(
          json
            ? JSON.stringify({ epoch, ...point })
            : `${learning_rate.toExponential(3)}  ${loss.toFixed(4)}`,
        );
      },
    });
    const suggested = suggestLearningRate(points);
    const { finderFigure } = await import("../plot/finder_figure.ts");
    const { renderFigure } = await import("../plot/figure.ts");
    await writeOutput(output, renderFigure(finderFigure(points, suggested)));
    bar.stop();
    terminal.out(
      json
        ? JSON.stringify({
          done: true,
          suggested: suggested ?? null,
          picture: output,
        })
        : `Suggested: --learning-rate ${
          suggested?.toExponential(1) ?? "none"
        }; picture: ${output}`,
    );
  } finally {
    bar.stop();
    selected.dispose();
  }
}
