#!/bin/sh
# cluster.sh: makes a Cluster of the servers of cluster.yml, unless they are one. The first server runs it beside itself.
set -eu
password=$(sed -n 's|^rediss\{0,1\}://app:\([A-Za-z0-9_.-]\{1,\}\)@.*|\1|p' /run/secrets/redis_url)
REDISCLI_AUTH=$(printf 'peer:%s' "$password" | sha256sum | cut -c 1-64)
export REDISCLI_AUTH
ask() { redis-cli --user peer -h "${1%:*}" ping 2>/dev/null; }
for server in $REDIS_CLUSTER; do
    until ask "$server" | grep -q PONG; do sleep 0.2; done
done
redis-cli --user peer cluster info | grep -q 'cluster_known_nodes:1[^0-9]' || exit 0
# shellcheck disable=SC2086 # one argument for each server
exec redis-cli --user peer --cluster create $REDIS_CLUSTER --cluster-replicas 1 --cluster-yes
