import { startS3Server } from '../servers/s3-server.ts';
import { describeObjectStore } from './conformance.ts';
import { s3Backend } from './s3-backend.ts';

describeObjectStore('our S3 server', async () => {
  const server = await startS3Server();
  return s3Backend(server, { conditionalMultipart: true, stop: () => server.stop() });
});
