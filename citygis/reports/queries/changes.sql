-- title: Changes of the geodatabase
-- description: What was loaded, edited or taken back from a day on (UTC), newest first
-- parameter: since date = 2000-01-01; the first day
-- control: rows = SELECT count(*) FROM citygis_change WHERE at >= :since
SELECT id AS change, at, effective, author, message, source, counts, accepted, undo_of
FROM citygis_change
WHERE at >= :since
ORDER BY id DESC
