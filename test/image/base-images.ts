/** The two images that the Dockerfile starts from, made here under the very names it asks for. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, engine, engineOutput, output } from './container-engine.ts';

const DEBIAN = 'debian:bookworm-slim';
const NODE = 'node:24-bookworm-slim';

/** Debian by debootstrap, half a minute the first time and kept in .cache/; on it the project's own Node, and npm. */
export async function provideBaseImages(): Promise<void> {
  if ((await engine('podman', ['image', 'exists', DEBIAN])).code !== 0) {
    using folder = temporaryFolder();
    await engineOutput('podman', ['import', await bootstrapDebian(folder.path), DEBIAN]);
  }
  const label = await engine('podman', ['image', 'inspect', '--format', '{{index .Labels "node"}}', NODE]);
  if (label.stdout.trim() !== process.version) await buildNodeImage();
}

async function bootstrapDebian(folder: string): Promise<string> {
  const tar = join(folder, 'debian.tar');
  const root = join(folder, 'debian');
  await output('debootstrap', ['--variant=minbase', 'bookworm', root]);
  // What the official slim image leaves out as well.
  for (const folder of ['doc', 'info', 'lintian', 'locale', 'man']) rmSync(join(root, 'usr/share', folder), tree);
  for (const folder of ['var/cache/apt', 'var/lib/apt/lists', 'var/log', 'dev']) rmSync(join(root, folder), tree);
  for (const folder of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial', 'var/log', 'dev']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  // Proxies, mirrors' oddities: what apt needs on this machine, it needs in a build on it.
  const settings = (await output('apt-config', ['dump', 'Acquire', '--no-empty'])).split('\n');
  const ours = settings.filter((line) => !line.startsWith('Acquire::IndexTargets'));
  writeFileSync(join(root, 'etc/apt/apt.conf.d/99this-machine'), ours.join('\n'));
  await output('tar', ['--create', '--file', tar, '--directory', root, '--exclude', './etc/resolv.conf', '.']);
  return tar;
}

async function buildNodeImage(): Promise<void> {
  using folder = temporaryFolder();
  const context = folder.path;
  const lib = join(context, 'usr/local/lib/node_modules/npm');
  const bin = join(context, 'usr/local/bin');
  mkdirSync(bin, { recursive: true });
  cpSync(process.execPath, join(bin, 'node'));
  cpSync(join((await output('npm', ['root', '--global'])).trim(), 'npm'), lib, { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'));
  await copyNpmSettings(join(context, 'usr/local'));
  const words = ['--isolation', 'chroot', '--pull-never', '--label', `node=${process.version}`, '--tag', NODE];
  writeFileSync(join(context, 'Dockerfile'), `FROM ${DEBIAN}\nCOPY usr /usr\n`);
  await engineOutput('buildah', ['bud', ...words, context]);
}

/** Where packages come from on this machine, and whose word it takes for that. */
async function copyNpmSettings(prefix: string): Promise<void> {
  const setting = async (name: string) => (await output('npm', ['config', 'get', name, '--global'])).trim();
  const lines = [`registry=${await setting('registry')}`];
  const authorities = await setting('cafile');
  if (existsSync(authorities)) {
    cpSync(authorities, join(prefix, 'share/npm-authorities.crt'), { dereference: true });
    lines.push('cafile=/usr/local/share/npm-authorities.crt');
  }
  mkdirSync(join(prefix, 'etc'), { recursive: true });
  writeFileSync(join(prefix, 'etc/npmrc'), `${lines.join('\n')}\n`);
}

const tree = { recursive: true, force: true } as const;

/** Of this run alone: another may be at it at the same time. Not under /tmp, where debootstrap may find no devices allowed. */
function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(cache, 'base-'));
  return { path, [Symbol.dispose]: () => rmSync(path, tree) };
}
