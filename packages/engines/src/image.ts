import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mustApi } from './api.js';
import { programPath } from './missing.js';

/** What an image is made of. Paths inside it are absolute. */
export interface ImageContents {
  /** Programs of this machine (found in PATH when they have no slash) with the shared libraries they need, by where they go in the image. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Files with this text. */
  readonly files?: Readonly<Record<string, string>>;
  /** Symbolic links, by where they go. */
  readonly links?: Readonly<Record<string, string>>;
  /** Files of this machine copied as they are, by where they go. */
  readonly copies?: Readonly<Record<string, string>>;
  /** Instructions of a Dockerfile, e.g. `ENTRYPOINT ["node"]`, `USER 1000`, `ENV A=b`. */
  readonly changes?: readonly string[];
}

/** `root` and an ordinary user, and the folders a program expects. */
const BASICS = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\napp:x:1000:1000:app:/home/app:/bin/sh\n',
  '/etc/group': 'root:x:0:\nnogroup:x:65534:\napp:x:1000:\n',
  '/etc/nsswitch.conf': 'hosts: files dns\n',
};
const FOLDERS = ['/tmp', '/root', '/home/app', '/var/tmp', '/proc', '/sys', '/dev'];
const OPEN_FOLDERS = ['/tmp', '/var/tmp'];

/** Makes an image from the machine's busybox, with a link for each of its commands; gives it the name and resolves with its id. */
export function busyboxImage(socketPath: string, name = 'busybox:latest', changes: readonly string[] = ['CMD ["sh"]']): Promise<string> {
  const busybox = programPath('busybox');
  if (busybox === undefined) throw new Error('busybox is not installed.');
  const commands = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter((command) => /^[\w[.-]+$/.test(command) && command !== 'busybox');
  const links = Object.fromEntries(commands.map((command) => [`/bin/${command}`, 'busybox']));
  return imageOf(socketPath, name, { programs: { '/bin/busybox': busybox }, links, changes: ['ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...changes] });
}

/** Makes an image from files of this machine; gives it the name and resolves with its id. Nothing is downloaded. */
export async function imageOf(socketPath: string, name: string, contents: ImageContents): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'oi-'));
  try {
    layOut(root, contents);
    const [repository, tag] = splitName(name);
    const query = new URLSearchParams({ fromSrc: '-', repo: repository, tag });
    for (const change of contents.changes ?? []) query.append('changes', change);
    const tar = spawn('tar', ['-C', root, '--owner=0', '--group=0', '--numeric-owner', '--sort=name', '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = await mustApi(socketPath, 'POST', `/images/create?${query.toString()}`, { body: tar.stdout });
    const id = /"status":"(sha256:[0-9a-f]{64})"/.exec(said)?.[1];
    if (id === undefined) throw new Error(`The engine did not tell the id of ${name}: ${said.slice(0, 500)}`);
    return id;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function layOut(root: string, { programs = {}, files = {}, links = {}, copies = {} }: ImageContents): void {
  for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
  for (const folder of OPEN_FOLDERS) chmodSync(join(root, folder), 0o1777);
  const put = (path: string, write: (target: string) => void): void => {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    write(target);
  };
  for (const [path, text] of Object.entries({ ...BASICS, ...files })) put(path, (target) => writeFileSync(target, text));
  for (const [path, source] of Object.entries(copies)) put(path, (target) => copyFileSync(source, target));
  for (const [path, given] of Object.entries(programs)) {
    const source = realpathSync(given.includes('/') ? given : (programPath(given) ?? given));
    put(path, (target) => {
      copyFileSync(source, target);
      chmodSync(target, 0o755);
    });
    for (const library of librariesOf(source)) if (!present(join(root, library))) put(library, (target) => copyFileSync(realpathSync(library), target));
  }
  for (const [path, to] of Object.entries(links)) put(path, (target) => symlinkSync(to, target));
}

/** The shared libraries of a program and its loader, by the paths it asks for; none for a static one. */
function librariesOf(program: string): readonly string[] {
  let told: string;
  try {
    told = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // ldd fails for what is not a dynamic executable.
    return [];
  }
  return [...told.matchAll(/(?:=>\s+|^\s+)(\/\S+)\s+\(0x/gm)].map(([, path]) => path as string);
}

function present(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** `host:5000/a/b:tag` in two; the tag is `latest` when there is none. */
export function splitName(name: string): readonly [string, string] {
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? [name.slice(0, colon), name.slice(colon + 1)] : [name, 'latest'];
}
