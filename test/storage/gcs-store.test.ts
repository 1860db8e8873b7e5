import { startGcsServer } from '../servers/gcs-server.ts';
import { describeObjectStore } from './conformance.ts';
import { gcsBackend } from './gcs-backend.ts';

describeObjectStore('our GCS server', async () => gcsBackend(await startGcsServer()));
