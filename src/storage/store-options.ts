import type { Bytes } from '../quantities.ts';

/** What is needed to open a replica on S3 or on a store that speaks its language. */
export interface S3StoreOptions {
  readonly type: 's3';
  readonly bucket: string;
  /** Root path inside the bucket, as written in the config; may be empty. */
  readonly path: string;
  /** Full URL; undefined means AWS. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly forcePathStyle: boolean | undefined;
  /** Undefined: the SDK's own chain (environment, web identity, container, instance role). */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string | undefined }
    | undefined;
  readonly skipVerify: boolean;
  readonly signPayload: boolean | undefined;
  readonly storageClass: string | undefined;
  readonly serverSideEncryption:
    | { readonly kind: 'AES256' }
    | { readonly kind: 'aws:kms'; readonly keyId: string | undefined }
    | {
        readonly kind: 'customer';
        readonly algorithm: string;
        readonly keyBase64: string;
        readonly keyMd5: string | undefined;
      }
    | undefined;
  readonly partSize: Bytes | undefined;
  readonly concurrency: number | undefined;
}

/** A replica in a folder. */
export interface FileStoreOptions {
  readonly type: 'file';
  /** Absolute path of the replica's root. */
  readonly path: string;
}

export type StoreOptions = S3StoreOptions | FileStoreOptions;
