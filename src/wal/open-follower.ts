import { DatabaseFollower } from './database-follower.ts';
import type { Follower, FollowerOptions } from './follower.ts';

/**
 * Starts following a database. If it exists in WAL mode, then from the moment this resolves no frame that other
 * processes commit can be lost; reading is left to `changes()`, so that this takes milliseconds at any size.
 * Throws CAPTURE_FAILED only if an existing database cannot be opened at all.
 */
export async function openFollower(options: FollowerOptions): Promise<Follower> {
  const follower = new DatabaseFollower(options);
  follower.start();
  return follower;
}
