#!/bin/sh
# machine.sh: starts a Docker engine in a container. The host reaches it through a socket, in a folder that only its owner may enter.
set -eu
for folder in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    mount -o remount,bind,rw "$folder" 2>/dev/null || true # not each is a mount
done
# In cgroup v2 a group with processes cannot have child groups with limits: the processes move into a child group.
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /sys/fs/cgroup/machine
    while read -r process; do echo "$process" > /sys/fs/cgroup/machine/cgroup.procs || true; done < /sys/fs/cgroup/cgroup.procs
    sed 's/\([a-z]*\)/+\1/g' /sys/fs/cgroup/cgroup.controllers > /sys/fs/cgroup/cgroup.subtree_control
fi
socket=/run/engines/$(hostname).sock
rm -f "$socket" /var/run/docker.pid
(until [ -S "$socket" ]; do sleep 0.1; done && chmod 666 "$socket") &
exec dockerd --host "unix://$socket" --host unix:///var/run/docker.sock
