// The first of ours that Node runs. An old Node must be able to parse it, to say that it is old: plain syntax here.
import fs from 'node:fs';
import * as nodeModule from 'node:module';
import os from 'node:os';
import path from 'node:path';
import url from 'node:url';

const oldestMajor = 24;

const here = path.dirname(url.fileURLToPath(import.meta.url));

if (Number(process.versions.node.split('.')[0]) < oldestMajor) {
  process.stderr.write(
    `error: Node.js ${oldestMajor} or newer is needed, this is ${process.version} (${process.execPath}); ` +
      'install it, or run npm ci in the checkout, which brings it\n',
  );
  process.exit(78);
} else {
  start();
}

function start() {
  answerEarlySignals();
  const openFiles = takeLaunchConditions();
  if (isCompileCacheOurs()) nodeModule.enableCompileCache();
  import(url.pathToFileURL(mainFile()).href)
    .then((main) => main.main(process.argv[2], process.argv.slice(3), openFiles))
    .catch(reportMissingPackage);
}

/**
 * What the launcher handed over. The environment becomes what it was before the launcher's shell.
 * Returns the soft limit of open files that was in force then, where Node has raised it since.
 */
function takeLaunchConditions() {
  const { STATION_LAUNCH_ENVIRONMENT: encoded = '', STATION_LAUNCH_OPEN_FILES: limits = '' } = process.env;
  delete process.env['STATION_LAUNCH_ENVIRONMENT'];
  delete process.env['STATION_LAUNCH_OPEN_FILES'];
  const entries = Buffer.from(encoded, 'base64').toString().split('\0').filter(Boolean);
  if (entries.length > 0) {
    const before = new Map(entries.map((entry) => [entry.split('=')[0], entry.slice(entry.indexOf('=') + 1)]));
    for (const name of Object.keys(process.env)) if (!before.has(name)) delete process.env[name];
    for (const [name, value] of before) if (process.env[name] === undefined) process.env[name] = value;
  }
  const [soft, hard] = limits.split('\n');
  return soft !== hard && Number(soft) > 0 ? Number(soft) : undefined;
}

/**
 * The cache halves the time to the first line of main. It is code that runs, and lies where all may write: root takes it
 * only from a folder that nobody else can have filled, or from where it is told to.
 */
function isCompileCacheOurs() {
  if (process.getuid?.() !== 0 || process.env['NODE_COMPILE_CACHE']) return true;
  const folder = path.join(os.tmpdir(), 'node-compile-cache');
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
    const status = fs.lstatSync(folder);
    return status.isDirectory() && status.uid === 0 && (status.mode & 0o022) === 0;
  } catch {
    // Nowhere to keep it: a read-only file system.
    return false;
  }
}

/** A checkout where nothing was installed yet. */
function reportMissingPackage(error) {
  const [name] = error.message.split(' imported from');
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !name.startsWith('Cannot find package')) throw error;
  process.stderr.write(`error: ${name}; run npm ci in ${path.join(here, '..')}\n`);
  process.exit(78);
}

/**
 * Until supervision takes over there is nothing to lose, and a signal ends the program. The kernel does that by itself,
 * except to PID 1, for whom it would drop the signal. SIGUSR1 would open Node's debugging port.
 */
function answerEarlySignals() {
  process.on('SIGUSR1', () => {});
  if (process.pid !== 1) return;
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };
  for (const signal of Object.keys(numbers)) {
    process.on(signal, () => {
      process.exit(128 + numbers[signal]);
    });
  }
}

/** The bundle, unless a source is newer: a checkout built last week must not run last week's program. */
function mainFile() {
  const source = path.join(here, 'main.ts');
  if (!fs.existsSync(source)) return path.join(here, 'main.js');
  const bundle = path.join(here, '..', 'dist', 'main.js');
  const built = fs.statSync(bundle, { throwIfNoEntry: false });
  return built !== undefined && newestChange(here) < built.mtimeMs ? bundle : source;
}

/** Folders count as well: a file that was taken away changes its folder. */
function newestChange(folder) {
  let newest = fs.statSync(folder).mtimeMs;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestChange(file) : fs.statSync(file).mtimeMs);
  }
  return newest;
}
