"""Lists of algorithms, by category as rxssh has them, for paramiko."""

FIELDS = {
    "kex": "kex",
    "hostKey": "key_types",
    "cipher": "ciphers",
    "mac": "digests",
    "compression": "compression",
}


def choose(transport, algorithms):
    """Sets the lists that are given."""
    options = transport.get_security_options()
    for category, names in algorithms.items():
        setattr(options, FIELDS[category], tuple(names))
