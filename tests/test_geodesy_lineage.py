"""The note on a map says what a surveyor asks for: frame, epoch, way, accuracy, motion, statement."""

from citygis.geodesy import Frame, Lineage, Velocity, map_note, transform_points


def test_the_note_of_a_capture_states_frame_epoch_accuracy_and_velocity():
    velocity = Velocity(north_mm_yr=10.03, east_mm_yr=-9.33, source="NGS HTDP 3.6.0")
    _, lineage = transform_points(
        -121.276,
        37.822,
        source=Frame("ITRF2014", 2026.0),
        source_crs="EPSG:4326",
        target=Frame("NAD83(2011)", 2010.0),
        target_crs="EPSG:6420",
        velocity=velocity,
        tolerance_ft=0.1,
    )
    note = map_note(lineage)
    for words in ("NAD83(2011) / California zone 3 (ftUS)", "epoch 2010.00", "ITRF2014", "epoch 2026.00", "good to 0.03 ft"):
        assert words in note
    for words in ("+10.03 mm/yr north, -9.33 mm/yr east (NGS HTDP 3.6.0)", "5.69 ft", "PROJ ", "EPSG "):
        assert words in note
    assert "\n" not in note and note.endswith(".")


def test_the_note_of_a_layer_names_the_statement_it_rests_on():
    made = Lineage(
        "projection", "proj=noop", 0.0, "NAD83", "EPSG:6420", (), (), "9.5.1", "v11", "it is really ours", "city.toml", 5.1
    )
    assert "rests on the statement that it is really ours (city.toml)" in map_note(made)
    assert made.source_epoch is None and made.velocity is None and made.moved_ft is None
