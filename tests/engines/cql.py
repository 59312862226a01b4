"""Runs one CQL statement with a client that is not ours and prints each row as a line of JSON.

Usage: cql.py HOST PORT STATEMENT. Needs Debian's package python3-cassandra.
"""

import json
import sys

from cassandra.cluster import Cluster
from cassandra.query import dict_factory

host, port, statement = sys.argv[1:]
cluster = Cluster([host], port=int(port), protocol_version=4)
try:
    session = cluster.connect()
    session.row_factory = dict_factory
    for row in session.execute(statement, timeout=30):
        print(json.dumps(row, default=lambda value: value.hex() if isinstance(value, bytes) else str(value)))
finally:
    cluster.shutdown()
