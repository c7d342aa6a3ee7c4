# Runs a program of pg_chameleon, its first argument, with three things answered for it that stand between it and the
# servers and accounts of the tests. Nothing else of it is touched.
import os
import runpy
import sys

import pymysql

# 2.0.21 refuses to run as root, and root has no other account that could read everyone's checkout.
if os.geteuid() == 0:
    os.geteuid = lambda: 65534

# MySQL 8.4 has taken these statements away, and answers others with the same rows.
RENAMED = {"SHOW MASTER STATUS": "SHOW BINARY LOG STATUS", "SHOW SLAVE STATUS": "SHOW REPLICA STATUS"}
query = pymysql.connections.Connection.query


def renamed(self, sql, *more, **named):
    if "MariaDB" not in self.get_server_info() and isinstance(sql, str):
        sql = RENAMED.get(sql.strip().rstrip(";").upper(), sql)
    return query(self, sql, *more, **named)


# MySQL 8.0 names the columns of information_schema in capitals, whatever the query calls them; 1.8.2 and its library look
# for them in small letters.
class AnyLetters(dict):
    def __missing__(self, name):
        for other in self:
            if other.lower() == name.lower():
                return self[other]
        raise KeyError(name)


if "LAUNCHED_AS_IT_IS" not in os.environ:
    pymysql.connections.Connection.query = renamed
    pymysql.cursors.DictCursorMixin.dict_type = AnyLetters

# A daemon that has left its process group would outlive the tests.
if "LAUNCHED_IN_THE_FOREGROUND" in os.environ:
    import daemonize

    begin = daemonize.Daemonize.__init__

    def in_the_foreground(self, *more, **named):
        begin(self, *more, **{**named, "foreground": True})

    daemonize.Daemonize.__init__ = in_the_foreground

if sys.argv[1] == "-c":
    code = sys.argv[2]
    sys.argv = sys.argv[1:2] + sys.argv[3:]
    exec(code, {"__name__": "__main__"})
else:
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
