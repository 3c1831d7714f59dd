#!/usr/bin/env bash
# "Every year on the 15th" comes twelve times a year from two libraries, once from the third.
#
# Versions: python-dateutil 4.0.0, rrule 2.8.1 and ical.js 2.2.1 on npm.
# Behaviour: FREQ=YEARLY;BYMONTHDAY=15 with a start on 15 March. dateutil and rrule.js expand the
#   day over all twelve months (RFC 5545 says "expand" for BYMONTHDAY in a year, and names no
#   month), so the series is monthly. ical.js takes the month of the start and gives one date a
#   year. With BYMONTH=3 beside it all three agree. For a day that is named from the end of the
#   month (-1) it is the same; FREQ=YEARLY alone is once a year everywhere.
# Guess: what the rule leaves out comes from the start, here the month, so it is once a year in
#   every library; at least that libraries for one RFC agree on a rule of two plain parts.
# Seen:
#   FREQ=YEARLY
#     dateutil  2026-03-15 2027-03-15 2028-03-15
#     rrule.js  2026-03-15 2027-03-15 2028-03-15
#     ical.js   2026-03-15 2027-03-15 2028-03-15
#   FREQ=YEARLY;BYMONTHDAY=15
#     dateutil  2026-03-15 2026-04-15 2026-05-15
#     rrule.js  2026-03-15 2026-04-15 2026-05-15
#     ical.js   2026-03-15 2027-03-15 2028-03-15
#   FREQ=YEARLY;BYMONTHDAY=-1
#     dateutil  2026-03-31 2026-04-30 2026-05-31
#     rrule.js  2026-03-31 2026-04-30 2026-05-31
#     ical.js   2026-03-31 2027-03-31 2028-03-31
#   FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=15
#     dateutil  2026-03-15 2027-03-15 2028-03-15
#     rrule.js  2026-03-15 2027-03-15 2028-03-15
#     ical.js   2026-03-15 2027-03-15 2028-03-15
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check python-dateutil==4.0.0
npm install --silent --no-audit --no-fund --prefix "$dir" rrule@2.8.1 ical.js@2.2.1 >/dev/null

cat >"$dir/dates.py" <<'PY'
import sys
from datetime import datetime
from itertools import islice

from dateutil.rrule import rrulestr

series = rrulestr(sys.argv[1], dtstart=datetime(2026, 3, 15))
print("  dateutil ", *(moment.date() for moment in islice(series, 3)))
PY

cat >"$dir/dates.mjs" <<'JS'
import ICAL from "ical.js";
import rrule from "rrule";

const rule = process.argv[2];
const series = rrule.rrulestr(rule, { dtstart: new Date("2026-03-15T00:00:00Z") });
const days = series.all((_, index) => index < 3).map((day) => day.toISOString().slice(0, 10));
console.log("  rrule.js ", ...days);

const iterator = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromString("2026-03-15"));
console.log("  ical.js  ", ...[1, 2, 3].map(() => String(iterator.next())));
JS

cat >"$dir/expected" <<'OUT'
FREQ=YEARLY
  dateutil  2026-03-15 2027-03-15 2028-03-15
  rrule.js  2026-03-15 2027-03-15 2028-03-15
  ical.js   2026-03-15 2027-03-15 2028-03-15
FREQ=YEARLY;BYMONTHDAY=15
  dateutil  2026-03-15 2026-04-15 2026-05-15
  rrule.js  2026-03-15 2026-04-15 2026-05-15
  ical.js   2026-03-15 2027-03-15 2028-03-15
FREQ=YEARLY;BYMONTHDAY=-1
  dateutil  2026-03-31 2026-04-30 2026-05-31
  rrule.js  2026-03-31 2026-04-30 2026-05-31
  ical.js   2026-03-31 2027-03-31 2028-03-31
FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=15
  dateutil  2026-03-15 2027-03-15 2028-03-15
  rrule.js  2026-03-15 2027-03-15 2028-03-15
  ical.js   2026-03-15 2027-03-15 2028-03-15
OUT

for rule in "FREQ=YEARLY" "FREQ=YEARLY;BYMONTHDAY=15" "FREQ=YEARLY;BYMONTHDAY=-1" \
    "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=15"; do
    echo "$rule"
    "$dir/venv/bin/python" "$dir/dates.py" "$rule"
    node "$dir/dates.mjs" "$rule"
done | tee "$dir/actual"
diff "$dir/expected" "$dir/actual"
