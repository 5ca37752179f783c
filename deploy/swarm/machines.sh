#!/bin/sh
# machines.sh up: starts three machines in containers (machines.yml) and makes a Swarm of them, with the images and secrets of stack.yml.
# Then a shell needs: . .unsticky/machines/env
# machines.sh down: removes them.
set -eu
cd "$(dirname "$0")/../.."
MACHINES_DIR=${MACHINES_DIR:-$PWD/.unsticky/machines}
export MACHINES_DIR
machines() { docker compose --file deploy/swarm/machines.yml "$@"; }
on() { # on NUMBER ARGUMENT ...: runs docker on that machine
    machine=$1
    shift
    docker --host "unix://$MACHINES_DIR/machine-$machine.sock" "$@"
}

if [ "${1:-}" = down ]; then
    machines down --volumes --timeout 1
    rm -f "$MACHINES_DIR"/machine-?.sock "$MACHINES_DIR"/tls.??? "$MACHINES_DIR"/env "$MACHINES_DIR"/images.tar
    rmdir "$MACHINES_DIR" 2>/dev/null || true # it was not there
    exit
fi
[ "${1:-}" = up ] || { echo "usage: machines.sh up|down" >&2; exit 2; }
[ ! -e "$MACHINES_DIR/env" ] || { echo "machines.sh: they are up; end them first: sh deploy/swarm/machines.sh down" >&2; exit 1; }

echo "images …"
docker build --quiet --file deploy/Dockerfile --tag "${APP_IMAGE:-unsticky}" . >/dev/null
mkdir -p -m 700 "$MACHINES_DIR"
machines build --quiet
images=$(docker stack config --compose-file deploy/swarm/stack.yml | sed -n 's/^ *image: //p' | sort -u)
for image in $images; do
    docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image"
done

echo "machines …"
machines down --volumes --timeout 1 2>/dev/null || true # what an interrupted start left
machines up --detach --wait --quiet-pull
on 1 swarm init --advertise-addr "${MACHINES_NETWORK:-172.16.178}.11" >/dev/null
token=$(on 1 swarm join-token --quiet manager)
for number in 2 3; do
    on $number swarm join --token "$token" "${MACHINES_NETWORK:-172.16.178}.11:2377" >/dev/null
done
# shellcheck disable=SC2086 # one argument for each image
docker save $images > "$MACHINES_DIR/images.tar"
for number in 1 2 3; do
    on 1 node update --label-add unsticky.redis=$number machine-$number >/dev/null
    on $number load --quiet --input "$MACHINES_DIR/images.tar" >/dev/null &
    loading="${loading:-} $!"
done
for process in $loading; do wait "$process"; done
rm "$MACHINES_DIR/images.tar"

secret() { on 1 secret create "unsticky-$1" - >/dev/null; }
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
printf 'redis://app:%s@redis:6379' "$(random)" | secret redis-url
random | secret session-secrets
sh nginx/certificate.sh "$MACHINES_DIR"
secret tls-crt < "$MACHINES_DIR/tls.crt"
secret tls-key < "$MACHINES_DIR/tls.key"

engines=$(for number in 1 2 3; do printf '%sunix://%s/machine-%s.sock' "${engines:+,}" "$MACHINES_DIR" $number; engines=1; done)
cat > "$MACHINES_DIR/env" <<END
export SWARM_ENGINES='$engines'
export SWARM_FILES=deploy/swarm/stack.yml SWARM_RESOLVE_IMAGE=never NODE_ENV=development
END
echo "next: . .unsticky/machines/env; npx unsticky up --fleet swarm"
