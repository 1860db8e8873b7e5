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

/** What is needed to open a replica in a container of Azure Blob Storage. */
export interface AzureStoreOptions {
  readonly type: 'abs';
  readonly container: string;
  /** Root path inside the container, as written in the config; may be empty. */
  readonly path: string;
  /** Needed with an account key, and where there is neither an endpoint nor a connection string. */
  readonly accountName: string | undefined;
  /** Full URL, with the account where it is not in the host name; undefined: `https://ACCOUNT.blob.core.windows.net`. */
  readonly endpoint: string | undefined;
  /** Undefined: the SDK's own chain (environment, workload identity, managed identity). */
  readonly credentials:
    | { readonly kind: 'account-key'; readonly accountKey: string }
    | { readonly kind: 'sas-token'; readonly sasToken: string }
    | { readonly kind: 'connection-string'; readonly connectionString: string }
    | undefined;
}

/** A replica in a folder. */
export interface FileStoreOptions {
  readonly type: 'file';
  /** Absolute path of the replica's root. */
  readonly path: string;
}

/** What is needed to open a replica on Google Cloud Storage. */
export interface GcsStoreOptions {
  readonly type: 'gs';
  readonly bucket: string;
  /** Root path inside the bucket, as written in the config; may be empty. */
  readonly path: string;
  /** Full URL; undefined means Google's own, or the server that STORAGE_EMULATOR_HOST names. */
  readonly endpoint: string | undefined;
  /** A service account's key: its file (absolute path), or its text. Undefined: application default credentials. */
  readonly credentials:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'json'; readonly json: string }
    | undefined;
}

/** Keys of age (age-encryption.org), each well-formed. */
export interface AgeKeys {
  /** For whom what is put gets encrypted; none: for the identities. */
  readonly recipients: readonly string[];
  /** Secret. At least one, tried in turn. */
  readonly identities: readonly string[];
  /** Where the config names them, for messages. */
  readonly where: string;
}

/** Encryption by the client, on any kind of store. */
interface ClientEncryption {
  readonly age?: AgeKeys;
}

export type StoreOptions = (S3StoreOptions | GcsStoreOptions | AzureStoreOptions | FileStoreOptions) & ClientEncryption;
