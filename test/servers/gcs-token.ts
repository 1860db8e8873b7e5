import { createVerify, generateKeyPairSync, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { GcsRefusal } from './gcs-refusal.ts';

const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token';
/** The pool whose tokens are exchanged here, as its provider's configuration file names it. */
export const WORKLOAD_POOL =
  '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster';
const LEEWAY = 5 * 60_000;
const EMAIL = 'station@test-project.iam.gserviceaccount.com';

/** Of all servers in this process: making one takes longer than most tests. */
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

export interface TokenIssuer {
  /** The content of a service account's key file, as the console hands it out. */
  serviceAccountKey(tokenUrl: string): string;
  /** Tokens of another provider, such as a Kubernetes cluster's, which are exchanged for Google's. */
  readonly federated: Set<string>;
  /** Answers the token endpoint: a signed assertion, or a federated token, for an access token. */
  exchange(form: URLSearchParams): { readonly status: number; readonly body: string };
  /** What the metadata server gives to anyone on the machine. */
  issue(): string;
  /** All tokens given so far are worth nothing from now on. */
  revoke(): void;
  /** @throws GcsRefusal 401 */
  check(request: IncomingMessage): void;
}

/** Google's token endpoint, as far as a service account meets it: RS256, audience, time and account are really checked. */
export function createTokenIssuer(now: () => number): TokenIssuer {
  let tokens = new Set<string>();
  const issue = () => {
    const token = `ya29.${randomUUID()}`;
    tokens.add(token);
    return JSON.stringify({ access_token: token, expires_in: 3599, token_type: 'Bearer' });
  };
  const refuse = (description: string) => ({
    status: 400,
    body: JSON.stringify({ error: 'invalid_grant', error_description: description }),
  });
  const federated = new Set<string>();
  const exchangeFederated = (form: URLSearchParams) => {
    if (form.get('audience') !== WORKLOAD_POOL) return refuse('The audience is not a provider of this pool.');
    if (!/devstorage|cloud-platform/.test(form.get('scope') ?? '')) return refuse('no scope for storage');
    if (!federated.has(form.get('subject_token') ?? '')) return refuse('The given credential is rejected.');
    return {
      status: 200,
      body: JSON.stringify({
        ...(JSON.parse(issue()) as object),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      }),
    };
  };
  return {
    issue,
    federated,
    revoke: () => {
      tokens = new Set();
    },
    serviceAccountKey: (tokenUrl) =>
      JSON.stringify({
        type: 'service_account',
        project_id: 'test-project',
        private_key_id: 'test-key',
        private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        client_email: EMAIL,
        client_id: '1',
        token_uri: tokenUrl,
        universe_domain: 'googleapis.com',
      }),
    exchange: (form) => {
      if (form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange') return exchangeFederated(form);
      const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
      const { iss, aud, iat, exp, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}');
      if (iss !== EMAIL) return refuse('Invalid grant: account not found');
      const signed = createVerify('RSA-SHA256').update(`${head}.${claims}`);
      if (!signed.verify(publicKey, signature, 'base64url')) return refuse('Invalid JWT Signature.');
      if (aud !== GOOGLE_TOKEN_URL) return refuse('Invalid JWT: Failed audience check.');
      if (!(exp * 1_000 > now() && iat * 1_000 < now() + LEEWAY))
        return refuse('Invalid JWT: Token must be a short-lived token.');
      if (!/devstorage|cloud-platform/.test(scope)) return refuse('Invalid JWT: no scope for storage');
      return { status: 200, body: issue() };
    },
    check: ({ headers: { authorization } }) => {
      if (authorization === undefined) {
        const text = 'Anonymous caller does not have storage access to the Google Cloud Storage bucket.';
        throw new GcsRefusal(401, 'required', text, {
          'www-authenticate': 'Bearer realm="https://accounts.google.com/"',
        });
      }
      const token = authorization.replace(/^Bearer /, '');
      if (!tokens.has(token) && !isSelfSigned(token, now()))
        throw new GcsRefusal(401, 'authError', 'Invalid Credentials');
    },
  };
}

/** Outside Google's own universe a service account signs its access tokens itself. */
function isSelfSigned(token: string, now: number): boolean {
  const [head = '', claims = '', signature = ''] = token.split('.');
  const signed = createVerify('RSA-SHA256').update(`${head}.${claims}`);
  if (!signed.verify(publicKey, signature, 'base64url')) return false;
  const { iss, sub, exp, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  return iss === EMAIL && sub === EMAIL && exp * 1_000 > now && /devstorage|cloud-platform/.test(scope);
}
