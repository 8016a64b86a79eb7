"""A client of paramiko that checks the host key and logs in as it is told to."""
import paramiko


def log_in(options):
    """options: host, port, user, knownHosts (file), and password or identity (file)."""
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
    )
    return client
