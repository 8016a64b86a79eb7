"""Lists of algorithms, by category as rxssh has them, for AsyncSSH."""

FIELDS = {
    "kex": "kex_algs",
    "cipher": "encryption_algs",
    "mac": "mac_algs",
    "compression": "compression_algs",
}


def options_of(algorithms, host_key):
    """The options that the lists are; host_key is what the side calls that of host keys."""
    fields = {**FIELDS, "hostKey": host_key}
    return {fields[category]: names for category, names in algorithms.items()}
