-- title: Land that the City owns
-- description: Parcels marked as the City's own, largest first
-- parameter: least_acres number = 0; smaller parcels are left out
-- total: acres
-- control: rows = SELECT count(*) FROM parcel WHERE city_owned AND calc_area_sqft / 43560.0 >= :least_acres
SELECT apn, apn_display, situs_text AS address, use_code, zoning_code, calc_area_sqft / 43560.0 AS acres
FROM parcel
WHERE city_owned AND calc_area_sqft / 43560.0 >= :least_acres
ORDER BY calc_area_sqft DESC, apn
