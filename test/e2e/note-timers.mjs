// Preloaded into the program under test: notes the length of each timer that is set, in $TIMERS.
import { createHook } from 'node:async_hooks';
import { appendFileSync } from 'node:fs';

if (process.argv[1]?.endsWith('launch.mjs')) {
  createHook({
    init(_id, type, _trigger, resource) {
      if (type !== 'Timeout') return;
      const where = new Error('set').stack
        .split('\n')
        .find((line) => line.includes('/src/') || line.includes('/dist/'));
      appendFileSync(
        process.env.TIMERS,
        `${resource._idleTimeout} ${resource._repeat ? 'again and again ' : ''}${where?.trim() ?? ''}\n`,
      );
    },
  }).enable();
}
