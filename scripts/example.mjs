// Runs one example by its folder's name: `npm run example -- hello`.
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../packages/examples/', import.meta.url));
const [name = '', ...rest] = process.argv.slice(2);
const known = readdirSync(folder);
if (!known.includes(name) || !existsSync(`${folder}${name}/dist/main.js`)) {
  process.stderr.write(`usage: npm run example -- <${known.join(' | ')}>\n`);
  process.exit(2);
}
process.argv.splice(2, process.argv.length, ...rest);
await import(`${folder}${name}/dist/main.js`);
