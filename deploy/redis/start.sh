#!/bin/sh
# start.sh [OPTION ...]: starts Redis in a container. Its users have the rights that they need:
#   app      the replicas. Its password is in the secret redis_url, from which replicas have it too.
#   monitor  the health check, the exporter, and commands that ask how Redis is. It reads no key, so it needs no password.
#   peer     with sentinels or in a Cluster: other servers copy its data as this user, and sentinels watch it.
#   admin    commands that break Redis on purpose. Its password is made here, for this start and this container.
set -eu
umask 077
password=$(sed -n 's|^rediss\{0,1\}://app:\([A-Za-z0-9_.-]\{1,\}\)@.*|\1|p' /run/secrets/redis_url)
if [ -z "$password" ]; then
    echo "start.sh: the secret redis_url must be redis://app:PASSWORD@redis:6379, with letters, digits, _ . - in PASSWORD" >&2
    exit 1
fi
hash() { printf %s "$1" | sha256sum | cut -c 1-64; }
admin=$(head -c 32 /dev/urandom | sha256sum | cut -c 1-64)
printf %s "$admin" > /tmp/admin

peer=$(printf 'peer:%s' "$password" | sha256sum | cut -c 1-64)
as_peer() {
    echo --masteruser peer --masterauth "$peer" --repl-diskless-sync-delay 0 --min-replicas-to-write 1 --min-replicas-max-lag 2
}

# In a Cluster (cluster.yml): what it knows of the others it writes to /data/nodes.conf.
if [ -n "${REDIS_CLUSTER:-}" ]; then
    # shellcheck disable=SC2046 # one argument for each word
    set -- "$@" $(as_peer) --cluster-enabled yes --cluster-node-timeout 1000 --cluster-require-full-coverage no \
        --user peer on "#$(hash "$peer")" -@all +psync +replconf +ping +info +cluster
    [ -z "${REDIS_FIRST:-}" ] || (sh /cluster.sh &)
fi

# With sentinels (sentinel.yml, deploy/kubernetes): a replica of the server that they name. In Kubernetes addresses change, so servers have
# names (REDIS_HOSTNAME).
if [ -n "${REDIS_SENTINELS:-}" ]; then
    # The server that most of them name: one that was away itself may name a primary that has been replaced since.
    most=$(($(echo "$REDIS_SENTINELS" | wc -w) / 2))
    primary=
    for _ in $(seq 100); do
        primary=$(for sentinel in $REDIS_SENTINELS; do
            timeout 2 redis-cli -h "$sentinel" -p 26379 sentinel get-master-addr-by-name unsticky 2>/dev/null | sed -n 1p
        done | sort | uniq -c | while read -r count name; do [ "$count" -le "$most" ] || echo "$name"; done)
        case $primary in "" | *" "*) ;; *) break ;; esac # an error has several words
        primary=
        sleep 0.3
    done
    if [ -z "$primary" ]; then
        echo "start.sh: most of the sentinels $REDIS_SENTINELS do not answer, or disagree: it is not known which server has the newest data" >&2
        exit 1
    fi
    # shellcheck disable=SC2046 # one argument for each word
    set -- "$@" $(as_peer) ${REDIS_HOSTNAME:+--replica-announce-ip "$REDIS_HOSTNAME"} \
        --user peer on "#$(hash "$peer")" -@all '&*' +psync +replconf +ping +multi +exec +slaveof +subscribe +publish +role +info \
        '+config|rewrite' '+client|setname' '+client|kill' '+script|kill'
    [ "$primary" = "${REDIS_HOSTNAME:-}" ] || hostname -I | grep -qw "$primary" || set -- "$@" --replicaof "$primary" 6379
fi

# The default user is off, and has every right: Redis loads its append-only file as this user, and without rights it leaves out what
# scripts and transactions wrote, up to 8.0 at least (https://github.com/redis/redis/issues/14541).
# The app cannot use KEYS, FLUSHALL, CONFIG or other dangerous commands. sess: is what SESSION_MIGRATE_FROM takes over.
exec redis-server /etc/redis.conf "$@" \
    --user default off '~*' '&*' +@all \
    --user monitor on nopass -@all +ping +info '+cluster|nodes' \
    --user admin on "#$(hash "$admin")" '~*' '&*' +@all \
    --user app on "#$(hash "$password")" '~session:*' '~plain:*' '~sess:*' '&session:*' \
    -@all +@read +@write -@dangerous +eval +evalsha +subscribe +unsubscribe +publish +time +info +ping \
    +wait +role '+cluster|slots' '+cluster|nodes' +asking '+client|setinfo' '+client|setname' +select
