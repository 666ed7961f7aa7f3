-- title: Parcels by kind
-- description: Number and land of the parcels that hold now
-- total: parcels
-- control: parcels = SELECT count(*) FROM parcel
-- control: acres = SELECT sum(calc_area_sqft) / 43560.0 FROM parcel
SELECT parcel_kind AS kind, count(*) AS parcels, sum(calc_area_sqft) / 43560.0 AS acres, sum(calc_area_sqft) / count(*) AS mean_sqft
FROM parcel
GROUP BY parcel_kind
ORDER BY parcel_kind
