/** Where to listen; without a host, on every address of the machine. */
export interface ListenAddress {
  readonly host: string | undefined;
  /** 0: one that is free. */
  readonly port: number;
}

/** Go's notation, as in Litestream: `:9090`, `127.0.0.1:9090`, `[::1]:9090`; a port alone as well. Undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, digits = ''] =
    /^(?:(?:\[([0-9a-fA-F:.%\w]+)\]|([^[\]:/\s]*)):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const port = digits === '' ? Number.NaN : Number(digits);
  return port <= 65_535 ? { host: bracketed || plain || undefined, port } : undefined;
}
