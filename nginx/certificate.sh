#!/bin/sh
# certificate.sh [DIR]: makes a development certificate for localhost, DIR/tls.crt and DIR/tls.key, where there is none.
# In a container nginx's entry point runs it at start. With TLS_DIR set the certificate is yours, and nothing is made.
set -eu
dir=${1:-/etc/nginx/tls}

fail() {
    echo "certificate.sh: $*" >&2
    exit 1
}

if [ -s "$dir/tls.crt" ] && [ -s "$dir/tls.key" ]; then
    [ -r "$dir/tls.key" ] || fail "user $(id -u) may not read $dir/tls.key: make it readable, or run nginx as its owner, such as NGINX_USER=1000:1000"
    exit 0
fi
[ -z "${TLS_DIR:-}" ] || fail "TLS_DIR=$TLS_DIR must hold both tls.crt and tls.key"
[ ! -e "$dir/tls.crt" ] && [ ! -e "$dir/tls.key" ] || fail "$dir holds only one of tls.crt and tls.key: add the other, or remove it"
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=localhost" \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null ||
    fail "openssl could not write a certificate into $dir"
