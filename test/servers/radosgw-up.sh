#!/usr/bin/env bash
# A real S3 server (Ceph radosgw on one monitor and one in-memory OSD) on 127.0.0.1, in about two seconds.
# usage: radosgw-up.sh FOLDER MONITOR_PORT S3_PORT
# Prints "ready URL", then stays until its stdin closes or it gets SIGTERM, and takes the daemons with it.
# Access key "test", secret "testsecret". Needs: ceph-mon ceph-osd radosgw ceph-common.
set -u
folder=$1 monitor_port=$2 s3_port=$3
cluster=$(cat /proc/sys/kernel/random/uuid) osd=$(cat /proc/sys/kernel/random/uuid)
pids=()
stop() {
  # Quietly: bash would report each of them as killed.
  { for pid in "${pids[@]}"; do kill -9 "$pid"; done; wait; } 2>/dev/null
  exit "${1:-0}"
}
fail() {
  echo "radosgw-up: $1" >&2
  tail -n 20 "$folder"/log/* >&2
  stop 1
}
trap stop TERM INT

mkdir -p "$folder"/{mon,osd,run,log,rgw} && touch "$folder/keyring"
cat >"$folder/ceph.conf" <<CONF
[global]
fsid = $cluster
mon initial members = a
mon host = v1:127.0.0.1:$monitor_port
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
osd objectstore = memstore
memstore device bytes = 4294967296
mon allow pool size one = true
mon max pg per osd = 1000
mon osd min in ratio = 0
mon tick interval = 1
osd mon report interval = 1
paxos propose interval = 0.05
paxos min wait = 0.01
run dir = $folder/run
admin socket = $folder/run/\$name.asok
pid file = $folder/run/\$name.pid
log file = $folder/log/\$name.log
mon cluster log file = $folder/log/cluster.log
mon data = $folder/mon
osd data = $folder/osd
rgw data = $folder/rgw
keyring = $folder/keyring
rgw dns name = localhost
rgw multipart min part size = 1
CONF
conf=(-c "$folder/ceph.conf")

monmaptool --create --addv a "[v1:127.0.0.1:$monitor_port]" --fsid "$cluster" "$folder/monmap" >/dev/null || fail monmaptool
ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring" "${conf[@]}" || fail "ceph-mon --mkfs"
ceph-mon -i a -f "${conf[@]}" >"$folder/log/mon.out" 2>&1 </dev/null &
pids+=($!)
timeout 20 ceph "${conf[@]}" osd new "$osd" >/dev/null || fail "ceph osd new"
ceph-osd -i 0 --mkfs --osd-uuid "$osd" "${conf[@]}" >"$folder/log/osd-mkfs.out" 2>&1 || fail "ceph-osd --mkfs"
timeout 20 ceph "${conf[@]}" osd crush add osd.0 1.0 host=h root=default >/dev/null 2>&1
ceph-osd -i 0 -f "${conf[@]}" >"$folder/log/osd.out" 2>&1 </dev/null &
pids+=($!)
radosgw -n client.rgw -f "${conf[@]}" --rgw_frontends "beast endpoint=127.0.0.1:$s3_port" >"$folder/log/rgw.out" 2>&1 </dev/null &
pids+=($!)
for _ in $(seq 1 300); do
  (exec 3<>"/dev/tcp/127.0.0.1/$s3_port") 2>/dev/null && break
  sleep 0.1
done
timeout 30 radosgw-admin "${conf[@]}" user create --uid=t --display-name=t --access-key=test --secret-key=testsecret \
  >"$folder/log/user.out" 2>&1 || fail "radosgw-admin user create"
echo "ready http://127.0.0.1:$s3_port"

# read ends when the parent closes the pipe, also by dying.
while read -r -t 3600 _ || [ $? -gt 128 ]; do :; done
stop
