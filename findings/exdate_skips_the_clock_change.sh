#!/usr/bin/env bash
# dateutil: of a series at night, EXDATE takes out any day but the two of the clock change.
#
# Versions: python-dateutil 4.0.0, tzdata 2026.6, Python 3.11.
# Behaviour: a daily series at 02:30 in Berlin, one date excluded by its exact UTC moment. On an
#   ordinary day the date goes. On the day of the repeated hour (25 October 2026) and on that of
#   the missing hour (29 March 2026) it stays. rruleset compares with ==, and Python (PEP 495)
#   never calls two times of different zones equal when one of them lies in a repeated or missing
#   hour, although their difference is zero and both < and > are false. An EXDATE with TZID stays
#   without effect as well, since rrulestr makes its zone from dateutil.tz and the start has one
#   of zoneinfo; with tzids=ZoneInfo it works.
# Guess: two aware datetimes of the same moment are equal, so EXDATE takes either form on any day.
# Seen:
#   EXDATE:20261024T003000Z                          left: 25 26
#   EXDATE:20261025T003000Z                          left: 24 25 26
#   EXDATE:20260329T013000Z                          left: 28 29 30
#   EXDATE:20260330T003000Z                          left: 28 29
#   EXDATE;TZID=Europe/Berlin:20261024T023000        left: 25 26
#   EXDATE;TZID=Europe/Berlin:20261025T023000        left: 24 25 26
#   the same with tzids=ZoneInfo                     left: 24 26
#   berlin - utc, ==, <, >                           0:00:00 False False False
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check \
    python-dateutil==4.0.0 tzdata==2026.6

cat >"$dir/look.py" <<'PY'
import zoneinfo
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

zoneinfo.reset_tzpath(())  # the pinned tzdata, not the system's files
BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN)  # 25 October has 02:30 twice
SPRING = datetime(2026, 3, 28, 2, 30, tzinfo=BERLIN)  # 29 March has no 02:30


def show(label, *values):
    print(f"{label:48}", *values)


def left(start, exdate, label=None, **options):
    series = rrulestr(f"RRULE:FREQ=DAILY;COUNT=3\n{exdate}", dtstart=start, **options)
    show(label or exdate, "left:", *(moment.day for moment in series))


left(AUTUMN, "EXDATE:20261024T003000Z")
left(AUTUMN, "EXDATE:20261025T003000Z")
left(SPRING, "EXDATE:20260329T013000Z")
left(SPRING, "EXDATE:20260330T003000Z")
left(AUTUMN, "EXDATE;TZID=Europe/Berlin:20261024T023000")
left(AUTUMN, "EXDATE;TZID=Europe/Berlin:20261025T023000")
left(AUTUMN, "EXDATE;TZID=Europe/Berlin:20261025T023000", "the same with tzids=ZoneInfo",
     tzids=ZoneInfo)
berlin = AUTUMN.replace(day=25)
utc = berlin.astimezone(timezone.utc)
show("berlin - utc, ==, <, >", berlin - utc, berlin == utc, berlin < utc, berlin > utc)
PY

cat >"$dir/expected" <<'OUT'
EXDATE:20261024T003000Z                          left: 25 26
EXDATE:20261025T003000Z                          left: 24 25 26
EXDATE:20260329T013000Z                          left: 28 29 30
EXDATE:20260330T003000Z                          left: 28 29
EXDATE;TZID=Europe/Berlin:20261024T023000        left: 25 26
EXDATE;TZID=Europe/Berlin:20261025T023000        left: 24 25 26
the same with tzids=ZoneInfo                     left: 24 26
berlin - utc, ==, <, >                           0:00:00 False False False
OUT

"$dir/venv/bin/python" "$dir/look.py" | tee "$dir/actual"
diff "$dir/expected" "$dir/actual"
