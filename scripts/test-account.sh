#!/bin/sh
# Makes, once, the account that the peers of spec/interop and of the bench log in to: `rxssh-test`, with /bin/sh, which reads no
# start-up file. Needs root. Its password and its key are random, and only root can read them; nothing listens because of it.
# Prints the folder that holds `password`, `key` and `key.pub`.
set -eu

account=rxssh-test
home=/var/lib/rxssh-test

# Two workers may come here at once.
exec 9>/run/lock/rxssh-test
flock -w 60 9

if ! id "$account" >/dev/null 2>&1; then
  useradd --system --no-create-home --home-dir "$home" --shell /bin/sh "$account"
fi
if ! [ -f "$home/done" ]; then
  rm -rf "$home"
  # Owned by root: what runs under the account cannot change who may log in.
  mkdir -m 755 "$home" "$home/.ssh"
  (
    umask 077
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$home/password"
    ssh-keygen -q -t ed25519 -N '' -C rxssh-test -f "$home/key"
  )
  cp "$home/key.pub" "$home/.ssh/authorized_keys"
  chmod 644 "$home/.ssh/authorized_keys"
  printf '%s:%s\n' "$account" "$(cat "$home/password")" | chpasswd
  touch "$home/done"
fi
echo "$home"
