/** podman and buildah, with storage of their own under .cache/: no daemon, no registry, nothing of the machine's own containers. */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const checkout = join(import.meta.dirname, '..', '..');
export const cache = join(checkout, '.cache', 'image');

const PACKAGES = {
  podman: 'podman',
  buildah: 'buildah',
  crun: 'crun',
  debootstrap: 'debootstrap',
  unshare: 'util-linux',
};

/** Undefined where containers can be built and run here, else why not. */
export function engineMissing(): string | undefined {
  if (process.platform !== 'linux') return 'containers need Linux';
  if (process.getuid?.() !== 0) return 'building a base image needs root';
  const missing = Object.entries(PACKAGES).filter(([program]) => !isOnPath(program));
  if (missing.length === 0) return undefined;
  return `not installed: apt-get install --no-install-recommends ${missing.map(([, name]) => name).join(' ')}`;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * podman or buildah to its end, whatever the exit status, in a mount namespace of its own. crun wants a cgroup hierarchy of
 * version 2 alone, which not every machine has mounted; and what either leaves mounted is gone with the namespace, so that the
 * storage can be deleted. Throws where it cannot be started, or takes more than five minutes.
 */
export function engine(program: 'podman' | 'buildah', words: readonly string[]): Promise<Outcome> {
  const prepare = 'umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
  return run('unshare', ['--mount', 'sh', '-c', prepare, 'sh', program, ...words]);
}

/** The output of podman or buildah, which must succeed. */
export async function engineOutput(program: 'podman' | 'buildah', words: readonly string[]): Promise<string> {
  return outputOf(`${program} ${words.join(' ')}`, await engine(program, words));
}

/** The output of any program, which must succeed. */
export async function output(program: string, words: readonly string[]): Promise<string> {
  return outputOf(`${program} ${words.join(' ')}`, await run(program, words));
}

function outputOf(line: string, { code, stdout, stderr }: Outcome): string {
  if (code !== 0) throw new Error(`${line} ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}

function run(program: string, words: readonly string[]): Promise<Outcome> {
  const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 300_000, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve, reject) => {
    execFile(program, words, { ...limits, env: engineEnvironment() }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(new Error(`${program} ${words.join(' ')}\n${stdout}\n${stderr}`, { cause: error }));
    });
  });
}

let environment: NodeJS.ProcessEnv | undefined;

function engineEnvironment(): NodeJS.ProcessEnv {
  if (environment !== undefined) return environment;
  mkdirSync(cache, { recursive: true });
  const storage = ['[storage]', 'driver = "overlay"', `graphroot = "${cache}/storage"`, `runroot = "${cache}/run"`];
  // No cgroup is delegated to a test, no limit may be raised above ours, and the stores of the tests are on our 127.0.0.1.
  const containers = [
    '[containers]',
    'cgroups = "disabled"',
    'netns = "host"',
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
    '[engine]',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "none"',
    'lock_type = "file"',
    `tmp_dir = "${cache}/libpod"`,
  ];
  writeFileSync(join(cache, 'storage.conf'), `${storage.join('\n')}\n`);
  writeFileSync(join(cache, 'containers.conf'), `${containers.join('\n')}\n`);
  // The machine's own npm and Node, whose settings these are; not the project's.
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.endsWith('node_modules/.bin'));
  environment = {
    ...process.env,
    PATH: path.join(delimiter),
    CONTAINERS_STORAGE_CONF: join(cache, 'storage.conf'),
    CONTAINERS_CONF: join(cache, 'containers.conf'),
  };
  return environment;
}
