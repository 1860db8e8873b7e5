/** Lives in the folder it is given, at a hurried pace, and commits until it is killed. */
import { HurriedSite } from '../replication/support/hurried-site.ts';

const site = new HurriedSite(['one'], {}, process.argv[2]);
await site.start({ levels: [300, 1_200], retention: 1_500, snapshotInterval: 800, level0Retention: 300 });
await site.writeUntil('the kill', () => false);
