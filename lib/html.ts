/**
 * The bones of an HTML page that loads nothing from anywhere, follows the reader's light or dark setting,
 * and prints. Beneath the report.
 * @module
 */

import { escapeXml, paletteCss } from "./plot/figure.ts";

/** A heading and what stands below it. */
export interface Section {
  /** For links to it. */
  id: string;
  /** Plain text. */
  title: string;
  /** HTML. */
  body: string;
}

/** Colours come from the figures' palette; paper is always light. */
const STYLE = `
:root{${paletteCss("light")}}
@media screen and (prefers-color-scheme:dark){:root{${paletteCss("dark")}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:1rem 1.5rem 4rem;background:var(--background);color:var(--ink);font:16px/1.5 Inter,system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
h1{font-size:1.8rem;margin:1rem 0 .2rem}
h2{margin:2.5rem 0 .6rem;padding-top:1rem;border-top:1px solid var(--grid)}
h3{margin:1.5rem 0 .5rem}
header p,.note{color:var(--muted)}
nav a{margin-right:1rem}
a{color:var(--network)}
figure{margin:1rem 0;overflow-x:auto}
figure svg{display:block;width:100%;min-width:640px;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.8rem 0;font-variant-numeric:tabular-nums}
.side{display:flex;flex-wrap:wrap;column-gap:3rem}
th,td{padding:.25rem .8rem .25rem 0;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
tr.own{font-weight:600;color:var(--network)}
.verdict{font-size:1.15rem;font-weight:600;border-left:4px solid var(--accent);padding-left:.8rem}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.2rem 1.2rem;margin:.6rem 0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:11pt}nav{display:none}figure,.scroll,dl{break-inside:avoid}.side{display:block}h2{break-after:avoid}figure svg{min-width:0}.scroll,figure{overflow:visible}}
`;

/**
 * Puts sections below each other, with links to them.
 *
 * @param heading Plain text.
 */
export function page(
  sections: readonly Section[],
  heading: { title: string; subtitle: string },
): string {
  const title = escapeXml(heading.title);
  const links = sections.map(({ id, title }) =>
    `<a href="#${id}">${escapeXml(title)}</a>`
  );
  const bodies = sections.map(({ id, title, body }) =>
    `<section id="${id}">\n<h2>${escapeXml(title)}</h2>\n${body}\n</section>`
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${escapeXml(heading.subtitle)}</p>
<nav>${links.join(" ")}</nav>
</header>
<main>
${bodies.join("\n")}
</main>
</body>
</html>
`;
}

/** A table; the row of the network itself stands out. */
export function table(
  rows: readonly (readonly (string | number)[])[],
  { caption = "", own = -1 } = {},
): string {
  const [head = [], ...body] = rows;
  const row = (cells: readonly (string | number)[], tag: string) =>
    cells.map((cell) => `<${tag}>${escapeXml(String(cell))}</${tag}>`).join("");
  return `<div class="scroll">${
    caption ? `<p class="note">${escapeXml(caption)}</p>` : ""
  }<table><thead><tr>${row(head, "th")}</tr></thead><tbody>${
    body.map((cells, i) =>
      `<tr${i === own ? ' class="own"' : ""}>${row(cells, "td")}</tr>`
    ).join("")
  }</tbody></table></div>\n`;
}

/** Names and values. */
export function definitions(
  entries: Readonly<Record<string, unknown>>,
): string {
  return `<dl>${
    Object.entries(entries).map(([name, value]) =>
      `<dt>${escapeXml(name)}</dt><dd>${escapeXml(String(value))}</dd>`
    ).join("")
  }</dl>\n`;
}
