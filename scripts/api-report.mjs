// Compares the public API of core with the reports in etc/; `--update` writes them. A change of the API must show in the diff.
import { existsSync, mkdirSync } from 'node:fs';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = new URL('..', import.meta.url).pathname;
const update = process.argv.includes('--update');
const entries = { core: 'dist/index.d.ts', contracts: 'dist/contracts/index.d.ts', testing: 'dist/testing/index.d.ts' };
mkdirSync(`${root}etc`, { recursive: true });
let changed = 0;
for (const [name, entry] of Object.entries(entries)) {
  if (!update && !existsSync(`${root}etc/${name}.api.md`)) {
    process.stdout.write(`etc/${name}.api.md is missing; run npm run api -- --update\n`);
    changed += 1;
    continue;
  }
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: `${root}packages/core/package.json`,
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: `${root}packages/core`,
      mainEntryPointFilePath: `<projectFolder>/${entry}`,
      compiler: { overrideTsconfig: { compilerOptions: { lib: ['es2023', 'esnext.disposable'], module: 'nodenext', types: ['node'], skipLibCheck: true, strict: true } } },
      apiReport: { enabled: true, reportFolder: `${root}etc`, reportTempFolder: `${root}node_modules/.cache/api`, reportFileName: `${name}.api.md` },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'warning' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  const result = Extractor.invoke(config, { localBuild: update, showVerboseMessages: false });
  if (result.apiReportChanged && !update) changed += 1;
}
process.stdout.write(changed === 0 ? 'the public API is as the reports in etc/ say\n' : `${changed} API reports differ: run npm run api -- --update, and look at the diff\n`);
process.exitCode = changed === 0 ? 0 : 1;
