/** Every key of Litestream's config files by the map it stands in, read from the sources of 0.3.13 and 0.5.17. */
const replicaSettings = `sync-interval validation-interval max-sync-ltx-files auto-recover access-key-id secret-access-key region
  bucket endpoint force-path-style sign-payload sign-accept-encoding require-content-md5 skip-verify storage-class part-size
  concurrency sse-customer-algorithm sse-customer-key sse-customer-key-path sse-kms-key-id account-name account-key sas-token
  host user password key-path concurrent-writes host-key webdav-url webdav-username webdav-password jwt seed creds nkey
  username token tls root-cas client-cert client-key max-reconnects reconnect-wait timeout age age.identities age.recipients`;

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

export const litestreamKeys = {
  top: words(`addr dbs exec access-key-id secret-access-key logging logging.level logging.type logging.stderr logging.source
    socket socket.enabled socket.path socket.permissions levels snapshot snapshot.interval snapshot.retention validation
    validation.interval l0-retention l0-retention-check-interval verify-compaction retention retention.enabled heartbeat-url
    heartbeat-interval mcp-addr shutdown-sync-timeout shutdown-sync-interval ${replicaSettings}`),
  level: words('interval'),
  database: words(`path dir pattern recursive watch snapshot snapshot.interval snapshot.retention meta-path meta-dir
    monitor-interval checkpoint-interval busy-timeout min-checkpoint-page-count max-checkpoint-page-count truncate-page-n
    max-sync-wal-bytes restore-if-db-not-exists replica replicas`),
  replica: words(`type name path url retention retention-check-interval snapshot-interval ${replicaSettings}`),
} as const;
