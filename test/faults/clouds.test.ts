/** A network that fails in every way before each cloud's server, while the application writes. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, type TestContext, test } from 'vitest';
import { cloudNames, startCloud } from '../servers/clouds.ts';
import { gapsOf, readChain } from './support/chain.ts';
import { makeChaos } from './support/chaos.ts';
import { Container } from './support/container.ts';
import { createRandom } from './support/random.ts';
import { firstMissing } from './support/rows.ts';

const CHAOS = 10_000;
/** A replay: CHAOS_SEED=… of a run that failed. */
const baseSeed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

test.for(cloudNames)(
  'chaos before %s, under a steady load: nothing is lost, and nobody waits',
  async (name, { onTestFinished }: Pick<TestContext, 'onTestFinished'>) => {
    const seed = baseSeed + cloudNames.indexOf(name);
    console.log(`chaos before ${name}: CHAOS_SEED=${baseSeed}`);
    const cloud = await startCloud(name);
    const container = new Container({ replicas: [JSON.stringify(cloud.replica('root'))] });
    onTestFinished(async () => {
      await container.remove();
      await cloud.stop();
    });
    const store = cloud.store('root');
    const life = container.start({ pause: 10, burst: 4, payload: 500, seed });
    while ((await readChain(store)).level0.length === 0) await sleep(100);

    const story = await makeChaos(cloud.network, createRandom(seed), CHAOS);
    const told = () =>
      `seed ${seed}, replay with CHAOS_SEED=${baseSeed}\n${story.join('\n')}\n${life.log().slice(-20_000)}`;
    const calm = performance.now();
    const before = container.acknowledged().length;
    await expect
      .poll(async () => (await container.restored(store)).rows.lives.length, {
        timeout: 60_000,
        interval: 500,
        message: told(),
      })
      .toBeGreaterThanOrEqual(before);

    const recovered = ((performance.now() - calm) / 1000).toFixed(1);
    life.supervisor.kill('SIGTERM');
    expect((await life.ended).code, told()).toBe(0);
    const { rows, file } = await container.restored(store);
    expect(firstMissing(rows, container.acknowledged()), told()).toBeUndefined();
    expect(readFileSync(file).equals(readFileSync(container.database)), told()).toBe(true);
    const chain = await readChain(store);
    expect(gapsOf(chain), told()).toEqual([]);
    expect(new Set(chain.level0).size, told()).toBe(chain.level0.length);
    const { busy, max } = JSON.parse(readFileSync(`${container.acks}.result`, 'utf8')) as { busy: number; max: number };
    expect(busy, told()).toBe(0);
    // A slow machine makes for slow commits; a wait for a store would take longer.
    expect(max, told()).toBeLessThan(2_000);
    const turns = story.length;
    console.log(
      `${name}: seed ${seed}, ${turns} faults, ${rows.lives.length} rows in ${chain.level0.length} files, slowest commit ${max.toFixed(0)} ms, all there ${recovered} s after it`,
    );
  },
);
