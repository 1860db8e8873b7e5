/** The images under test, built once from the Dockerfile that everybody gets. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideBaseImages } from './base-images.ts';
import { checkout, engine, engineOutput, output } from './container-engine.ts';

export const BASE = 'station-entrypoint';
/** The sample app of the repository on target `base`, as people put theirs on it. */
export const SAMPLE = 'sample-app';
/** Target `station`, with a stand-in for Station. */
export const STATION = 'station:production';

const INPUTS = ['Dockerfile', '.dockerignore', '.npmrc', 'LICENSE', 'entrypoint', 'package.json', 'package-lock.json'];

export async function buildImages(): Promise<void> {
  await provideBaseImages();
  const inputs = digestOf([...INPUTS, 'scripts', 'src'].map((name) => join(checkout, name)));
  const built = await engine('podman', ['image', 'inspect', '--format', '{{index .Labels "test.inputs"}}', BASE]);
  if (built.stdout.trim() !== inputs) {
    await build(checkout, ['--target', 'base', '--tag', BASE, '--label', `test.inputs=${inputs}`]);
  }
  await buildSampleApp();
  // What was built before under these names.
  await engineOutput('podman', ['image', 'prune', '--force']);
}

async function buildSampleApp(): Promise<void> {
  using context = temporaryFolder();
  cpSync(join(checkout, 'examples', 'sample-app'), context.folder, { recursive: true });
  await output(process.execPath, [join(checkout, 'scripts/copy-native-packages.ts'), context.folder]);
  await build(context.folder, ['--tag', SAMPLE, '--file', join(import.meta.dirname, 'sample-app.Dockerfile')]);
}

/** The last stages of the Dockerfile alone, on the base that is there already. */
export async function buildStation(
  stationImage: 'station-binary' | (string & {}),
  files: Readonly<Record<string, string>>,
) {
  using context = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(context.folder, name), text, { mode: 0o755 });
  for (const name of ['LICENSE', '.dockerignore']) cpSync(join(checkout, name), join(context.folder, name));
  const [, stages] = readFileSync(join(checkout, 'Dockerfile'), 'utf8').split(/(?=^FROM scratch AS station-binary$)/m);
  const head = `ARG STATION_IMAGE=station-binary\nFROM ${BASE} AS base\n`;
  writeFileSync(join(context.folder, 'Dockerfile'), head + stages);
  const words = ['--target', 'station', '--tag', STATION, '--build-arg', `STATION_IMAGE=${stationImage}`];
  await build(context.folder, words);
}

/** An image from a Dockerfile of a few lines, and a few files. */
export async function buildSmall(tag: string, dockerfile: string, files: Readonly<Record<string, string>> = {}) {
  using context = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(context.folder, name), text, { mode: 0o755 });
  writeFileSync(join(context.folder, 'Dockerfile'), dockerfile);
  await build(context.folder, ['--tag', tag]);
}

async function build(context: string, words: readonly string[]): Promise<void> {
  await engineOutput('buildah', ['bud', '--isolation', 'chroot', '--pull-never', ...words, context]);
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function digestOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    hash.update(`${path}\0`);
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else hash.update(readFileSync(path));
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}
