#!/usr/bin/env bash
# A whole Slurm on this machine, for tests: munge, slurmctld and two small nodes on loopback, without cgroups.
#
#     tests/slurm/cluster.sh install            Debian's packages (root)
#     tests/slurm/cluster.sh start FOLDER       all daemons; then: export SLURM_CONF=FOLDER/slurm.conf
#     tests/slurm/cluster.sh kill-node FOLDER n1    as if its plug was pulled
#     tests/slurm/cluster.sh start-node FOLDER n1   power it up again
#     tests/slurm/cluster.sh stop FOLDER
#
# Everything lies in FOLDER (key, sockets, logs, state): nothing of the machine's own Slurm or munge is touched.
# Each node has a host name and process ids of its own (namespaces), so killing its first process kills all of it.
set -euo pipefail

NODES=(n1 n2)
PACKAGES=(munge slurmctld slurmd slurm-client)

missing() { # what cannot be run here, in words; nothing where all is well
    local tool
    [ "$(uname -s)" = Linux ] || echo "not Linux"
    [ "$(id -u)" = 0 ] || echo "not root"
    for tool in munged slurmctld slurmd sbatch unshare; do
        PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || echo "no $tool (tests/slurm/cluster.sh install)"
    done
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "${PACKAGES[@]}" ||
        { apt-get update && apt-get install -y --no-install-recommends "${PACKAGES[@]}"; }
}

configuration() { # of a cluster in folder $1; memory is told, not enforced
    cat <<END
ClusterName=etlgan
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$((PORT))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$1/munge.socket,cred_expire=5
StateSaveLocation=$1/state
SlurmctldPidFile=$1/slurmctld.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdSpoolDir=$1/%n
SlurmdPidFile=$1/%n.pid
SlurmdLogFile=$1/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
KillWait=5
MinJobAge=300
JobRequeue=1
UnkillableStepTimeout=60
END
    local number=0 node
    for node in "${NODES[@]}"; do
        number=$((number + 1))
        echo "NodeName=$node NodeAddr=127.0.0.1 NodeHostname=localhost Port=$((PORT + number)) CPUs=2 RealMemory=4000 State=UNKNOWN"
    done
    echo "PartitionName=cpu Nodes=$(IFS=,; echo "${NODES[*]}") Default=YES MaxTime=INFINITE State=UP PriorityTier=1"
    echo "PartitionName=urgent Nodes=$(IFS=,; echo "${NODES[*]}") MaxTime=INFINITE State=UP PriorityTier=2"
}

wait_for() { # seconds, then a command that must come true
    local left=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "cluster.sh: waited in vain for: $*" >&2; return 1; }
        sleep 0.1
    done
}

start_node() { # folder, name
    mkdir -p "$1/$2"
    # shellcheck disable=SC2016
    unshare --uts --pid --fork --kill-child --mount-proc sh -c 'hostname "$1" && exec slurmd -D -N "$1"' sh "$2" \
        </dev/null >>"$1/$2.out" 2>&1 &
    echo $! >"$1/$2.unshare"
}

kill_node() { # its namespace's first process dies, and the kernel kills the rest of it at once
    local outer
    outer=$(cat "$1/$2.unshare" 2>/dev/null) || return 0
    rm -f "$1/$2.unshare"
    [ "$(cat "/proc/$outer/comm" 2>/dev/null)" = unshare ] || return 0
    kill -KILL "$outer"
    wait_for 10 test ! -d "/proc/$outer"
}

start() {
    local folder=$1 node
    mkdir -p "$folder"/{state,key}
    chmod 0755 "$folder"
    chmod 0700 "$folder/key"
    [ -f "$folder/key/munge.key" ] || (umask 077 && head -c 128 /dev/urandom >"$folder/key/munge.key")
    configuration "$folder" >"$folder/slurm.conf"
    munged --force --socket="$folder/munge.socket" --key-file="$folder/key/munge.key" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/key/munge.seed"
    slurmctld
    for node in "${NODES[@]}"; do start_node "$folder" "$node"; done
    wait_for 60 all_idle
}

all_idle() { [ "$(sinfo --noheader --Node --partition=cpu --states=idle --format=%N | sort -u | wc -l)" = "${#NODES[@]}" ]; }

stop_by() { # pid file, name of the program
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] || return 0
    kill -TERM "$pid"
    wait_for 20 test ! -d "/proc/$pid" || kill -KILL "$pid"
}

stop() {
    local node
    for node in "${NODES[@]}"; do kill_node "$1" "$node"; done
    stop_by "$1/slurmctld.pid" slurmctld
    stop_by "$1/munged.pid" munged
}

export PATH="$PATH:/usr/sbin"
PORT=${ETLGAN_SLURM_PORT:-16817}
case "${1:-}" in
missing) missing ;;
install) install ;;
start | stop | start-node | kill-node)
    FOLDER=$(realpath -m "${2:?which folder}")
    export SLURM_CONF=$FOLDER/slurm.conf
    case $1 in
    start) start "$FOLDER" ;;
    stop) stop "$FOLDER" ;;
    start-node) start_node "$FOLDER" "${3:?which node}" ;;
    kill-node) kill_node "$FOLDER" "${3:?which node}" ;;
    esac
    ;;
*) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
