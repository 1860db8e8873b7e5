import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** So many links are followed where the last leads nowhere: the kernel's own limit. */
const MOST_LINKS = 40;

/** An absolute path with its symbolic links followed, as far as there is anything: what two spellings of a place have in common. */
export function realPathOf(path: string, links = MOST_LINKS): string {
  try {
    return realpathSync(path);
  } catch {
    const target = links === 0 ? undefined : linkTarget(path);
    if (target !== undefined) return realPathOf(resolve(dirname(path), target), links - 1);
    const above = dirname(path);
    return above === path ? path : join(realPathOf(above, links), basename(path));
  }
}

/** Where a file that is named belongs: beside it for what is a link itself, since SQLite keeps its WAL at the link's end. */
export function fileBehind(path: string): string {
  return linkTarget(path) === undefined ? path : realPathOf(path);
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}
