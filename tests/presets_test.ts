import { assert, assertEquals } from "@std/assert";
import { DEFAULT_CONFIG, validateConfig } from "../lib/config.ts";
import { PRESETS } from "../lib/presets.ts";
import { splitWindows } from "../lib/run.ts";

Deno.test("every preset is a valid configuration of known options, over the defaults", () => {
  for (const preset of Object.values(PRESETS)) {
    validateConfig({ ...DEFAULT_CONFIG, ...preset });
    for (const key of Object.keys(preset)) {
      assert(Object.hasOwn(DEFAULT_CONFIG, key), key);
    }
  }
});

Deno.test("a preset says nothing that the defaults say already", () => {
  for (const preset of Object.values(PRESETS)) {
    for (const [key, value] of Object.entries(preset)) {
      const standard = DEFAULT_CONFIG[key as keyof typeof DEFAULT_CONFIG];
      assert(JSON.stringify(value) !== JSON.stringify(standard), key);
    }
  }
});

Deno.test("the seed's preset is the defaults", () => {
  assertEquals({ ...DEFAULT_CONFIG, ...PRESETS.seed }, DEFAULT_CONFIG);
});

Deno.test("the tuned preset lets no validation metric choose the epoch", () => {
  assertEquals(PRESETS.tuned.saveBestOnly, false);
});

Deno.test("the tuned preset's windows and their copies reach up to the split and fit in the shuffle buffer", () => {
  const config = { ...DEFAULT_CONFIG, ...PRESETS.tuned };
  const { training } = splitWindows(config, 3235);
  assertEquals(
    training.at(-1)! + config.windowSize + config.horizon,
    config.splitTime,
  );
  const copies = 1 + config.augmentScales.length;
  assert(copies * training.length <= config.shuffleBuffer);
});
