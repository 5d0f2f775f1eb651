/**
 * Where each word of the plan lies: the table in shared memory by which JavaScript tells the
 * WebAssembly threads the model's sizes and the address of every array. Valid AssemblyScript and
 * valid TypeScript, so both sides read this one file.
 *
 * Addresses are in bytes, sizes in elements; every word takes 4 bytes. Activations are laid out
 * `[time][row][channel]` with the rows (samples) padded to 4.
 * @module
 */

/** Byte address of the plan. */
export const PLAN = 1024;

/** Output positions of a window, `T`. */
export const STEPS = 0;
/** Convolution stride. */
export const STRIDES = 1;
/** Zeros before the window. */
export const PAD_LEFT = 2;
/** Input values of a window. */
export const WINDOW = 3;
/** Windows per batch. */
export const BATCH = 4;
/** Values per output position. */
export const HORIZON = 5;
/** First output position that counts in the loss. */
export const LOSS_START = 6;
/** A `LOSS_…` code. */
export const LOSS = 7;
/** f32: where Huber's loss turns linear. */
export const HUBER_DELTA = 8;
/** f32: factor on the network's output. */
export const OUTPUT_SCALE = 9;
/** An `UPDATE_…` code. */
export const OPTIMIZER = 10;
/** f32 */
export const MOMENTUM = 11;
/** f32: 1 - beta1. */
export const BETA1_REST = 12;
/** f32: 1 - beta2. */
export const BETA2_REST = 13;
/** f32 */
export const RHO = 14;
/** f32: 1 - rho. */
export const RHO_REST = 15;
/** f32 */
export const EPSILON = 16;
/** f32: largest norm of the gradient; 0: any. */
export const CLIP_NORM = 17;
/** Threads at work. */
export const THREADS = 18;
/** Number of LSTM layers. */
export const LSTM_LAYERS = 19;
/** Number of dense layers. */
export const DENSE_LAYERS = 20;
/** i32 `[T]`: the input position that each output position stands at. */
export const ANCHORS = 21;
/** Size of the convolution kernel, not padded. */
export const KERNEL_SIZE = 22;

/** i32 `[windows]`: first index of each window of this call. */
export const STARTS = 24;
/** Number of windows of this call. */
export const WINDOWS = 25;
/** f32: the values that windows are cut from. */
export const SOURCE = 26;
/** f32 `[batches]`: step size of each step of this call. */
export const RATES = 27;
/** f32 `[batches]`: mean loss of each batch of this call. */
export const LOSSES = 28;
/** f32 `[batches]`: mean absolute error of each batch of this call. */
export const ERRORS = 29;
/** f64 `[batch]`: sum of each sample's losses. */
export const SAMPLE_LOSS = 30;
/** f64 `[batch]`: sum of each sample's absolute errors. */
export const SAMPLE_ERROR = 31;
/** f32 `[position][row]`: the batch's windows, transposed, zeros around them. */
export const INPUT = 32;
/** f32 `[T][row][DELTA_WIDTH]`: gradient by a layer's output, layer after layer in one place. */
export const DELTA = 33;
/** Elements from row to row of DELTA. */
export const DELTA_WIDTH = 34;
/** f32 `[row][DELTA_WIDTH]`: gradient by `h` that comes from the next time step. */
export const DELTA_H = 35;
/** f32 `[row][units]`: gradient by `c` that comes from the next time step. */
export const DELTA_C = 36;
/** f32 `[PACK_ROWS][16]` per thread: a strip of gradients. */
export const PACK = 37;
/** f32: all weights as panels, see `product.ts`. */
export const WEIGHTS = 38;
/** f32: the gradient, laid out like WEIGHTS. */
export const GRADIENT = 39;
/** f32: the optimizer's first vector, laid out like WEIGHTS. */
export const SLOT0 = 40;
/** f32: the optimizer's second vector, laid out like WEIGHTS. */
export const SLOT1 = 41;
/** f64 `[tasks]`: sums of squares of the gradient. */
export const SQUARES = 42;
/** i32: next task of the gradient phase. */
export const NEXT_TASK = 43;
/** The barrier: i32 count of the threads that have come, and the two words below. */
export const BARRIER = 44;
/** Bytes from BARRIER to the i32 that tells how often all have met, on which threads sleep. */
export const BARRIER_GENERATION = 64;
/** Bytes from BARRIER to the i32 that isn't 0 once the work is called off. */
export const BARRIER_STOP = 128;

/** First word of the layers' records: convolution, LSTM layers, dense layers. */
export const LAYERS = 48;
/** Words of one layer's record. */
export const LAYER_WORDS = 16;
/** Inputs of the layer, padded to 4. */
export const INPUTS = 0;
/** Units that feed back, padded to 4; 0 without recurrence. */
export const UNITS = 1;
/** Panels of 8 columns of the layer's kernel. */
export const PANELS = 2;
/** Element of the kernel in WEIGHTS. */
export const KERNEL = 3;
/** Element of the recurrent kernel in WEIGHTS. */
export const RECURRENT = 4;
/** Element of the bias in WEIGHTS. */
export const BIAS = 5;
/** Address of the transposed kernel; 0: not needed. */
export const KERNEL_T = 6;
/** Address of the transposed recurrent kernel. */
export const RECURRENT_T = 7;
/** Address of the layer's output `[T][row][width]`; an LSTM's has the zero state before it. */
export const OUTPUT = 8;
/** Elements from row to row of OUTPUT. */
export const OUTPUT_WIDTH = 9;
/** LSTM: address of the gates `[T][row][4 units]`, later of their gradients. Dense: gradient by the output. */
export const GATES = 10;
/** LSTM: address of the cell states, laid out like OUTPUT. */
export const CELLS = 11;
/** LSTM: address of tanh of the cell states, `[T][row][units]`. */
export const TANH_CELLS = 12;
/** First task of the layer's gradient; two panels make a task. */
export const FIRST_TASK = 13;

/** Bytes that the plan takes, for the most layers there can be. */
export const PLAN_BYTES = 4 * (48 + 16 * 11);
/** Rows of a strip of gradients. */
export const PACK_ROWS = 64;

export const LOSS_HUBER = 0;
export const LOSS_MSE = 1;
export const LOSS_MAE = 2;

export const UPDATE_SGD = 0;
export const UPDATE_MOMENTUM = 1;
export const UPDATE_NESTEROV = 2;
export const UPDATE_ADAM = 3;
export const UPDATE_RMSPROP = 4;
export const UPDATE_RMSPROP_MOMENTUM = 5;

/** Forward, backward, update. */
export const MODE_TRAIN = 0;
/** Forward and backward, the gradient kept, nothing updated. */
export const MODE_GRADIENT = 1;
/** Forward and loss. */
export const MODE_EVALUATE = 2;
/** Forward. */
export const MODE_PREDICT = 3;
