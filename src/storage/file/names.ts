/** Names of files and folders that are no objects of a replica in a folder: never listed. */

/** Being written, or left by a process that was killed. */
export const TEMPORARY_SUFFIX = '.tmp';
/** A folder with the states of an object that is changed by compare-and-swap. */
export const STATES_SUFFIX = '.states';
