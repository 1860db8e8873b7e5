/** Do all restores of a replica, ours and stock Litestream's, give the same bytes? */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { checkout, type Site } from '../e2e/life.ts';
import { type Peer, type PeerReplica, stockRestore } from '../peers/litestream.ts';
import { hydrate } from '../peers/litestream-vfs.ts';

export interface Peers {
  readonly binary: Peer;
  readonly vfs: Peer;
}

let count = 0;

/** Restores by us, by the VFS and by the binary; each pair bit for bit. Returns the path of our restore. */
export async function expectAgreement(site: Site, replica: PeerReplica, peers: Peers, what: string): Promise<string> {
  const ours = await restoreOurs(site, replica);
  const expected = readFileSync(ours);
  if (peers.vfs.kind === 'there') {
    const copy = newFile(site);
    await hydrate(replica, copy);
    expectSameBytes(readFileSync(copy), expected, `${what}: hydration by the VFS`);
    rmSync(copy);
  }
  if (peers.binary.kind === 'there') {
    const copy = newFile(site);
    await stockRestore(replica, copy);
    expectSameBytes(readFileSync(copy), expected, `${what}: restore by the binary`);
    rmSync(copy);
  }
  return ours;
}

async function restoreOurs(site: Site, replica: PeerReplica): Promise<string> {
  const copy = newFile(site);
  const restore = site.launch(join(checkout, 'entrypoint'), ['restore', '-o', copy, replica.url], replica.environment);
  const { code } = await restore.ended;
  expect(code, restore.log()).toBe(0);
  return copy;
}

/** Not `toEqual`: a difference of two databases is nothing to print. */
export function expectSameBytes(actual: Buffer, expected: Buffer, what: string): void {
  expect(actual.length, `${what}: size`).toBe(expected.length);
  const at = actual.equals(expected) ? -1 : actual.findIndex((byte, index) => byte !== expected[index]);
  expect(at, `${what}: first byte that differs`).toBe(-1);
}

function newFile(site: Site): string {
  count += 1;
  return join(site.folder, `restored-${count}.db`);
}
