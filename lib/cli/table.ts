/**
 * Rows of text as an aligned table.
 * @module
 */

/**
 * Aligns columns: the first to the left, the others, which hold numbers, to the right.
 *
 * @param rows The first is the head.
 */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, c) =>
    Math.max(...rows.map((row) => row[c]!.length))
  );
  return rows.map((row) =>
    row.map((cell, c) =>
      c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)
    ).join("  ")
  ).join("\n");
}
