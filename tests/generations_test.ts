import { assert } from "@std/assert";
import {
  type Counts,
  exploreErrors,
  exploreKills,
  exploreRecovery,
  type Start,
  starts,
} from "./faults/crashes.ts";

const explorations: [string, (start: Start) => Promise<Counts>][] = [
  ["saveGeneration() survives a kill and a power cut", exploreKills],
  ["saveGeneration() survives an error", exploreErrors],
  ["recoverGenerations() survives a kill and a power cut", exploreRecovery],
];

for (const [title, explore] of explorations) {
  Deno.test(`${title} at every operation`, async (t) => {
    for (const start of await starts()) {
      await t.step(`from ${start.name}`, async () => {
        const { faults, states } = await explore(start);
        assert(faults > 1 && states >= faults);
      });
    }
  });
}
