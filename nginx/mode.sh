#!/bin/sh
# mode.sh FILE: writes the limits of NGINX_MODE, with the published port of TLS. In a container nginx's entry point runs it at
# start (nginx/driver/mode.conf includes the file).
set -eu
mode=${NGINX_MODE:-development}
source=/etc/nginx/unsticky/mode/$mode.conf
if [ ! -f "$source" ]; then
    echo "mode.sh: NGINX_MODE must be development or production, not $mode" >&2
    exit 1
fi
sed "s/HTTPS_PORT/${HTTPS_PORT:-8443}/" "$source" > "${1:-/tmp/mode.conf}"
