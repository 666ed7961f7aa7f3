-- title: Findings that were accepted
-- description: Errors that were loaded in spite of being errors, who accepted them and why; newest first
-- control: rows = SELECT count(*) FROM citygis_accepted WHERE undone_by IS NULL
SELECT change, at, author, code, layer, feature, other, reason
FROM citygis_accepted
WHERE undone_by IS NULL
ORDER BY change DESC, code, feature, other
