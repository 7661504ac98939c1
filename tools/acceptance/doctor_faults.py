"""The faults that operators meet, each planted by what causes it."""

from __future__ import annotations

from tools.acceptance.doctor_fault import (
    Fault,
    added,
    each,
    edited,
    new_disk,
    replaced,
    stopped,
    told,
    typed,
)

_HOURS_PASS = typed(
    "storage1",
    "for builder in /etc/swift/*.builder; do "
    "swiftlite-ring-builder $builder pretend_min_part_hours_passed; done",
)
_TARGETS = "swiftlite-account.target swiftlite-container.target swiftlite-object.target"
_STARTED_READ_ONLY = (
    f"systemctl stop {_TARGETS} rsync && for _ in $(seq 100); do "
    "mount -o remount,ro /srv/node/sdb1 && break; sleep 0.1; done; "
    f"systemctl start {_TARGETS} rsync"
)
_SAMPLES = "/usr/share/swiftlite"
_OLD_RING = (
    "ring=$(ssh storage1 'ls /etc/swift/backups/*.object.ring.gz | head -1') && "
    "scp -q storage1:$ring /etc/swift/object.ring.gz"
)
_STRAY = "printf '[Service]\\nExecStart=python3 -m http.server 6201\\n' "
_ROTTEN = (
    "file=$(find /srv/node/sdb1/objects -name '*.data' -size +0 | head -1) && "
    "printf rot | dd of=$file conv=notrunc status=none && "
    "runuser -u swift -- swiftlite-object-auditor /etc/swift/object-server.conf --once && "
    "ls /srv/node/sdb1/quarantined/objects"
)
_ROTTEN_DATABASE = (
    "file=$(find /srv/node/sd?1/containers -name '*.db' | head -1) && "
    "head -c 4096 /dev/urandom | dd of=$file conv=notrunc status=none && "
    "runuser -u swift -- swiftlite-container-auditor /etc/swift/container-server.conf --once; "
    "ls /srv/node/sd?1/quarantined/containers"
)
_OTHERS = ("storage2", "storage3", "storage4")
_MISSED = "for number in $(seq 30); do store PUT /photos/missed-$number -d missed; done"
_OLD_PENDINGS = (
    "find /srv/node/sd?1/async_pending -type f | grep -q . && "
    "find /srv/node/sd?1/async_pending -type f -exec touch -d '3 hours ago' {} +"
)

