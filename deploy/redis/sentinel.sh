#!/bin/sh
# sentinel.sh: starts a sentinel in a container (sentinel.yml, deploy/kubernetes). What it knows of the servers it writes to /data/sentinel.conf, so that
# after a restart of all it still knows which was the primary.
set -eu
umask 077
password=$(sed -n 's|^rediss\{0,1\}://app:\([A-Za-z0-9_.-]\{1,\}\)@.*|\1|p' /run/secrets/redis_url)
peer=$(printf 'peer:%s' "$password" | sha256sum | cut -c 1-64)
if [ ! -f /data/sentinel.conf ]; then
    cat > /data/sentinel.conf <<EOF
port 26379
dir /data
protected-mode no
${REDIS_HOSTNAME:+sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $REDIS_HOSTNAME}
sentinel monitor unsticky $REDIS_PRIMARY 6379 2
sentinel auth-user unsticky peer
sentinel auth-pass unsticky $peer
sentinel down-after-milliseconds unsticky 1000
sentinel failover-timeout unsticky 1000
EOF
fi
# After a restart of a machine in a Swarm, names on the others do not resolve for half a minute. If the sentinel heard of a new primary
# then, it would keep the old address with the new epoch, until the next failover. So it waits, at most a minute, until the name of another
# sentinel resolves: of one, as the others may be away.
others=$(sed -n 's/^sentinel known-sentinel unsticky \([^ ]*\) .*/\1/p' /data/sentinel.conf)
resolves() {
    for name in $others; do
        if getent hosts "$name" >/dev/null; then return 0; fi
    done
    return 1
}
if [ -n "${REDIS_HOSTNAME:-}" ] && [ -n "$others" ]; then
    waited=0
    until resolves || [ $waited = 60 ]; do
        sleep 1
        waited=$((waited + 1))
    done
fi
# The password may have changed since the last start. With the old one it could not watch any server.
sed -i "s/^sentinel auth-pass unsticky .*/sentinel auth-pass unsticky $peer/" /data/sentinel.conf
exec redis-server /data/sentinel.conf --sentinel
