#!/bin/sh
# mode.sh [FILE]: writes the limits of NGINX_MODE, or those that suit NODE_ENV, with the published port of TLS. In a container
# nginx's entry point runs it at start, and nginx/driver/mode.conf includes the file.
set -eu
mode=${NGINX_MODE:-}
if [ -z "$mode" ]; then
    [ "${NODE_ENV:-}" = production ] && mode=production || mode=development
fi
source=/etc/nginx/unsticky/mode/$mode.conf
if [ ! -f "$source" ]; then
    echo "mode.sh: NGINX_MODE must be development or production, not $mode" >&2
    exit 1
fi
sed "s/HTTPS_PORT/${HTTPS_PORT:-8443}/" "$source" > "${1:-/tmp/mode.conf}"
