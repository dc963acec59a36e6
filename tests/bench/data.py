"""Filled data folders: deals of clients, owned by ten people of whom five are a team. Filled by imports through the
service, the same for the same number of rows."""
import json
import os
import random
import shutil
import sqlite3

from tools import Service

CLIENTS, INDUSTRIES, OWNERS = 10000, 20, 10
COPIED_MAX = 100000
STAGES = ("open", "offered", "won", "lost")
COLUMNS = {
    "client": {"field": "client", "ref": "name"},
    "owner": {"field": "owner", "ref": "name", "create": True},
    "value": {"field": "value", "currency": "EUR"},
}


def write_clients(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("name,industry,country\n")
        for i in range(CLIENTS):
            file.write(f"Client {i},industry {i % INDUSTRIES},GR\n")


def write_deals(path, first, count):
    chance = random.Random(first)
    with open(path, "w", encoding="utf-8") as file:
        file.write("external_id,name,client,owner,stage,value,chance,closes_on,email,source,urgent,notes\n")
        for i in range(first, first + count):
            file.write(
                f"D{i},Deal {i} of the year,Client {chance.randrange(CLIENTS)},owner{chance.randrange(OWNERS)},{STAGES[i % 4]},"
                f"{chance.randrange(100000)}.50,{i % 101},2026-{1 + i % 12:02d}-{1 + i % 28:02d},"
                f"deal{i}@example.com,web,false,A note of some length about deal {i} that someone has written\n")


def fill(folder, rows):
    service = Service(folder).start()
    service.token = service.user("bench", "admin")
    path = folder + ".csv"
    write_clients(path)
    service.import_file("client", path, {})
    write_deals(path, 0, rows)
    print(f"  filling {rows:,} rows …", end="", flush=True)
    took = service.import_file("deal", path, COLUMNS)
    print(f" {rows / took:,.0f} rows/s", flush=True)
    os.remove(path)
    users = {user["name"]: user["id"] for user in service.request("GET", "/api/v1/users?limit=100")["data"]}
    service.request("POST", "/api/v1/roles", {"name": "dealer", "grants": {
        "deal": {"verbs": ["read"], "rows": "team"}, "client": {"verbs": ["read"], "rows": "all"},
        "user": {"verbs": ["read"], "rows": "all"}}})
    reader = service.user("reader", "dealer")
    readers = service.request("GET", "/api/v1/users?filter=name[eq]:%22reader%22")["data"]
    team = [users[f"owner{i}"] for i in range(OWNERS // 2)]
    service.request("POST", "/api/v1/teams", {"name": "team", "members": team + [readers[0]["id"]]})
    known = {"token": service.token, "reader": reader, "team": team}
    with open(folder + ".json", "w", encoding="utf-8") as file:
        json.dump(known, file)
    service.stop()


def filled(work, rows):
    """A service on a folder with so many deals, not started; with `reader` (a token) and `team`. A small folder is a
    copy, so that writes of one measurement do not weigh on the next."""
    folder = os.path.join(work, f"data-{rows}")
    if not os.path.exists(folder + ".json"):
        shutil.rmtree(folder, ignore_errors=True)
        fill(folder, rows)
    with open(folder + ".json", encoding="utf-8") as file:
        known = json.load(file)
    if rows <= COPIED_MAX:
        copy = os.path.join(work, f"copy-{rows}")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.sock"))
        folder = copy
    service = Service(folder)
    service.token, service.reader, service.team = known["token"], known["reader"], known["team"]
    return service


def deal_ids(service, count):
    """Ids spread over all deals."""
    with sqlite3.connect(f"file:{service.folder}/proxenos.db?mode=ro", uri=True) as database:
        least, most = database.execute("select min(rowid), max(rowid) from o_deal").fetchone()
        chance = random.Random(1)
        ids = [database.execute("select id from o_deal where id >= ? limit 1", (chance.randint(least, most),)).fetchone()[0]
               for _ in range(count)]
    return [id_text(number) for number in ids]


def id_text(number):
    text = ""
    for _ in range(13):
        text = "0123456789abcdefghjkmnpqrstvwxyz"[number & 31] + text
        number >>= 5
    return text
