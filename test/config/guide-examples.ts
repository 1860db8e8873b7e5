/** The config examples of Station's replication guide, as its readers paste them. */
export const guideExamples: Readonly<Record<string, string>> = {
  s3: `dbs:
  - path: /data/station.db
    replicas:
      - type: s3
        bucket: \${LITESTREAM_S3_BUCKET}
        path: station-db
        region: \${LITESTREAM_S3_REGION:-us-east-1}
        access-key-id: \${LITESTREAM_S3_ACCESS_KEY_ID}
        secret-access-key: \${LITESTREAM_S3_SECRET_ACCESS_KEY}
        sync-interval: 10s
        retention: 24h
`,
  gcs: `dbs:
  - path: /data/station.db
    replicas:
      - type: gcs
        bucket: \${LITESTREAM_GCS_BUCKET}
        path: station-db
        service-account-json-path: /secrets/gcs-service-account.json
        sync-interval: 10s
        retention: 24h
`,
  abs: `dbs:
  - path: /data/station.db
    replicas:
      - type: abs
        bucket: \${LITESTREAM_ABS_BUCKET}
        path: station-db
        account-name: \${LITESTREAM_ABS_ACCOUNT_NAME}
        account-key: \${LITESTREAM_ABS_ACCOUNT_KEY}
        sync-interval: 10s
        retention: 24h
`,
  syncSettings: `sync-interval: 10s    # How often to sync changes (1s-1h)
retention: 24h        # How long to keep snapshots (1h-8760h)
`,
  severalReplicas: `dbs:
  - path: /data/station.db
    replicas:
      # Primary backup to S3
      - type: s3
        bucket: \${LITESTREAM_S3_BUCKET}
        path: station-db-primary
        
      # Secondary backup to different region
      - type: s3
        bucket: \${LITESTREAM_S3_BACKUP_BUCKET}
        path: station-db-backup
        region: eu-west-1
        
      # Local backup for development
      - type: file
        path: /backup/station-db-local
`,
  costs: `# Reduce sync frequency for cost savings
sync-interval: 60s        # Instead of 10s

# Shorter retention for lower costs
retention: 72h            # Instead of 168h (7 days)

# Use cheaper storage classes for long-term retention
# (requires custom S3 lifecycle policies)
`,
  retention: `dbs:
  - path: /data/station.db
    replicas:
      - type: s3
        bucket: station-backups
        path: station-db
        # Keep snapshots for different durations
        retention: 720h      # 30 days
        snapshot-interval: 1h # Hourly snapshots
        
        # Advanced: Custom retention schedule
        retention-check-interval: 1h
`,
  monitoring: `# Add metrics endpoint for monitoring
dbs:
  - path: /data/station.db
    replicas:
      - type: s3
        bucket: station-backups
        path: station-db
        # Enable Prometheus metrics
        monitor-interval: 30s
`,
};
