-- A stock of 600 articles in three warehouses, the same every time: names with
-- commas, quotes, umlauts and newlines, fields that are empty, a mistake.
CREATE TABLE stock (
  warehouse text NOT NULL,
  article text NOT NULL,
  description text,
  quantity integer NOT NULL,
  unit_price numeric(10, 2),
  counted_at timestamptz NOT NULL,
  PRIMARY KEY (warehouse, article)
);
INSERT INTO stock
SELECT
  (ARRAY['Basel', 'Köln', 'Łódź'])[1 + n % 3],
  lpad((n * 37 % 100000)::text, 5, '0'),
  (ARRAY['Bremsbelag "K"', 'Schraube M8, verzinkt', 'Öl (5 l)',
    E'Dichtung\nfür Tür 2', NULL, 'washer, 3/8" x 1"', ' spaced ',
    'Łożysko'])[1 + n % 8],
  CASE WHEN n = 77 THEN -4 ELSE n * n % 1000 END,
  CASE WHEN n % 11 = 0 THEN NULL ELSE (n * 7919 % 100000) / 100.0 END,
  timestamptz '2026-01-31 22:00:00+00' + n * interval '7 seconds'
FROM generate_series(1, 600) AS n;
