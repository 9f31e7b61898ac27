import { arch, platform, version } from 'node:process';

/** The version of Kubernetes whose API is served: what clients compare with their own. */
const [MAJOR, MINOR] = [1, 36];

/** `/version`. The git version must be a semantic version, or clients fail. */
export const versionInfo = (): Readonly<Record<string, string>> => ({
  major: String(MAJOR),
  minor: String(MINOR),
  gitVersion: `v${MAJOR}.${MINOR}.0+orrery`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node${version}`,
  compiler: 'v8',
  platform: `${platform}/${arch === 'x64' ? 'amd64' : arch}`,
});
