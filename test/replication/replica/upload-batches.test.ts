import { describe, expect, it } from 'vitest';
import { milliseconds, txid } from '../../../src/quantities.ts';
import { UploadBatches } from '../../../src/replication/replica/upload-batches.ts';

/** How long the file after `position` waits, `staged` being the last that there is. */
function ask(batches: UploadBatches, position: number, staged: number, now: number): number | undefined {
  return batches.pauseAfter(txid(position), txid(staged), milliseconds(now));
}

describe('the uploads to a replica with an interval of its own', () => {
  it('begin at once after a quiet time, with all that is staged then', () => {
    const batches = new UploadBatches(milliseconds(10_000));
    expect(ask(batches, 0, 3, 5)).toBeUndefined();
    expect(ask(batches, 1, 4, 6)).toBeUndefined();
    expect(ask(batches, 2, 4, 7)).toBeUndefined();
  });

  it('wait for the rest of the interval where a file came after the batch began', () => {
    const batches = new UploadBatches(milliseconds(10_000));
    ask(batches, 0, 3, 5);
    expect(ask(batches, 3, 4, 1_005)).toBe(9_000);
    expect(ask(batches, 3, 9, 10_005)).toBeUndefined();
    expect(ask(batches, 8, 9, 10_006)).toBeUndefined();
  });

  it('go without a pause as far as somebody waits for them', () => {
    const batches = new UploadBatches(milliseconds(10_000));
    ask(batches, 0, 3, 0);
    batches.extendTo(txid(5));
    expect(ask(batches, 4, 6, 1_000)).toBeUndefined();
    expect(ask(batches, 5, 6, 1_000)).toBe(9_000);
    batches.extendTo(txid(2));
    expect(ask(batches, 4, 6, 1_000)).toBeUndefined();
  });

  it('never wait where the interval is no longer than that of the capture', () => {
    const batches = new UploadBatches(milliseconds(0));
    expect(ask(batches, 0, 1, 0)).toBeUndefined();
    expect(ask(batches, 1, 2, 0)).toBeUndefined();
  });
});
