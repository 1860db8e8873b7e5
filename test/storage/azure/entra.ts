import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface TokenClaims {
  readonly audience?: string;
  /** Seconds from now; negative: it has expired. */
  readonly lifetime?: number;
}

/** A token as Microsoft Entra gives it; the emulator looks at all of it but the signature. */
export function entraToken({ audience = 'https://storage.azure.com', lifetime = 3_600 }: TokenClaims = {}): string {
  const now = Math.floor(Date.now() / 1_000);
  const issued = Math.min(now, now + lifetime) - 60;
  const iss = 'https://sts.windows.net/tenant/';
  const claims = { aud: audience, iss, nbf: issued, iat: issued, exp: now + lifetime };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const CLIENT_ID = '66666666-7777-8888-9999-000000000000';

export interface EntraAuthority {
  readonly url: string;
  /** Assertions it takes: a federated token of the cluster this workload runs in. */
  readonly federatedTokens: Set<string>;
  /** Of the tokens it gives. */
  lifetime: number;
  /** Paths it was asked for, in order. */
  readonly asked: readonly string[];
  /** Answers nothing from now on. */
  hang(): void;
  stop(): void;
}

/** Microsoft Entra's authority, as far as a federated workload meets it: grant, client, scope and assertion are really checked. */
export async function startEntraAuthority(tls: {
  readonly cert: Buffer;
  readonly key: Buffer;
}): Promise<EntraAuthority> {
  const asked: string[] = [];
  let hangs = false;
  const server = createServer(tls, async (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    asked.push(path);
    if (hangs) return;
    const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString('utf8'));
    const { status, content } = answer(path, form);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const authority = {
    url,
    asked,
    federatedTokens: new Set<string>(),
    lifetime: 3_600,
    hang: () => {
      hangs = true;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  const answer = (path: string, form: URLSearchParams): { readonly status: number; readonly content: object } => {
    if (path === `/${TENANT}/v2.0/.well-known/openid-configuration`) {
      const endpoint = (name: string) => `${url}/${TENANT}/oauth2/v2.0/${name}`;
      const endpoints = { token_endpoint: endpoint('token'), authorization_endpoint: endpoint('authorize') };
      return {
        status: 200,
        content: { ...endpoints, issuer: `${url}/${TENANT}/v2.0`, jwks_uri: `${url}/${TENANT}/discovery/v2.0/keys` },
      };
    }
    if (path !== `/${TENANT}/oauth2/v2.0/token`) return { status: 404, content: { error: 'not_found' } };
    const refuse = (text: string) => ({ status: 401, content: { error: 'invalid_client', error_description: text } });
    const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    if (form.get('grant_type') !== 'client_credentials' || form.get('client_assertion_type') !== jwtBearer)
      return refuse('AADSTS900023: not a federated workload');
    if (form.get('client_id') !== CLIENT_ID) return refuse('AADSTS700016: Application was not found');
    if (!form.get('scope')?.split(' ').includes('https://storage.azure.com/.default'))
      return refuse('AADSTS70011: the scope is not valid');
    if (!authority.federatedTokens.has(form.get('client_assertion') ?? ''))
      return refuse('AADSTS700024: Client assertion is not within its valid time range.');
    const { lifetime } = authority;
    return {
      status: 200,
      content: { token_type: 'Bearer', expires_in: lifetime, access_token: entraToken({ lifetime }) },
    };
  };
  return authority;
}
