/**
 * SVG -> PNG by resvg (https://github.com/thx/resvg-js), with the font Inter (SIL Open Font License 1.1,
 * https://rsms.me/inter/), so that pictures look alike on every machine. Wasm and fonts are part of the
 * program; nothing is read from disk.
 * @module
 */

import regular from "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf" with {
  type: "bytes",
};
import semiBold from "@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf" with {
  type: "bytes",
};
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import wasm from "@resvg/resvg-wasm/index_bg.wasm" with { type: "bytes" };

/** The wasm may be set up once only. */
let ready: Promise<void> | undefined;

/**
 * Renders an SVG document of this program.
 *
 * @param width Of the picture in pixels. @default {1200}
 * @returns The PNG file's bytes.
 */
export async function svgToPng(
  svg: string,
  width = 1200,
): Promise<Uint8Array> {
  await (ready ??= initWasm(wasm));
  const resvg = new Resvg(svg, {
    fitTo: { mode: "width", value: width },
    font: { fontBuffers: [regular, semiBold], defaultFontFamily: "Inter" },
  });
  try {
    const image = resvg.render();
    try {
      return image.asPng();
    } finally {
      image.free();
    }
  } finally {
    resvg.free();
  }
}
