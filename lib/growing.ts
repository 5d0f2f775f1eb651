/**
 * An array of numbers that grows while rows arrive. Used by series.
 * @module
 */

/** Float64 numbers that come one by one. */
export class Growing {
  #buffer = new ArrayBuffer(8 * 1_024);
  #view = new Float64Array(this.#buffer);
  /** How many numbers it holds. */
  length = 0;

  /** Appends a number. */
  push(value: number): void {
    if (this.length === this.#view.length) {
      this.#buffer = this.#buffer.transfer(this.#buffer.byteLength * 2);
      this.#view = new Float64Array(this.#buffer);
    }
    this.#view[this.length++] = value;
  }

  /** Ends the growing. @returns all numbers, in a buffer of their own. */
  finish(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#buffer.transfer(this.length * 8));
  }
}
