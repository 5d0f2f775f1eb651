/**
 * The bundled series for tests that are about its figures, read without any permission and
 * without the code under test.
 * @module
 */

import csv from "../data/sunspots.csv" with { type: "text" };

const rows = csv.trim().split("\n").slice(1).map((row) => row.split(","));

/** Monthly means from 1749-01 to 2018-07. `[3235]` */
export const sunspots: Float64Array = Float64Array.from(
  rows,
  (row) => Number(row[2]),
);

/** Month (0 to 11) of a time index: the series begins in January and has no gap. */
export const month = (index: number): number => index % 12;

/** The exercise's split. */
export const SPLIT = 3000;
