// lint.mjs - no warning of the linter about api/openapi.yaml, by the rules of redocly.yaml.
import { join } from 'node:path';
import { root, tool } from './contract.mjs';

const { lint, loadConfig } = tool('@redocly/openapi-core');
const config = await loadConfig({ configPath: join(root, 'tests/contract/redocly.yaml') });
const found = await lint({ ref: join(root, 'api/openapi.yaml'), config });
for (const { severity, ruleId, message, location } of found)
  console.log(`${severity} ${ruleId}: ${message} (${location[0]?.pointer})`);
console.log(`lint: ${found.length} findings`);
process.exit(found.length === 0 ? 0 : 1);
