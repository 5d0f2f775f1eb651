/**
 * Draws a figure: title, legend and one or more panels, as an SVG that needs nothing else.
 * Observable Plot makes the panels on a document of linkedom's, so no browser is needed.
 * @module
 */

import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom";

/** Where a figure is shown: on paper or a bright page, on a dark one, or in a page whose CSS says which. */
export type Theme = "light" | "dark" | "css";

/** The colours of a figure, by what they mean. */
export interface Palette {
  /** Behind everything. */
  background: string;
  /** Text, axes, and what was measured. */
  ink: string;
  /** Secondary text and lines. */
  muted: string;
  /** Lines of the grid. */
  grid: string;
  /** The network. */
  network: string;
  /** What deserves the eye: the split, the best epoch. */
  accent: string;
  /** Baselines and everything else, in order. */
  others: readonly string[];
}

/**
 * Okabe and Ito's colours, which people with any colour vision tell apart (https://jfly.uni-koeln.de/color/),
 * darkened or lightened to stand out from their background.
 */
const PALETTES: Record<Exclude<Theme, "css">, Palette> = {
  light: {
    background: "#ffffff",
    ink: "#1b1f24",
    muted: "#5b6470",
    grid: "#d9dde2",
    network: "#0065a3",
    accent: "#c44e00",
    others: ["#008765", "#b0578d", "#b27a00", "#2f86bd", "#5b6470", "#7a5195"],
  },
  dark: {
    background: "#14181d",
    ink: "#e8ebee",
    muted: "#9aa4b0",
    grid: "#333a43",
    network: "#56b4e9",
    accent: "#ff8a3d",
    others: ["#2cc79d", "#e39bc6", "#f0b840", "#8fb8ff", "#9aa4b0", "#c3a1e0"],
  },
};

/** Names of the CSS variables that stand for a palette's colours. */
const CSS_PALETTE: Palette = {
  background: "var(--background)",
  ink: "var(--ink)",
  muted: "var(--muted)",
  grid: "var(--grid)",
  network: "var(--network)",
  accent: "var(--accent)",
  others: PALETTES.light.others.map((_, i) => `var(--other-${i})`),
};

/** The declarations that give the CSS variables a theme's colours. */
export function paletteCss(theme: Exclude<Theme, "css">): string {
  const { others, ...named } = PALETTES[theme];
  return [
    ...Object.entries(named),
    ...others.map((color, i) => [`other-${i}`, color]),
  ].map(([name, color]) => `--${name}:${color}`).join(";");
}

/** The colours of a theme. */
export function palette(theme: Theme): Palette {
  return theme === "css" ? CSS_PALETTE : PALETTES[theme];
}

/** One entry of a legend. */
export interface LegendItem {
  /** What it says. */
  label: string;
  /** A CSS colour. */
  color: string;
  /** A line, a dashed line or a filled area. @default {"line"} */
  mark?: "line" | "dashed" | "area";
  /** Of the area, 0 to 1. @default {1} */
  opacity?: number;
}

/** Observable Plot's options. */
export type Panel = Plot.PlotOptions;

/** What a figure consists of, before its theme is known. */
export interface Figure {
  /** One line. */
  title: string;
  /** One or two sentences below the title. */
  subtitle?: string;
  /** In order; without it there is none. */
  legend?: (palette: Palette) => LegendItem[];
  /** Plot's options for each panel, from top to bottom; `height` in pixels counts. */
  panels: (palette: Palette) => Panel[];
}

/** Width of every figure in pixels; heights follow from the panels. */
const WIDTH = 1200;
const MARGIN = 24;
/** Pixels from one tick of a vertical axis to the next, about. */
const TICK_GAP = 55;
/** Present on most systems; the PNG writer brings Inter along. */
const FONT =
  "Inter, system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
/** Mean width of a character of Inter in em: enough to lay out a legend and wrap a sentence. */
const CHARACTER = 0.55;

/**
 * Draws a figure, 1200 pixels wide.
 *
 * @param theme @default {"light"}
 * @returns An SVG document; with the theme `css` one for inlining into a page that sets {@link paletteCss}.
 */
