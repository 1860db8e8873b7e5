import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Certificate extends AsyncDisposable {
  /** Both in PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that names itself its authority, by the `openssl` of this machine. */
export async function makeCertificate(...names: readonly string[]): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names_ = ['-subj', '/CN=test', '-addext', `subjectAltName=${names.join(',')}`];
  await promisify(execFile)('openssl', [...request, ...names_, '-days', '2', '-keyout', key, '-out', certificate]);
  return { certificate, key, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
