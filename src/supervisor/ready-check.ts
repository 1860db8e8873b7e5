import { StationError } from '../errors.ts';

/** How to find out whether the child is up. */
export type ReadyCheck =
  /** Up while it answers with a status below 400. */
  | { readonly kind: 'url'; readonly url: URL }
  /** Up while this ends with 0; the shell reads it. */
  | { readonly kind: 'command'; readonly command: string };

/** Throws USAGE where it is no http or https URL. */
export function parseReadyUrl(text: string): ReadyCheck {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return { kind: 'url', url };
  throw new StationError('USAGE', `"${text}" is not an http or https URL`, {
    hint: 'for example http://127.0.0.1:8080/healthz',
  });
}
