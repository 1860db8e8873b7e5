/** The sample app in a container: its log tells where it listens, its page what it holds. */
import type { S3Server } from '../servers/s3-server.ts';
import { type Container, startContainer, type Volume } from './container.ts';
import { SAMPLE } from './images.ts';

export interface SampleApp extends Container {
  /** Each is committed when this returns. */
  add(...texts: readonly string[]): Promise<void>;
  /** All texts, the latest first. */
  texts(): Promise<readonly string[]>;
}

/** `options`: podman's own. Ready when this returns. */
export async function startSampleApp(
  options: readonly string[],
  command: readonly string[] = [],
  image = SAMPLE,
): Promise<SampleApp> {
  const container = await startContainer(image, ['--env', 'PORT=0', ...options], command);
  const [, url = ''] = await container.waitFor(/sample app: \d+ rows, (\S+)/).catch(async (error: unknown) => {
    await container[Symbol.asyncDispose]();
    throw error;
  });
  return {
    ...container,
    add: async (...texts) => {
      for (const text of texts) {
        const { status } = await fetch(new URL(`/add?text=${encodeURIComponent(text)}`, url));
        if (status !== 201) throw new Error(`the sample app answered ${status}`);
      }
    },
    texts: async () => {
      const page = await (await fetch(url)).text();
      return [...page.matchAll(/^\d+\t.*\t(.*)$/gm)].map(([, text = '']) => text);
    },
  };
}

export const mounted = (volume: Volume, at = '/data') => ['--volume', `${volume.name}:${at}`];

export function replicatedTo(server: S3Server): readonly string[] {
  return environment({
    LITESTREAM_S3_BUCKET: 'bucket',
    LITESTREAM_S3_ENDPOINT: server.url,
    LITESTREAM_S3_FORCE_PATH_STYLE: 'true',
    LITESTREAM_S3_ACCESS_KEY_ID: server.accessKeyId,
    LITESTREAM_S3_SECRET_ACCESS_KEY: server.secretAccessKey,
    LITESTREAM_SYNC_INTERVAL: '1s',
  });
}

export function environment(variables: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
}
