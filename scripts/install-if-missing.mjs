// Installs what package-lock.json names, where it is not there already. Runs on whatever Node the person has,
// before ours is there, so: Node's own modules only. Says nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const oldestNpm = 20;

if (Number(process.versions.node.split('.')[0]) < oldestNpm) {
  console.error(`error: Node.js ${oldestNpm} or newer is needed to install, this is ${process.version}`);
  process.exit(78);
}

const reason = reasonToInstall();
if (reason !== undefined) {
  console.error(`${reason}: npm ci`);
  // Included by name, because NODE_ENV=production or a person's .npmrc may leave them out.
  // `npm ci`, not `npm install`: npm under an older Node would otherwise choose older versions that suit that Node.
  const result = spawnSync(
    'npm',
    ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      // What the command prints belongs to whoever called us, and may be parsed.
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    },
  );
  if (result.error) console.error(`error: npm cannot be started: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
  const stillMissing = reasonToInstall();
  if (stillMissing !== undefined) {
    console.error(`error: after npm ci still: ${stillMissing}`);
    process.exit(78);
  }
}

function reasonToInstall() {
  const node = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (!fs.existsSync(node)) return 'Node.js 24 is not installed here yet';
  const wanted = read('package-lock.json');
  const installed = read(path.join('node_modules', '.package-lock.json'));
  if (wanted === undefined) return undefined;
  if (installed === undefined) return 'dependencies are not installed yet';
  return missingPackages(wanted, installed).length > 0 ? 'package-lock.json has changed' : undefined;
}

/** Packages of the lock file that are installed in another version or not at all. Those for other machines may lack. */
function missingPackages(wanted, installed) {
  return Object.entries(wanted.packages).filter(([name, wantedPackage]) => {
    if (name === '') return false;
    const installedPackage = installed.packages[name];
    if (installedPackage === undefined) return !wantedPackage.optional;
    return installedPackage.version !== wantedPackage.version;
  });
}

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));
  } catch {
    return undefined;
  }
}
