/** The life of the child through the whole program: started again, told apart from its secrets, asked whether it is up. */
import { describe, expect, it } from 'vitest';
import { Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

describe('--restart=on-failure', () => {
  it('starts a crashed command again without a new restore, and replication goes on in the pause', async () => {
    await using site = new Site();
    const life = site.start(['add=1', 'kill=SIGKILL'], { flags: ['--restart', 'on-failure'] });
    // Uploaded by the running program: there was no drain yet.
    await life.waitFor(/write snapshot/);
    await life.waitFor(/(command failed, and is started again[\s\S]*){2}/);
    expect(life.log()).not.toContain('drain complete');
    expect((await life.stop()).code, life.log()).toBe(137);
    expect(life.log()).not.toContain('restoring from');
    expect(life.log().match(/drain complete/g)).toHaveLength(1);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual(life.acknowledged());
  });

  it('leaves nothing of the crashed command beside the next one', async () => {
    await using site = new Site();
    const flags = ['--restart', 'on-failure:1'];
    const life = await site.run(['add=1', 'grandchild', 'exit=3'], { flags });
    expect(life.code, life.log()).toBe(3);
    const story = [...life.output().matchAll(/^(started|got SIGTERM)$/gm)].map(([line]) => line);
    // Each child and its grandchild start, and the grandchild is ended before the next child starts.
    expect(story).toEqual(['started', 'started', 'got SIGTERM', 'started', 'started', 'got SIGTERM']);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual(life.acknowledged());
  });
});

describe('--ready-command and --startup-timeout', () => {
  it('124 where the command is not up in time; its rows are kept', async () => {
    await using site = new Site();
    const flags = ['--ready-command', 'false', '--startup-timeout', '2s'];
    const life = await site.run(['add=2', 'until-term'], { flags });
    expect(life.code, life.log()).toBe(124);
    expect(life.log()).toMatch(/level=ERROR .*code=COMMAND_NOT_READY/);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual(life.acknowledged());
  });
});

describe('--signal-map', () => {
  it('has the command get SIGINT where the platform sends SIGTERM', async () => {
    await using site = new Site();
    const life = site.start(['add=1', 'until-term'], { environment: { STATION_SIGNAL_MAP: 'TERM→INT' } });
    await life.waitFor(/^waiting$/m);
    expect((await life.stop()).code, life.log()).toBe(0);
    expect(life.output()).toContain('got SIGINT');
    expect(life.output()).not.toContain('got SIGTERM');
  });

  it('is one clear error where a name is none: 64, and no command', async () => {
    await using site = new Site();
    const life = await site.run(['add=1'], { flags: ['--signal-map', 'TERM=INTT'] });
    expect(life.code).toBe(64);
    expect(life.log()).toContain('--signal-map: "INTT" is not a signal that can be sent');
    expect(life.output()).toBe('');
  });
});

describe('--scrub-env', () => {
  it.each([
    ['with it', ['--scrub-env'], ['GREETING=hello']],
    ['without it', [], ['AWS_SESSION_TOKEN=token', 'GREETING=hello', 'MY_OWN_NAME_FOR_IT=secret']],
  ])('%s the command finds so much of the environment', async (_, flags, found) => {
    await using store = await startStore();
    const credentials = { accessKeyId: store.accessKeyId, secretAccessKey: `\${MY_OWN_NAME_FOR_IT}` };
    await using site = new Site([s3Replica(credentials, store.url)]);
    const environment = {
      MY_OWN_NAME_FOR_IT: store.secretAccessKey,
      AWS_SESSION_TOKEN: 'token',
      GREETING: 'hello',
    };
    const life = site.startCommand(['/usr/bin/env'], { flags, environment });
    expect((await life.ended).code, life.log()).toBe(0);
    const lines = life.output().replaceAll(store.secretAccessKey, 'secret').split('\n');
    const asked = lines.filter((line) => /^(AWS_SESSION_TOKEN|GREETING|MY_OWN_NAME_FOR_IT)=/.test(line));
    expect(asked.sort()).toEqual(found);
    const kept = /level=DEBUG msg="kept from the command" variables=AWS_SESSION_TOKEN,MY_OWN_NAME_FOR_IT/;
    expect(kept.test(life.log())).toBe(flags.length > 0);
  });
});
