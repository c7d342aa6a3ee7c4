# Reads a configuration from standard input as pg_chameleon reads it, and writes it for a copy of the replica: what it says
# goes to the home's own folders and to nobody else, and each source has the server id that the first argument, a JSON
# object, gives it. A key that is not there stays away: what its lack does is to be seen.
import json
import sys

import yaml

ids = json.loads(sys.argv[1])
configuration = yaml.safe_load(sys.stdin.read())


def replace(where, key, value):
    if key in where:
        where[key] = value


for key, value in {
    "pid_dir": "~/.pg_chameleon/pid/",
    "log_dir": "~/.pg_chameleon/logs/",
    "log_dest": "file",
    "rollbar_key": "",
    "rollbar_env": "",
}.items():
    replace(configuration, key, value)
for name, source in configuration["sources"].items():
    if str(name) in ids:
        replace(source, "my_server_id", ids[str(name)])
    replace(source, "sleep_loop", 1)
json.dump(configuration, sys.stdout, default=str)
