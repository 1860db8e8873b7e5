/** An endpoint as a URL; undefined where it is none. */
export function parseEndpoint(endpoint: string): string | undefined {
  const text = endpoint.trim();
  const withScheme = /^https?:\/\//i.test(text) ? text : `${isLocal(text) ? 'http' : 'https'}://${text}`;
  if (!URL.canParse(withScheme)) return undefined;
  const url = new URL(withScheme);
  // Credentials do not belong here, and a query would be lost.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  return withScheme.replace(/\/+$/, '');
}

/**
 * Whether an endpoint without a scheme is spoken to in plain HTTP. Litestream's rule: localhost and private IPv4
 * addresses, `.local` and `.localhost` names.
 */
function isLocal(endpoint: string): boolean {
  const host = endpoint
    .toLowerCase()
    .replace(/[/?#].*$/, '')
    .replace(/:[0-9]*$/, '');
  return (
    host === 'localhost' ||
    host === '[::1]' ||
    /^(127|10|192\.168|172\.(1[6-9]|2[0-9]|3[01]))(\.[0-9]+)+$/.test(host) ||
    /\.local(host)?$/.test(host)
  );
}
