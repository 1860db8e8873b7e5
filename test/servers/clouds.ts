import type { StoreOptions } from '../../src/storage/store-options.ts';
import { azureOptions, azureService } from '../storage/azure/backend.ts';
import { gcsOptions } from '../storage/gcs/backend.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { startAzurite } from './azurite.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { startGcsServer } from './gcs-server.ts';
import { startS3Server } from './s3-server.ts';

export type CloudName = 's3' | 'gcs' | 'azure';
export const cloudNames = ['s3', 'gcs', 'azure'] as const satisfies readonly CloudName[];

/** One cloud's server, with a network of its own before it. */
export interface Cloud {
  readonly name: CloudName;
  readonly network: FaultProxy;
  /** A replica of this path as the config file says it, behind the network. */
  replica(path: string): Readonly<Record<string, unknown>>;
  /** The same replica past the network, for the test to look into. */
  store(path: string): StoreOptions;
  stop(): Promise<void>;
}

const start: Record<CloudName, () => Promise<Cloud>> = { s3: startS3, gcs: startGcs, azure: startAzure };

export function startCloud(name: CloudName): Promise<Cloud> {
  return start[name]();
}

async function startS3(): Promise<Cloud> {
  const server = await startS3Server({ buckets: ['bucket'] });
  const network = await startFaultProxy(server.port);
  return {
    name: 's3',
    network,
    replica: (path) => ({
      name: 's3',
      type: 's3',
      bucket: 'bucket',
      path,
      endpoint: network.url,
      region: 'us-east-1',
      'access-key-id': server.accessKeyId,
      'secret-access-key': server.secretAccessKey,
      'sync-interval': '1s',
    }),
    store: (path) => s3Options(server, { path, region: 'us-east-1', forcePathStyle: true }),
    stop: () => stopBoth(network, server),
  };
}

async function startGcs(): Promise<Cloud> {
  const server = await startGcsServer({ buckets: ['bucket'] });
  const network = await startFaultProxy(server.port);
  return {
    name: 'gcs',
    network,
    replica: (path) => ({
      name: 'gcs',
      type: 'gcs',
      bucket: 'bucket',
      path,
      endpoint: network.url,
      // Its tokens come through the same network.
      'service-account-json': server.serviceAccountKey.replaceAll(server.url, network.url),
      'sync-interval': '1s',
    }),
    store: (path) => gcsOptions(server, { path }),
    stop: () => stopBoth(network, server),
  };
}

async function startAzure(): Promise<Cloud> {
  const server = await startAzurite();
  await azureService(server).createContainer('bucket');
  const network = await startFaultProxy(server.port);
  return {
    name: 'azure',
    network,
    replica: (path) => ({
      name: 'azure',
      type: 'abs',
      container: 'bucket',
      path,
      endpoint: `${network.url}/${server.accountName}`,
      'account-name': server.accountName,
      'account-key': server.accountKey,
      'sync-interval': '1s',
    }),
    store: (path) => azureOptions(server, { container: 'bucket', path }),
    stop: () => stopBoth(network, server),
  };
}

async function stopBoth(network: FaultProxy, server: { stop(): Promise<void> }): Promise<void> {
  await network.stop();
  await server.stop();
}
