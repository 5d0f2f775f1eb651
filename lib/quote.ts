/**
 * Foreign text made fit for messages: on one line, without control characters that a terminal would obey.
 * @module
 */

/** A text as it may appear in a message: on one line, quoted, and not longer than 40 characters. */
export function quoteText(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 37)}...` : text;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u2028\u2029\ud800-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A name, path or URL as it may be printed: control characters become blanks, and it ends after 200 characters. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, " ").trim()
    .slice(0, 200);
}
