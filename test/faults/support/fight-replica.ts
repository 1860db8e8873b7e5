import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreOptions } from '../../../src/storage/store-options.ts';
import { type Cloud, type CloudName, startCloud } from '../../servers/clouds.ts';
import { startFaultProxy } from '../../servers/fault-proxy.ts';

/** Nobody listens; nobody answers; what is sent arrives, and so late that a lease does not outlast it. */
export type Cut = 'refuse' | 'blackhole' | 'slow';

/** How one instance reaches the replica, and how it is cut off from it. */
export interface FightRoute {
  readonly settings: Readonly<Record<string, unknown>>;
  /** On a folder, the mount fails, however it is cut. */
  cut(how: Cut): Promise<void>;
  heal(): Promise<void>;
}

/** The one replica that instances fight over, each with a route of its own to it. */
export interface FightReplica {
  readonly name: string;
  readonly routes: readonly FightRoute[];
  /** Past all routes, for the judge. */
  readonly store: StoreOptions;
  stop(): Promise<void>;
}

export function openFightReplica(kind: CloudName | 'file', instances: number): Promise<FightReplica> {
  return kind === 'file' ? inFolder(instances) : inCloud(kind, instances);
}

async function inFolder(instances: number): Promise<FightReplica> {
  const folder = mkdtempSync(join(tmpdir(), 'fight-folder-'));
  const replica = join(folder, 'replica');
  const broken = join(folder, 'broken');
  mkdirSync(replica);
  writeFileSync(broken, 'a mount that fails');
  const routes = Array.from({ length: instances }, (_, index): FightRoute => {
    const mount = join(folder, `mount-${index}`);
    const lead = async (to: string) => {
      symlinkSync(to, `${mount}.new`);
      renameSync(`${mount}.new`, mount);
    };
    symlinkSync(replica, mount);
    return {
      settings: { name: 'file', type: 'file', path: join(mount, 'root'), 'sync-interval': '1s' },
      cut: () => lead(broken),
      heal: () => lead(replica),
    };
  });
  return {
    name: 'folder',
    routes,
    store: { type: 'file', path: join(replica, 'root') },
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function inCloud(kind: CloudName, instances: number): Promise<FightReplica> {
  const cloud = await startCloud(kind);
  const networks = await Promise.all(Array.from({ length: instances }, () => startFaultProxy(cloud.network.port)));
  return {
    name: kind,
    routes: networks.map((network) => ({
      settings: through(network.url, cloud),
      cut: (how) => network.set(how === 'slow' ? { kind: 'delay', milliseconds: 4_000 } : { kind: how }),
      heal: () => network.set({ kind: 'pass' }),
    })),
    store: cloud.store('root'),
    stop: async () => {
      await Promise.all(networks.map((network) => network.stop()));
      await cloud.stop();
    },
  };
}

function through(url: string, cloud: Cloud): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(cloud.replica('root')).replaceAll(cloud.network.url, url));
}
