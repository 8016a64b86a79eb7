"""A client of paramiko that checks the host key and logs in as it is told to."""
import paramiko

from paramiko_algorithms import choose


def log_in(options):
    """options: host, port, user, knownHosts (file), and password or identity (file); algorithms (lists by category)."""
    algorithms = options.get("algorithms", {})

    def make_transport(sock, **more):
        transport = paramiko.Transport(sock, **more)
        choose(transport, algorithms)
        return transport

    client = paramiko.SSHClient()
    client.load_host_keys(options["knownHosts"])
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        options["host"],
        port=options["port"],
        username=options["user"],
        password=options.get("password"),
        key_filename=options.get("identity"),
        allow_agent=False,
        look_for_keys=False,
        timeout=20,
        transport_factory=make_transport,
        # it sets this list by itself
        compress="compression" in algorithms,
    )
    return client
