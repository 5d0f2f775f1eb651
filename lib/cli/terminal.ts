/**
 * What a command may say to the outside: the one door through which text leaves.
 * `main.ts` gives the real one, tests their own.
 * @module
 */

/** A bar on a terminal. */
export interface ProgressBar {
  /** Sets how far it is and what stands beside it. */
  update(done: number, note: string): void;
  /** Clears it. */
  stop(): void;
}

/** Where a command's words go. */
export interface Terminal {
  /** Takes a line of results. */
  out(line: string): void;
  /** Takes a line of progress, log or warning. */
  err(line: string): void;
  /** Shows a bar below the lines, or nothing where people don't watch. */
  bar(total: number, unit: string): ProgressBar;
  /** Aborted by Ctrl-C and by a polite kill. */
  readonly signal: AbortSignal;
}
