-- title: Addresses whose parcel is not there
-- description: Address points without a parcel number, or with one that no parcel has now
-- control: rows = SELECT count(*) FROM address_point AS a WHERE NOT EXISTS (SELECT 1 FROM parcel AS p WHERE p.apn = a.apn)
SELECT a."NGUID" AS nguid, a."Add_Number" AS number, a."St_PreDir" AS direction, a."St_Name" AS street, a."Unit" AS unit, a.apn
FROM address_point AS a
LEFT JOIN parcel AS p ON p.apn = a.apn
WHERE p.apn IS NULL
ORDER BY street, number, unit, nguid
