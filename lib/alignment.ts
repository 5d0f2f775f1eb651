/**
 * Which target each output position of the network predicts, for any stride and padding.
 * Between windows and model: both sides of the loss are laid out by it.
 * @module
 */

/** How the convolution treats the window's ends; see https://keras.io/api/layers/convolution_layers/convolution1d/ */
export type Padding = "causal" | "same" | "valid";

/** What decides the convolution's output positions. */
export interface AlignmentOptions {
  /** Input time steps per window. */
  windowSize: number;
  /** Convolution kernel size in time steps. */
  kernelSize: number;
  /** Convolution stride in time steps. */
  strides: number;
  /** Convolution padding. */
  padding: Padding;
}

/** The convolution's arithmetic over one window. */
export interface Alignment {
  /** Output positions per window, `T'`. */
  steps: number;
  /** Zeros that the padding puts before the window. */
  padLeft: number;
  /**
   * Per output position, the input position it stands at: the first target of output `j`
   * is the value at window offset `anchor[j] + 1`.
   */
  anchor: Int32Array;
  /** Per output position, the last input position that its convolution reads. */
  lastSeen: Int32Array;
}

/**
 * Lays out the convolution's output over a window of `windowSize` inputs.
 *
 * `steps` and `padLeft` are TensorFlow's (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2):
 * causal pads `kernelSize - 1` zeros on the left; same pads `max((ceil(T/s)-1) s + k - T, 0)`, the smaller half
 * left; valid pads nothing. An output stands at the newest value it reads (causal, valid) or at
 * the centre of its stride (same), so that stride 1 with causal or same padding gives the exercise's
 * targets `w[1:]`.
 *
 * @throws {RangeError} if the window is shorter than a valid convolution's kernel.
 */
export function alignment(options: AlignmentOptions): Alignment {
  const { windowSize, kernelSize, strides, padding } = options;
  const steps = padding === "valid"
    ? Math.ceil((windowSize - kernelSize + 1) / strides)
    : Math.ceil(windowSize / strides);
  if (steps < 1) {
    throw new RangeError(
      `Cannot convolve a window of ${windowSize}: a valid kernel of ${kernelSize} needs at least ${kernelSize} values`,
    );
  }
  const padLeft = padding === "causal"
    ? kernelSize - 1
    : padding === "same"
    ? Math.max((steps - 1) * strides + kernelSize - windowSize, 0) >> 1
    : 0;
  const lastSeen = Int32Array.from(
    { length: steps },
    (_, j) => Math.min(j * strides - padLeft + kernelSize - 1, windowSize - 1),
  );
  const anchor = padding === "same"
    ? Int32Array.from({ length: steps }, (_, j) => j * strides)
    : lastSeen.slice();
  return { steps, padLeft, anchor, lastSeen };
}
