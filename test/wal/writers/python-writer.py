"""Commits numbered transactions with Python's sqlite3; now and then a rollback, a savepoint, a checkpoint."""

import json
import random
import sqlite3
import sys
import time

path, options = sys.argv[1], json.loads(sys.argv[2])
name, timeout = options["id"], options.get("timeout", 5)
chance = random.Random(name)
db = sqlite3.connect(path, timeout=timeout, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
n = busy = 0
end = time.monotonic() + options["milliseconds"] / 1000


def transaction() -> None:
    global n
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (name, "@@%s:%09d@@" % (name, n + 1)))
    db.execute("SAVEPOINT inner_one")
    db.execute("INSERT INTO history VALUES (?, ?, zeroblob(?))", (name, n + 1, chance.randrange(1, 20000)))
    if chance.random() < 0.2:
        db.execute("ROLLBACK TO inner_one")
    db.execute("RELEASE inner_one")
    if chance.random() < 0.1:
        db.execute("DELETE FROM history WHERE rowid IN (SELECT rowid FROM history ORDER BY random() LIMIT 20)")
    if chance.random() < 0.1:
        db.execute("ROLLBACK")
    else:
        db.execute("COMMIT")
        n += 1


while time.monotonic() < end:
    try:
        transaction()
        if chance.random() < 0.01:
            db.execute("PRAGMA wal_checkpoint(%s)" % chance.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"]))
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        busy += 1
        if db.in_transaction:
            db.execute("ROLLBACK")
    time.sleep(0.002)

print(json.dumps({"n": n, "busy": busy}))
db.close()
