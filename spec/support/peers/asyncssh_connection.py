"""A connection of AsyncSSH that checks the host key and logs in as it is told to."""
import asyncssh


def log_in(options, **more):
    """options: host, port, user, knownHosts (file), and password or identity (file); what else asyncssh.connect takes is in more."""
    if options.get("password") is not None:
        more["password"] = options["password"]
    return asyncssh.connect(
        options["host"],
        options["port"],
        username=options["user"],
        client_keys=[options["identity"]] if options.get("identity") else None,
        known_hosts=options["knownHosts"],
        agent_path=None,
        config=None,
        **more,
    )