FAULTS = (
    # What is written down
    Fault(
        "swift-conf-unusable", "swift.conf is gone", "storage3",
        typed("storage3", "rm /etc/swift/swift.conf"),
    ),
    Fault(
        "conf-unreadable", "a line in a conf that is no option", "storage2",
        added("storage2", "object", "DEFAULT", "ask Bob about this"),
    ),
    Fault(
        "conf-unreadable", "an option stands twice", "storage3",
        typed("storage3", "sed -i '/^bind_port/p' /etc/swift/account-server.conf"),
    ),
    Fault(
        "option-wrong", "a daemon's option that is no number", "storage3",
        added("storage3", "object", "object-updater", "concurrency = lots"),
    ),
    Fault(
        "option-misspelled", "a misspelled option of a daemon", "storage2",
        added("storage2", "object", "object-auditor", "intervall = 60"),
    ),
    Fault(
        "option-misspelled", "a misspelled option of the proxy", "proxy1",
        added("proxy1", "proxy", "DEFAULT", "client_timout = 30"),
    ),
    Fault(
        "port-twice", "two servers at one port", "storage2",
        edited("storage2", "account", "^bind_port = 6202", "bind_port = 6201"),
    ),
    Fault(
        "known-passwords", "a sample's password, open to all", "proxy1",
        added("proxy1", "proxy", "filter:tempauth", "user_admin_admin = admin .admin"),
    ),
    Fault(
        "not-readable", "swift.conf readable for root only", "storage2",
        typed("storage2", "chmod 600 /etc/swift/swift.conf"), "swift.conf",
    ),
    Fault(
        "not-readable", "a ring readable for root only", "storage3",
        typed("storage3", "chmod 600 /etc/swift/object.ring.gz"), "object.ring.gz",
    ),
    Fault(
        "wrong-address", "a server that listens on loopback only", "storage2",
        replaced("storage2", "container", "^bind_ip = .*", "bind_ip = 127.0.0.1"),
    ),
    Fault(
        "wrong-port", "a server at another port than the ring's", "storage3",
        replaced("storage3", "object", "^bind_port = 6200", "bind_port = 6300"),
    ),
    Fault(
        "not-in-the-ring", "a conf that came with the package, left on a proxy", "proxy1",
        typed("proxy1", f"cp {_SAMPLES}/object-server.conf-sample /etc/swift/object-server.conf"),
    ),
    Fault(
        "no-such-user", "a user that there is not", "storage3",
        added("storage3", "account", "DEFAULT", "user = swfit"),
    ),
    Fault(
        "devices-elsewhere", "the wrong directory of devices", "storage2",
        added("storage2", "container", "DEFAULT", "devices = /srv/nodes"),
    ),
    Fault(
        "mounts-unchecked", "mount_check switched off where disks are mounted", "storage3",
        added("storage3", "object", "DEFAULT", "mount_check = false"),
    ),
    # Rings
    Fault(
        "ring-missing", "a ring is gone", "storage2",
        typed("storage2", "rm /etc/swift/container.ring.gz"),
    ),
    Fault(
        "ring-damaged", "a ring is cut short", "storage3",
        typed("storage3", "truncate -s 400 /etc/swift/object.ring.gz"),
    ),
    Fault(
        "ring-differs", "an old ring on another node", "storage1",
        typed("storage2", _OLD_RING), "192.0.2.12", whole=True,
    ),
    Fault(
        "ring-differs", "an old ring on this node", "storage2",
        typed("storage2", _OLD_RING), "/etc/swift", whole=True,
    ),
    Fault(
        "ring-not-written", "a builder changed, and no ring made of it", "storage1",
        each(_HOURS_PASS, typed(
            "storage1", "swiftlite-ring-builder /etc/swift/object.builder set_weight "
            "192.0.2.11/sdb1 110 && touch -d '+2 minutes' /etc/swift/object.builder",
        )),
    ),
    Fault(
        "device-in-no-ring", "a new disk that was never added, where the builders are", "storage1",
        each(_HOURS_PASS, new_disk("storage1", "sdd1"), typed(
            "storage1", "echo '/dev/sdd1 /srv/node/sdd1 xfs noatime,nofail 0 0' >>/etc/fstab",
        )),
    ),
    Fault(
        "ring-differs", "a proxy that was given no new ring", "proxy1",
        lambda centre: None, "/etc/swift", whole=True,  # left by the two before
    ),
    Fault(
        "swift-conf-differs", "another swift.conf on one node", "storage1",
        typed(
            "storage4", "printf '[swift-constraints]\\nmax_file_size = 1000000\\n' "
            ">>/etc/swift/swift.conf && systemctl restart swiftlite-object-server",
        ),
        "192.0.2.14", whole=True,
    ),
    # Devices
    Fault(
        "device-missing", "a mount point that was removed", "storage2",
        typed("storage2", "umount -l /srv/node/sdb1 && rmdir /srv/node/sdb1"), "sdb1",
    ),
    Fault(
        "device-unmounted", "a disk that is not mounted", "storage3",
        typed("storage3", "umount -l /srv/node/sdc1"), "sdc1",
    ),
    Fault(
        "device-unmounted", "a disk that is not mounted on another node", "storage1",
        typed("storage4", "umount -l /srv/node/sdb1"), "192.0.2.14/sdb1", whole=True,
    ),
    Fault(
        "not-in-fstab", "a disk that was mounted by hand", "storage2",
        typed("storage2", "sed -i /sdc1/d /etc/fstab && systemctl daemon-reload"), "sdc1",
    ),
    Fault(
        "device-in-no-ring", "a disk of nobody's", "storage3", new_disk("storage3", "sdd1"), "sdd1",
    ),
    Fault(
        "wrong-owner", "files that root has copied", "storage2",
        typed("storage2", "chown -R root: /srv/node/sdb1/objects"), "sdb1",
    ),
    Fault(
        "read-only", "a disk that is mounted read-only", "storage3",
        typed("storage3", _STARTED_READ_ONLY), "sdb1",
    ),
    Fault(
        "read-only-to-some", "a disk that was remounted by hand", "storage2",
        typed("storage2", f"{_STARTED_READ_ONLY} && mount -o remount,rw /srv/node/sdb1"), "sdb1",
    ),
    Fault(
        "quarantined", "a rotten object", "storage2", typed("storage2", _ROTTEN), "objects",
    ),
    Fault(
        "quarantined", "a rotten container database", "storage3",
        typed("storage3", _ROTTEN_DATABASE), "containers",
    ),
    Fault(
        "async-pendings", "container updates that wait for hours", "storage1",
        each(
            stopped("storage1", "swiftlite-object-updater"),
            *(stopped(node, "swiftlite-container-server") for node in _OTHERS),
            typed("balancer", _MISSED),
            # It would bring them, as it remembers them; now they wait for the updater.
            typed("storage1", "systemctl restart swiftlite-object-server"),
            *(typed(node, "systemctl start swiftlite-container-server") for node in _OTHERS),
            typed("storage1", _OLD_PENDINGS),
        ),
    ),
    # What runs
    Fault(
        "not-running", "a server that is down", "storage2",
        stopped("storage2", "swiftlite-object-server"),
    ),
    Fault(
        "not-running", "a proxy that is down", "proxy1",
        stopped("proxy1", "swiftlite-proxy-server"),
    ),
    Fault(
        "node-unreachable", "a server that is down on another node", "storage1",
        stopped("storage3", "swiftlite-object-server"), "192.0.2.13", whole=True,
    ),
    Fault(
        "daemon-not-running", "a daemon that is down", "storage3",
        stopped("storage3", "swiftlite-container-updater"),
    ),
    Fault(
        "not-answering", "a server that hangs", "storage2",
        typed("storage2", "systemctl kill --signal STOP swiftlite-account-server"),
    ),
    Fault(
        "port-taken", "another program at a server's port", "storage3",
        typed(
            "storage3", "systemctl stop swiftlite-container-server; "
            "(setsid python3 -m http.server 6201 >/dev/null 2>&1 &) ; sleep 2",
        ),
    ),
    Fault(
        "port-taken", "another service at a server's port", "storage2",
        typed(
            "storage2", f"systemctl stop swiftlite-container-server; {_STRAY} "
            ">/etc/systemd/system/stray.service && systemctl daemon-reload && "
            "systemctl start stray && sleep 2",
        ),
    ),
    Fault(
        "proxy-disabled", "a proxy that was switched off and forgotten", "proxy1",
        typed("proxy1", "touch /etc/swift/disabled"),
    ),
    Fault(
        "not-enabled", "servers that will not start with the machine", "storage2",
        typed("storage2", "systemctl disable swiftlite-object.target"),
    ),
    Fault(
        "few-descriptors", "a server that may open few files", "storage2",
        typed(
            "storage2", "folder=/etc/systemd/system/swiftlite-object-server.service.d && "
            "mkdir $folder && printf '[Service]\\nLimitNOFILE=1024\\n' >$folder/few.conf && "
            "systemctl daemon-reload && systemctl restart swiftlite-object-server",
        ),
    ),
    Fault(
        "replication-old", "a replicator that hangs since two days", "storage2",
        each(
            typed("storage2", "systemctl kill --signal STOP swiftlite-account-replicator"),
            told("storage2", "account", "replication_last", 2 * 86_400),
        ),
    ),
    Fault(
        "replication-old", "a replicator that hangs on another node", "storage1",
        each(
            typed("storage4", "systemctl kill --signal STOP swiftlite-container-replicator"),
            told("storage4", "container", "replication_last", 2 * 86_400),
        ),
        "192.0.2.14", whole=True,
    ),
    # What they lean on
    Fault(
        "rsync-not-running", "the rsync daemon is down", "storage3", stopped("storage3", "rsync"),
    ),
    Fault(
        "rsync-not-running", "the rsync daemon listens on loopback only", "storage2",
        typed(
            "storage2", "sed -i 's/^address = .*/address = 127.0.0.1/' /etc/rsyncd.conf && "
            "systemctl restart rsync",
        ),
    ),
    Fault(
        "rsync-without-module", "an rsync daemon without our module", "storage4",
        typed("storage4", "sed -i '/^.object/,$d' /etc/rsyncd.conf"),
    ),
    Fault(
        "replication-fails", "an rsync daemon that is down on another node", "storage1",
        each(
            # With a limit everything goes by rsync, and not a few objects by SSYNC.
            *(
                added(node, "object", "object-replicator", "rsync_bwlimit = 100000")
                for node in ("storage1", "storage3", "storage4")
            ),
            stopped("storage2", "rsync"),
            typed("storage2", "rm -rf /srv/node/sd?1/objects"),
            *(
                typed(node, "systemctl restart swiftlite-object-replicator")
                for node in ("storage3", "storage4", "storage1")
            ),
        ),
        within_s=150,
    ),
    Fault(
        "replication-fails", "an object server that is down on another node", "storage3",
        each(
            stopped("storage4", "swiftlite-object-server"),
            typed("storage3", "systemctl restart swiftlite-object-replicator"),
        ),
        within_s=150,
    ),
    Fault(
        "replication-fails", "a container server that is down on another node", "storage2",
        each(
            stopped("storage1", "swiftlite-container-server"),
            typed("storage2", "systemctl restart swiftlite-container-replicator"),
        ),
        within_s=150,
    ),
    Fault(
        "memcached-unreachable", "memcached is down", "proxy1", stopped("proxy1", "memcached"),
    ),
    Fault(
        "no-recon-cache", "the recon cache is gone", "storage3",
        typed("storage3", "rm -r /var/cache/swift"),
    ),
    Fault(
        "recon-cache-unwritable", "a recon cache that root has written", "storage2",
        typed(
            "storage2", "rm /var/cache/swift/object.recon* && "
            "swiftlite-recon-cron /etc/swift/object-server.conf",
        ),
    ),
    Fault(
        "recon-cron-silent", "nobody counts what waits", "storage2",
        each(
            stopped("storage2", "swiftlite-recon-cron.timer swiftlite-recon-cron.service"),
            told("storage2", "object", "async_pending_last", 7200),
        ),
    ),
    Fault(
        "no-recon", "a server without the recon filter", "storage1",
        replaced("storage3", "container", r"^\(pipeline = .*\)recon \(.*\)$", r"\1\2"),
        "192.0.2.13", whole=True,
    ),
    Fault(
        "log-directory-missing", "a log in a directory that there is not", "storage3",
        added("storage3", "object", "DEFAULT", "log_file = /var/log/objects/server.log"),
    ),
    Fault(
        "attributes-small", "a disk with a file system that keeps small attributes", "storage4",
        typed(
            "storage4", f"systemctl stop {_TARGETS} && "
            # What has just been stopped lets go of it in a moment.
            "for _ in $(seq 100); do umount /srv/node/sdc1 && break; sleep 0.1; done; "
            "for _ in $(seq 100); do mkfs.ext4 -q -F /dev/sdc1 && break; sleep 0.1; done; "
            "sed -i '/sdc1/s/xfs/ext4/' /etc/fstab && systemctl daemon-reload && "
            "mount /srv/node/sdc1 && chown swift: /srv/node/sdc1 && "
            f"systemctl start {_TARGETS}",
        ),
        "sdc1", within_s=120,
    ),
)  # fmt: skip
