#!/usr/bin/env bash
# The pipeline of the inventory against a real PostgreSQL and a real sshd: what
# is in the lake and the twin is what psql says is in the table.
. tests/tap.sh
. tests/servers/postgres.sh
. tests/servers/sftp.sh

unset INVENTORY_URL
psql() { command psql -X -q "$@"; }
raw() { dl-lake-read raw; }
run() { pipelines/inventory/run "$@"; }
export SPEC=psql.yaml

postgres_start || { tap fail 'PostgreSQL starts'; done_testing; exit; }
psql -f pipelines/inventory/sample.sql

# What the table holds, as PostgreSQL's own JSON has it.
table() {
	psql -A -t -c "SELECT json_build_object(
	    'warehouse', warehouse, 'article', article,
	    'description', coalesce(description, ''), 'quantity', quantity,
	    'unit_price', unit_price, 'counted_at', to_char(
	    counted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))
	    FROM stock" | jq -c -S . | sort
}
lake() { raw | jq -c -S .data | sort; }
twin() {
	dl-twin-get --json | jq -r 'select(.metric == "quantity")
	    | "\(.component) \(.value)"' | sort
}
counted() {
	psql -A -t -c "SELECT warehouse || '/' || article || ' ' || quantity
	    FROM stock WHERE quantity >= 0" | sort
}

status 0 'a run that asks the database' run
is "$(cat "$T/err")" '' '... says nothing'
is "$(lake | wc -l)" 600 '... brings its 600 rows'
is "$(diff <(lake) <(table) | head -5)" '' '... as PostgreSQL has them'
is "$(diff <(twin) <(counted) | head -5)" '' '... and the twin has the counts'
is "$(raw | grep -o '"unit_price":[^,]*' | grep -v null | sort)" \
	"$(psql -A -t -c 'SELECT unit_price FROM stock
	    WHERE unit_price IS NOT NULL' | sed 's/^/"unit_price":/' | sort)" \
	'... with the digits of its prices'
is "$(raw | jq -r .dlorigin | uniq)" exec:psql '... from psql'
is "$(dl-lake-read clean | wc -l)" 599 '... of which one is a mistake'
is "$(dl-lake-read clean | jq -s 'map(.data.value_cents) | add')" \
	"$(psql -A -t -c 'SELECT sum(quantity * unit_price * 100)::bigint
	    FROM stock WHERE quantity >= 0')" '... and their worth is right'

status 0 'again' run
is "$(raw | wc -l)" 600 '... nothing is new'
psql -c "UPDATE stock SET quantity = quantity + 1000,
    counted_at = counted_at + interval '1 day' WHERE article < '00500'"
changed=$(psql -A -t -c "SELECT count(*) FROM stock WHERE article < '00500'")
status 0 'a night later' run
is "$(raw | wc -l)" "$((600 + changed))" "... $changed rows have changed"
is "$(diff <(twin) <(counted) | head -5)" '' '... and the twin follows'

# A query that fails: nothing of it counts.
psql -c "UPDATE stock SET quantity = 0, counted_at = counted_at + interval '2 days'"
psql -c 'ALTER TABLE stock RENAME TO stocks'
psql -c "CREATE VIEW stock AS SELECT warehouse, article, description,
    quantity / (CASE WHEN article = '22200' THEN 0 ELSE 1 END) AS quantity,
    unit_price, counted_at FROM stocks"
before=$(cat "$DL_HOME/commits/source.inventory")
sed -e 's/^timeout:.*/retries: 0/' pipelines/inventory/psql.yaml >"$T/psql.yaml"
SPEC=$T/psql.yaml status 75 'a query that fails' run
like "$(cat "$T/err")" 'exec:psql: exited with status 1' '... is told'
like "$(cat "$T/err")" 'division by zero' '... as is why'
is "$(cat "$DL_HOME/commits/source.inventory")" "$before" \
	'... and its position stays'
psql -c 'DROP VIEW stock'
psql -c 'ALTER TABLE stocks RENAME TO stock'
status 0 'mended' run
is "$(raw | wc -l)" "$((1200 + changed))" '... each row is there once'
is "$(diff <(twin) <(counted) | head -5)" '' '... and the twin has them'

# The same table as a file, by SFTP, into a home of its own.
sftp_start || { tap fail 'sshd starts'; done_testing; exit; }
mkdir -p "$T/me/.ssh"
cp "$T/sftp/key" "$T/me/.ssh/id_ed25519"
cp "$T/sftp/key.pub" "$T/me/.ssh/id_ed25519.pub"
cp "$T/sftp/known" "$T/me/.ssh/known_hosts"
psql --csv -c "SELECT warehouse, article, description, quantity, unit_price,
    to_char(counted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
    AS counted_at FROM stock" >"$T/stock.csv"
raw | jq -r .id | sort >"$T/ids"
export SPEC=source.yaml HOME=$T/me DL_HOME=$T/other
export INVENTORY_URL=sftp://$sftp_user@127.0.0.1:$sftp_port$T/stock.csv
status 0 'a run that fetches the file by SFTP' run
is "$(lake | wc -l)" 600 '... brings its 600 rows'
is "$(diff <(lake) <(table) | head -5)" '' '... as PostgreSQL has them'
is "$(raw | jq -r .dlorigin | uniq)" \
	"sftp://127.0.0.1:$sftp_port$T/stock.csv" '... from there, without the user'
is "$(raw | jq -r .id | sort | comm -23 - "$T/ids" | wc -l)" 0 \
	'... under the ids that they had from psql'
status 0 'again' run
is "$(raw | wc -l)" 600 '... nothing is new'

postgres_stop
SPEC=$T/psql.yaml DL_HOME=$T/home status 75 'a database that is gone' run
like "$(cat "$T/err")" 'exec:psql: exited with status 2' '... is told'

done_testing
