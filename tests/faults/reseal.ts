/**
 * Seals a changed `meta.json` again, as an attacker would.
 * @module
 */

import { sha256 } from "../../lib/seal.ts";

/** The text with its own hash in its last line. */
export async function resealed(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const blank = text.replace(/[0-9a-f]{64}(?="\n\}\n$)/, "0".repeat(64));
  const hash = await sha256(new TextEncoder().encode(blank));
  return new TextEncoder().encode(
    blank.replace(/0{64}(?="\n\}\n$)/, hash),
  );
}
