/** The part of `jsr:@std/text` that this project uses. */
export function closestString(
  givenWord: string,
  possibleWords: readonly string[],
): string;
