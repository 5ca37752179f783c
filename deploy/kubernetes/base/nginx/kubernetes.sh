#!/bin/sh
# kubernetes.sh: writes for nginx how to resolve the replicas, with the DNS server and the domain of this pod, and which proxies are
# trusted to name the visitor's address (X-Forwarded-For). nginx's entry point runs it at start.
set -eu
servers=$(sed -n 's/^nameserver *//p' /etc/resolv.conf | sed 's/^\(.*:.*\)$/[\1]/' | tr '\n' ' ')
domain=$(sed -n 's/^search *//p' /etc/resolv.conf | tr ' ' '\n' | sed -n 1p)
if [ -z "$servers" ] || [ -z "$domain" ]; then
    echo "kubernetes.sh: /etc/resolv.conf has no server or no domain: the pod needs dnsPolicy ClusterFirst" >&2
    exit 1
fi
# The service is headless: one address for each replica that is ready.
sed "s/resolver 127\.0\.0\.11 /resolver $servers/; s/server app:3000 /server app.$domain:3000 /" \
    /etc/nginx/unsticky/upstreams.conf > /tmp/upstreams.conf
{
    for network in ${GATEWAY_NETWORKS:-}; do echo "set_real_ip_from $network;"; done
    echo 'real_ip_header X-Forwarded-For;'
} > /tmp/gateway.conf
