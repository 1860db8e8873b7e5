import { afterEach, expect, test } from 'vitest';
import { type S3Server, startS3Server } from '../servers/s3-server.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { Container } from './support/container.ts';
import { RESTORE_POINTS, Rounds, RUNNING_POINTS } from './support/rounds.ts';

/**
 * No instant is a bad one to die at. `FAULT_SEED=… FAULT_ROUNDS=…` replays a run, or runs longer: the rounds are shared
 * out over three disks, of which each has a seed of its own (FAULT_SEED, +1, +2).
 */
const rounds = Number(process.env['FAULT_ROUNDS'] ?? (process.env['CI'] === undefined ? 24 : 200));
const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 1e9));

const containers: Container[] = [];
let server: S3Server | undefined;

afterEach(async () => {
  for (const container of containers.splice(0)) await container.remove();
  await server?.stop();
});

function onFolder(seedOfDisk: number): Rounds {
  const container = new Container({ replicas: ['{ type: file, path: FOLDER/replica, sync-interval: 1s }'] });
  containers.push(container);
  return new Rounds(container, { type: 'file', path: `${container.folder}/replica` }, seedOfDisk);
}

async function onS3(seedOfDisk: number): Promise<Rounds> {
  server = await startS3Server({ buckets: ['bucket'] });
  const container = new Container({
    replicas: [
      `{ type: s3, bucket: bucket, path: root, endpoint: "${server.url}", region: us-east-1, force-path-style: true, ` +
        `access-key-id: ${server.accessKeyId}, secret-access-key: ${server.secretAccessKey}, sync-interval: 1s }`,
    ],
  });
  containers.push(container);
  return new Rounds(container, s3Options(server, { region: 'us-east-1', forcePathStyle: true }), seedOfDisk);
}

test(`${rounds} deaths by SIGKILL, at random and at every fault point, lose nothing`, {
  retry: 0,
  timeout: 60_000 + rounds * 6_000,
}, async () => {
  console.log(`FAULT_SEED=${seed} FAULT_ROUNDS=${rounds}`);
  const disks = [onFolder(seed), onFolder(seed + 1), await onS3(seed + 2)];
  await Promise.all(disks.map((disk, index) => disk.run(Math.floor((rounds + index) / disks.length))));
  const died = new Map<string, number>();
  for (const { tally } of disks) {
    for (const [kind, count] of tally.died) died.set(kind, (died.get(kind) ?? 0) + count);
  }
  console.log(Object.fromEntries([...died].sort()), { wipes: disks.reduce((sum, { tally }) => sum + tally.wipes, 0) });
  // Enough rounds for every point to have had its turn, whatever the seed.
  const points = rounds >= 200 ? [...RUNNING_POINTS, ...RESTORE_POINTS] : [];
  for (const point of points) expect(died.get(point)).toBeGreaterThan(0);
  expect(disks.reduce((sum, { tally }) => sum + tally.rounds, 0)).toBe(rounds + disks.length);
});
