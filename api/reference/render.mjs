// render.mjs TOOLS OUT - renders api/openapi.yaml with Redoc into OUT, one HTML file that asks nobody for anything. The npm
// packages lie in TOOLS. Run by scripts/api-reference.
//
// The file contains Redoc's bundle, the contract and the call that draws it. Its Content-Security-Policy names these
// scripts by their hashes and forbids every request to a server.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [tools, out] = process.argv.slice(2);
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { parse } = createRequire(join(tools, 'package.json'))('yaml');
const redoc = (name) => readFileSync(join(tools, 'node_modules/redoc', name), 'utf8');

// Redoc shows a picture beside its own name, from this address. Without it, Redoc shows the name alone.
const LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';
const NO_PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E";

const FONT = 'system-ui, sans-serif';
const OPTIONS = {
  hideDownloadButtons: true, // what they give is not the contract's own text
  hideHostname: true, // it would be that of the file
  pathInMiddlePanel: true,
  theme: { typography: { fontFamily: FONT, headings: { fontFamily: FONT }, code: { fontFamily: 'monospace' } } },
};

// Redoc draws the last condition of a schema as alternatives, "case 1" and "case 2", in which optional members look required, and
// drops the others. So conditions are left out: the descriptions of the members say when a client must send them.
const CONDITION = ['if', 'then', 'else'];
function withoutConditions(value) {
  if (Array.isArray(value)) return value.map(withoutConditions);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([key]) => !CONDITION.includes(key)).map(([key, entry]) => [key, withoutConditions(entry)]);
  return Object.fromEntries(entries.map(([key, entry]) => [key, key === 'allOf' ? entry.filter((part) => Object.keys(part).length > 0) : entry])
    .filter(([key, entry]) => key !== 'allOf' || entry.length > 0));
}

// In a script element, HTML gives these a meaning, wherever they stand. In a string or a regular expression \x3c is the same.
const inlined = (script) => script.replace(/<(?=!--|\/?script)/gi, '\\x3c');

function bundle() {
  const parts = redoc('bundles/redoc.standalone.js').split(LOGO);
  if (parts.length !== 2) throw new Error(`redoc.standalone.js names ${LOGO} ${parts.length - 1} times, not once`);
  return inlined(parts.join(NO_PICTURE));
}

const asScript = (value) => JSON.stringify(value).replaceAll('<', '\\u003c');
const asText = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const hash = (script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`;

function page(contract) {
  const scripts = [bundle(), inlined(`Redoc.init(${asScript(withoutConditions(contract))}, ${asScript(OPTIONS)}, document.getElementById('reference'));`)];
  const policy = `default-src 'none'; script-src ${scripts.map(hash).join(' ')}; worker-src blob:; style-src 'unsafe-inline'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'";
  const notices = [redoc('LICENSE'), redoc('bundles/redoc.standalone.js.LICENSE.txt')].join('\n').replaceAll('--', '- -');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${asText(contract.info.title)} ${asText(contract.info.version)}: API reference</title>
<link rel="icon" href="data:,">
<style>body { margin: 0; }</style>
<!-- Rendered by Redoc, whose notices follow.
${notices}
-->
</head>
<body>
<div id="reference"></div>
<noscript>This page is drawn by a script. The contract that it shows is api/openapi.yaml.</noscript>
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

writeFileSync(`${out}.part`, page(parse(readFileSync(join(root, 'api/openapi.yaml'), 'utf8'))));
renameSync(`${out}.part`, out);
