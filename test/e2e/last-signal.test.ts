/** A platform stops what has just ended by itself: the exit status is that of the end, whenever the signal comes. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Site } from './life.ts';

it('SIGTERM after the drain, when all is done but the exit, does not change the exit status', async () => {
  for (const code of [0, 3, 0, 3]) {
    await using site = new Site();
    const life = site.start(['add=1', `exit=${code}`]);
    await life.waitFor(/msg="drain complete"/);
    let isOver = false;
    void life.ended.then(() => {
      isOver = true;
    });
    // One of them comes at the very end.
    for (; !isOver; await pause(0)) life.kill('SIGTERM');
    expect(await life.ended, life.log()).toEqual({ code, signal: null });
  }
});
