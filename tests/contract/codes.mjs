// codes.mjs ORDERSD - the codes of api/openapi.yaml are those of the program, both ways: the table that
// `ordersd --problem-doc` prints from its own. A code that the document announces before the program has it
// stands in announced.txt, and is to leave it once the program does.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { document, PROBLEM, responses } from './contract.mjs';

const here = dirname(fileURLToPath(import.meta.url));
let bad = 0;
const complain = (text) => { bad++; console.log(text); };

function announced() {
  const lines = readFileSync(join(here, 'announced.txt'), 'utf8').split('\n');
  return new Set(lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== ''));
}

function compare(what, ofDocument, ofProgram, pending) {
  for (const entry of ofProgram) if (!ofDocument.has(entry)) complain(`${what} ${entry}: the program has it, api/openapi.yaml has not`);
  for (const entry of ofDocument)
    if (!ofProgram.has(entry) && !pending.has(entry)) complain(`${what} ${entry}: api/openapi.yaml has it, the program has not`);
  for (const entry of pending)
    if (ofProgram.has(entry)) complain(`${what} ${entry}: the program has it now: take it out of announced.txt`);
}

// A batch refused as a whole has the status of its items.
const entryOf = (status, code) => (code === 'batch_refused' ? `* ${code}` : `${status} ${code}`);

// Rows of a Markdown table with so many columns, the code in backquotes.
function rows(page, columns) {
  return page.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
    .filter((cells) => cells.length === columns);
}

const bare = (text) => text.replaceAll('`', '');
const page = execFileSync(process.argv[2], ['--problem-doc'], { encoding: 'utf8' });
const problems = rows(page, 6);
const fields = rows(page, 2);

const documented = new Set();
for (const { status, response } of responses()) {
  const codes = response.content?.[PROBLEM]?.schema.properties.code.enum ?? [];
  for (const code of codes) documented.add(entryOf(status, code));
}
compare('code', documented, new Set(problems.map(([status, code]) => entryOf(status, bare(code)))), announced());
compare('field error', new Set(document.components.schemas.FieldError.properties.code.enum), new Set(fields.map(([code]) => bare(code))), new Set());

const titles = new Map();
for (const [, code, title] of problems) {
  if (titles.has(code) && titles.get(code) !== title) complain(`${code} has two titles: '${titles.get(code)}' and '${title}'`);
  titles.set(code, title);
}
const words = new Set([...documented].map((entry) => entry.split(' ')[1]));
for (const code of document.components.schemas.BatchError.properties.code.enum)
  if (!words.has(code)) complain(`an item of a batch may have ${code}, which no response has`);

console.log(`codes: ${documented.size} documented, ${problems.length} rows and ${fields.length} field errors of the program, ${bad} complaints`);
process.exit(bad === 0 && problems.length > 0 && fields.length > 0 ? 0 : 1);