export function renderFigure(figure: Figure, theme: Theme = "light"): string {
  const colors = palette(theme);
  const parts: string[] = [];
  let y = MARGIN + 22;
  const text = (
    content: string,
    { x = MARGIN, size = 15, color = colors.ink, weight = 400 } = {},
  ) =>
    `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${color}">${
      escapeXml(content)
    }</text>`;
  parts.push(text(figure.title, { size: 22, weight: 600 }));
  y += 26;
  for (const line of wrap(figure.subtitle ?? "", (WIDTH - 2 * MARGIN) / 15)) {
    parts.push(text(line, { color: colors.muted }));
    y += 21;
  }
  const legend = figure.legend?.(colors) ?? [];
  if (legend.length > 0) {
    y += 6;
    let x = MARGIN;
    for (const item of legend) {
      const width = 44 + item.label.length * 15 * CHARACTER + 22;
      if (x > MARGIN && x + width > WIDTH - MARGIN) [x, y] = [MARGIN, y + 24];
      parts.push(swatch(item, x, y), text(item.label, { x: x + 40 }));
      x += width;
    }
    y += 18;
  }
  for (const options of figure.panels(colors)) {
    const height = options.height ?? 400;
    parts.push(
      `<g transform="translate(0 ${y})">${drawPanel(options, colors)}</g>`,
    );
    y += height + 12;
  }
  const height = Math.ceil(y + MARGIN / 2);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="${FONT}" role="img" aria-label="${
    escapeXml(figure.title)
  }"><rect width="100%" height="100%" fill="${colors.background}"/>${
    parts.join("")
  }</svg>`;
}

/** One panel by Plot, with a grid at the vertical axis' ticks and without the style sheet that only a browser would read. */
function drawPanel(options: Plot.PlotOptions, colors: Palette): string {
  const document = new DOMParser().parseFromString(
    "<!DOCTYPE html><html><body></body></html>",
    "text/html",
  );
  const ticks = Math.round((options.height ?? 400) / TICK_GAP);
  const grid = Plot.gridY({ stroke: colors.grid, strokeOpacity: 1, ticks });
  const drawn = Plot.plot({
    width: WIDTH,
    marginLeft: 72,
    marginRight: 36,
    marginTop: 34,
    marginBottom: 46,
    ...options,
    x: { labelOffset: 42, ...options.x },
    y: {
      labelOffset: 48,
      ticks,
      ...options.y,
    },
    marks: [grid, ...options.marks ?? []],
    // Plot asks for the DOM library's Document, of which it uses what linkedom has.
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
    style: { color: colors.ink, fontSize: "15px", fontFamily: "inherit" },
  });
  for (const style of drawn.querySelectorAll("style")) style.remove();
  drawn.setAttribute("font-size", "15");
  drawn.removeAttribute("font-family");
  drawn.removeAttribute("class");
  drawn.removeAttribute("style");
  drawn.setAttribute("fill", colors.ink);
  drawn.setAttribute("color", colors.ink);
  return drawn.outerHTML.replaceAll("var(--plot-background)", colors.background)
    .replaceAll("currentColor", colors.ink);
}

/** A sample of a mark beside its label. */
function swatch(item: LegendItem, x: number, y: number): string {
  const { color, mark = "line", opacity = 1 } = item;
  if (mark === "area") {
    return `<rect x="${x}" y="${
      y - 13
    }" width="30" height="16" fill="${color}" fill-opacity="${opacity}"/>`;
  }
  return `<line x1="${x}" x2="${x + 30}" y1="${y - 5}" y2="${
    y - 5
  }" stroke="${color}" stroke-width="3"${
    mark === "dashed" ? ' stroke-dasharray="6 5"' : ""
  }/>`;
}

/** Breaks a sentence into lines of about so many em. */
function wrap(sentence: string, em: number): string[] {
  const lines: string[] = [];
  for (const word of sentence.split(" ").filter(Boolean)) {
    const last = lines.at(-1);
    const longer = `${last} ${word}`;
    if (last !== undefined && longer.length * CHARACTER * 0.95 <= em) {
      lines[lines.length - 1] = longer;
    } else lines.push(word);
  }
  return lines;
}

/** Text that may stand in XML, in content and attributes. */
export function escapeXml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (c) => `&#${c.charCodeAt(0)};`,
  );
}
