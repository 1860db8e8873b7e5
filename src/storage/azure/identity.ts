import type { DefaultAzureCredential } from '@azure/identity';
import { type AzureStoreSettings, defaultAzureStoreSettings } from './settings.ts';

/**
 * Environment, workload identity, managed identity, a developer's login: the SDK's chain, which asks at the first
 * request. It knows no limit for an authority that hangs, so one is put around it: ETIMEDOUT.
 *
 * An authority that AZURE_AUTHORITY_HOST names is taken at its word. The library would else ask Microsoft, at an address
 * on the internet that a private cloud does not reach, whether it is one.
 */
export async function findAzureIdentity({
  attempts,
  idleTimeout,
}: Pick<AzureStoreSettings, 'attempts' | 'idleTimeout'> = defaultAzureStoreSettings): Promise<
  Pick<DefaultAzureCredential, 'getToken'>
> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  const chain = new DefaultAzureCredential({
    disableInstanceDiscovery: Boolean(process.env['AZURE_AUTHORITY_HOST']),
    retryOptions: { maxRetries: attempts - 1, retryDelayInMs: 200, maxRetryDelayInMs: 2_000 },
  });
  return {
    getToken: async (scopes, options) => {
      const limit = Promise.withResolvers<never>();
      const error = new Error(`no token came within ${idleTimeout} ms`);
      const timer = setTimeout(() => limit.reject(Object.assign(error, { code: 'ETIMEDOUT' })), idleTimeout);
      try {
        return await Promise.race([chain.getToken(scopes, options), limit.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** What an identity's authority said, or that it could not be asked: found among what the whole chain tried. */
export class AzureIdentityFailure extends Error {
  readonly kind: 'refused' | 'unreachable';

  constructor(kind: 'refused' | 'unreachable', word: string, text: string) {
    super(text);
    this.name = word;
    this.kind = kind;
  }
}

/**
 * The chain's own error says that nothing worked, and the cloud's word is in one of many below it. Undefined where no
 * identity was configured, or the error is another one.
 */
export function identityFailureIn(error: unknown): AzureIdentityFailure | undefined {
  const errors: readonly unknown[] =
    error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : [error];
  for (const one of errors) {
    if (!(one instanceof Error)) continue;
    const [, word, text] = /\b(AADSTS\d+): (.*?)(?: - Correlation ID|\. Trace ID|$)/m.exec(one.message) ?? [];
    const passes = /temporarily_unavailable|server_error/.test(one.message);
    if (word !== undefined) return new AzureIdentityFailure(passes ? 'unreachable' : 'refused', word, text ?? '');
    const [msal] = /endpoints_resolution_error|network_error|openid_config_error/.exec(one.message) ?? [];
    if (msal !== undefined) return new AzureIdentityFailure('unreachable', msal, 'Microsoft Entra did not answer');
  }
  return undefined;
}
