#!/bin/sh
# certificate.sh [DIR]: makes a development certificate for localhost, DIR/tls.crt and DIR/tls.key, where there is none.
# In a container nginx's entry point runs it at start. Your own certificate goes into DIR under the same names.
set -eu
dir=${1:-/etc/nginx/tls}
[ -s "$dir/tls.crt" ] && [ -s "$dir/tls.key" ] && exit 0
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=localhost" \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null ||
    { echo "certificate.sh: openssl could not write a certificate into $dir" >&2; exit 1; }
