/**
 * What the benchmark times: one way to train the workload's model.
 * @module
 */

/** What a train step asks of host and GPU. */
export interface StepCost {
  /** Compute dispatches. */
  dispatches: number;
  /** Submits, a fraction where one serves several steps. */
  submits: number;
  /** Milliseconds of JavaScript until the step is on its way to the device. */
  hostMs: number;
}

/** One way to train, ready to run. */
export interface Contestant {
  /** Short name, as for `--only`. */
  key: string;
  /** What it is, for people. */
  label: string;
  /** What it runs on, for people. */
  device: string;
  /** Which measured peak its speed is put beside. */
  peak?: string;
  /** The loss of the first batch at the initial weights; the proof that all do the same. */
  firstLoss: number;
  /** Trains for so many steps; milliseconds of all together. */
  run(steps: number): Promise<number>;
  /** What one step costs; absent where there is no GPU. */
  cost?: () => Promise<StepCost>;
  /** Frees everything. */
  dispose(): Promise<void>;
}

/** How to make one; each is made when its turn comes. */
export interface Entry {
  /** As `Contestant.key`. */
  key: string;
  /** Makes it. @throws with the reason, if it isn't there. */
  make(): Promise<Contestant>;
}
