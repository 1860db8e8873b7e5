import type { ReplicaType } from '../config.ts';
import type { KeyPlace, KeyRule, Takes } from './key-rule.ts';
import {
  anyInteger,
  boolean,
  choice,
  honoured,
  inform,
  partSize,
  pause,
  positive,
  secret,
  text,
  texts,
} from './takes.ts';

const places: readonly KeyPlace[] = ['replica', 'top'];

const store = (types: readonly ReplicaType[], name: string, takes: Takes, meaning: string): KeyRule => ({
  name,
  places,
  takes,
  treatment: honoured,
  types,
  meaning,
});

/** Keys that say where a bucket is and how to get in. What only other types take is checked, then refused with its type. */
export const storeKeys: readonly KeyRule[] = [
  store(['s3', 'gs', 'abs', 'nats', 'oss'], 'bucket', text, 'The bucket; on Azure, the container.'),
  store(
    ['s3', 'gs', 'abs', 'oss'],
    'endpoint',
    text,
    'The server, where it is not the provider’s own. Without `http://` or `https://`: https, http for localhost and private addresses.',
  ),
  store(
    ['s3', 'oss'],
    'region',
    text,
    'Region. Default: `LITESTREAM_S3_REGION`, `AWS_REGION`; with an endpoint that is not AWS, what its host says, else `us-east-1` (`auto` on R2, Tigris and Google).',
  ),
  store(
    ['s3', 'oss'],
    'access-key-id',
    secret,
    'Access key. Default: `AWS_ACCESS_KEY_ID`, `LITESTREAM_ACCESS_KEY_ID`, `LITESTREAM_S3_ACCESS_KEY_ID`, then the SDK’s own chain.',
  ),
  store(['s3', 'oss'], 'secret-access-key', secret, 'Its secret. Default likewise.'),
  store(['s3'], 'session-token', secret, 'Its session token, if it is a temporary one.'),
  store(
    ['s3'],
    'force-path-style',
    boolean,
    'Bucket in the path, not in the host name. Default: `true` with an endpoint that is not AWS, but for DigitalOcean and Alibaba.',
  ),
  store(['s3'], 'skip-verify', boolean, 'Takes any TLS certificate. Default `false`.'),
  store(['s3'], 'sign-payload', boolean, 'Signs the content of uploads too. Default: what the endpoint needs.'),
  {
    ...store(['s3'], 'sign-accept-encoding', boolean, 'Signs the Accept-Encoding header.'),
    treatment: inform('no Accept-Encoding header is sent, so there is none to sign'),
  },
  {
    ...store(['s3'], 'require-content-md5', boolean, 'Sends Content-MD5 with deletions.'),
    treatment: inform('the checksum a request carries is chosen by what its store needs'),
  },
  store(['s3'], 'storage-class', text, 'Storage class of new objects, such as `STANDARD_IA`.'),
  store(
    ['s3'],
    'sse',
    choice('AES256', 'aws:kms'),
    'Encryption by the store: `AES256` with its own keys, `aws:kms` with its default KMS key. Default: what the bucket does.',
  ),
  store(['s3'], 'sse-customer-algorithm', choice('AES256'), 'Algorithm of a customer’s key. Default `AES256`.'),
  store(['s3'], 'sse-customer-key', secret, 'Customer’s key: 32 bytes in base64.'),
  store(['s3'], 'sse-customer-key-path', text, 'File that holds it.'),
  store(['s3'], 'sse-kms-key-id', text, 'KMS key that encrypts new objects.'),
  store(['s3', 'oss'], 'part-size', partSize, 'Size of the parts of large uploads.'),
  store(['s3', 'oss'], 'concurrency', positive, 'Parts in flight at a time.'),

  store(
    ['gs'],
    'service-account-json-path',
    text,
    'File of the service account’s key. Default: `GOOGLE_APPLICATION_CREDENTIALS`, then the SDK’s own chain.',
  ),
  store(['gs'], 'service-account-json', secret, 'The key itself, instead of its file.'),
  store(['abs'], 'container', text, 'The container; the same as `bucket`.'),
  store(['abs'], 'account-name', text, 'Storage account. Default: `LITESTREAM_ABS_ACCOUNT_NAME`.'),
  store(
    ['abs'],
    'account-key',
    secret,
    'Its key. Default: `LITESTREAM_AZURE_ACCOUNT_KEY`, `LITESTREAM_ABS_ACCOUNT_KEY`, then the SDK’s own chain.',
  ),
  store(
    ['abs'],
    'sas-token',
    secret,
    'Shared access signature, instead of the key. Default: `LITESTREAM_AZURE_SAS_TOKEN`, `LITESTREAM_ABS_SAS_TOKEN`.',
  ),
  store(['abs'], 'connection-string', secret, 'Account, endpoint and key or signature in one, instead of all of them.'),

  store(['sftp'], 'host', text, 'SFTP server.'),
  store(['sftp'], 'user', text, 'SFTP user.'),
  store(['sftp'], 'password', secret, 'SFTP password.'),
  store(['sftp'], 'key-path', text, 'SFTP private key file.'),
  store(['sftp'], 'host-key', text, 'SFTP server’s public key.'),
  store(['sftp'], 'concurrent-writes', boolean, 'SFTP writes in parallel.'),

  store(['webdav'], 'webdav-url', text, 'WebDAV server.'),
  store(['webdav'], 'webdav-username', text, 'WebDAV user.'),
  store(['webdav'], 'webdav-password', secret, 'WebDAV password.'),

  store(['nats'], 'username', text, 'NATS user.'),
  store(['nats'], 'jwt', secret, 'NATS user JWT.'),
  store(['nats'], 'seed', secret, 'NATS seed.'),
  store(['nats'], 'creds', text, 'NATS credentials file.'),
  store(['nats'], 'nkey', secret, 'NATS nkey.'),
  store(['nats'], 'token', secret, 'NATS token.'),
  store(['nats'], 'tls', boolean, 'NATS over TLS.'),
  store(['nats'], 'root-cas', texts, 'NATS root certificates.'),
  store(['nats'], 'client-cert', text, 'NATS client certificate.'),
  store(['nats'], 'client-key', text, 'NATS client key file.'),
  store(['nats'], 'max-reconnects', anyInteger, 'NATS reconnections.'),
  store(['nats'], 'reconnect-wait', pause, 'Pause between them.'),
  store(['nats'], 'timeout', pause, 'NATS time limit.'),
];
