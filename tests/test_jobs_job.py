"""Job files: what is refused before anything runs, and how it is said."""

import pytest
from job_city import JOB
from store_city import make_city

from citygis.city import default_city
from citygis.errors import ReadError, SettingsError
from citygis.jobs import find_job, read_job
from citygis.jobs.inputs import outside_inputs


def refused(tmp_path, text):
    path = tmp_path / "job.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as told:
        read_job(path)
    return str(told.value)


def changed(old, new):
    assert old in JOB
    return JOB.replace(old, new, 1)


def test_the_steps_of_a_job_are_in_its_order(tmp_path):
    (tmp_path / "job.toml").write_text(JOB)
    job = read_job(tmp_path / "job.toml")
    kinds = ["read", "convert", "validate", "compare", "load", "analyse", "report"]
    assert [step.kind for step in job.steps] == kinds and job.steps[3].max_shrink == 0.1


def test_an_unknown_key_names_file_step_and_what_was_meant(tmp_path):
    said = refused(tmp_path, changed("accept =", "acept ="))
    assert "job.toml: step 4 (changes)" in said and "did you mean `accept`?" in said


def test_an_unknown_kind_says_which_was_meant(tmp_path):
    assert "did you mean 'compare'?" in refused(tmp_path, changed('kind = "compare"', 'kind = "compair"'))


def test_an_unknown_reference_says_which_was_meant(tmp_path):
    assert "there is no 'parcells'; did you mean 'parcels'?" in refused(tmp_path, changed('from = "parcels"', 'from = "parcells"'))


def test_a_step_cannot_take_from_one_after_it(tmp_path):
    text = changed('kind = "validate"\nfrom = "parcels"', 'kind = "validate"\nfrom = "later"')
    assert "comes after it" in refused(tmp_path, text + LATER)


LATER = '[[step]]\nid = "later"\nkind = "convert"\nfrom = "sent"\nto = "parcel"\n'


def test_steps_that_wait_for_each_other_are_named(tmp_path):
    text = 'name = "j"\n' + "".join(
        f'[[step]]\nid = "{one}"\nkind = "repair"\nfrom = "{other}"\n' for one, other in (("a", "b"), ("b", "a"))
    )
    assert "a takes from b takes from a" in refused(tmp_path, text)


def test_a_step_cannot_take_from_itself(tmp_path):
    assert "parcels takes from parcels" in refused(tmp_path, changed('from = "sent"', 'from = "parcels"'))


def test_a_kind_takes_only_from_the_kinds_it_can(tmp_path):
    assert "(load) takes from convert or repair or compare, not from 'sent' (read)" in refused(
        tmp_path, changed('from = "changes"', 'from = "sent"')
    )


def test_two_steps_of_one_name_are_refused(tmp_path):
    assert "two steps are called 'sent'" in refused(tmp_path, changed('id = "parcels"', 'id = "sent"'))


def test_a_name_that_would_leave_the_folder_is_no_name(tmp_path):
    assert "step" in refused(tmp_path, changed('id = "sent"', 'id = "../sent"'))
    assert "`name`" in refused(tmp_path, changed('name = "refresh"', 'name = "a/b"'))


def test_an_acceptance_needs_its_reason(tmp_path):
    assert "T01 has no reason" in refused(tmp_path, changed("[inputs]", '[accept]\nT01 = " "\n[inputs]'))


def test_a_change_that_nobody_can_tell_apart_is_not_accepted_by_policy(tmp_path):
    assert "accept" in refused(tmp_path, changed('["attribute", "split"]', '["ambiguous"]'))


@pytest.mark.parametrize(
    "address",
    ["https://ann:hunter22@gis.example/0", "https://gis.example/0?token=hunter22", "https://gis.example/0?f=json&API_KEY=hunter22"],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(tmp_path, address):
    said = refused(tmp_path, changed("../deliveries/county_*.gpkg", address))
    assert "inputs.county" in said and "hunter22" not in said


def test_a_job_is_found_by_its_name(tmp_path):
    city = make_city(tmp_path / "city")
    (city.folder / "jobs").mkdir()
    (city.folder / "jobs" / "refresh.toml").write_text(JOB)
    assert find_job("refresh", city) == city.folder / "jobs" / "refresh.toml"
    with pytest.raises(SettingsError, match="There are: refresh"):
        find_job("refersh", city)
    with pytest.raises(SettingsError, match="no City folder"):
        find_job("refresh", default_city())


# --- inputs ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path):
    city = make_city(tmp_path / "city")
    for name in ("deliveries", "jobs"):
        (city.folder / name).mkdir()
    (tmp_path / "outside.gpkg").write_bytes(b"there")
    return city


def inputs_of(city, file, inputs=""):
    path = city.folder / "jobs" / "job.toml"
    path.write_text(f'name = "job"\n{inputs}\n[[step]]\nid = "sent"\nkind = "read"\nfile = "{file}"\n')
    return outside_inputs(read_job(path), city)


def test_a_path_out_of_the_citys_folder_is_refused_unless_it_is_named_in_full(office, tmp_path):
    with pytest.raises(SettingsError, match="leads out of the City's folder"):
        inputs_of(office, "../../outside.gpkg")
    with pytest.raises(SettingsError, match="leads out of the City's folder"):
        inputs_of(office, "given", '[inputs]\ngiven = "../../outside.gpkg"')
    outside = tmp_path / "outside.gpkg"
    with pytest.raises(SettingsError, match="absolute path"):
        inputs_of(office, outside)
    assert inputs_of(office, "given", f'[inputs]\ngiven = "{outside}"')["given"].path == outside


def test_a_link_out_of_the_citys_folder_is_refused(office, tmp_path):
    (office.folder / "deliveries" / "in.gpkg").symlink_to(tmp_path / "outside.gpkg")
    with pytest.raises(SettingsError, match="leads out"):
        inputs_of(office, "../deliveries/in.gpkg")


def test_the_newest_file_of_a_pattern_counts(office):
    import os

    for name, when in (("b.gpkg", 1_000), ("a.gpkg", 2_000)):
        (office.folder / "deliveries" / name).write_bytes(b"x")
        os.utime(office.folder / "deliveries" / name, (when, when))
    given = inputs_of(office, "county", '[inputs]\ncounty = "../deliveries/*.gpkg"')
    assert given["county"].path.name == "a.gpkg"


def test_a_file_that_is_not_there_is_told_before_anything_runs(office):
    with pytest.raises(ReadError, match=r"gone\.gpkg is not there"):
        inputs_of(office, "../deliveries/gone.gpkg")
    with pytest.raises(ReadError, match="No file fits"):
        inputs_of(office, "county", '[inputs]\ncounty = "../deliveries/county_*.zip"')


def test_an_address_must_be_named_among_the_inputs(office):
    address = "https://gis.example/FeatureServer/0"
    assert inputs_of(office, "county", f'[inputs]\ncounty = "{address}"')["county"].address == address
    with pytest.raises(SettingsError, match=r"must be named in \[inputs\]"):
        inputs_of(office, address)


def test_a_chain_of_two_thousand_steps_that_each_take_from_two_is_looked_through(tmp_path):
    chain = "".join(f'[[step]]\nid = "s{i}"\nkind = "repair"\nfrom = ["s{i - 1}", "s{max(i - 2, 0)}"]\n' for i in range(1, 2000))
    assert "takes from convert" in refused(tmp_path, 'name = "x"\n[[step]]\nid = "s0"\nkind = "read"\nfile = "a.zip"\n' + chain)


def test_a_kind_that_is_no_text_is_refused(tmp_path):
    assert "there is no kind" in refused(tmp_path, 'name = "x"\n[[step]]\nid = "a"\nkind = {a = 1}\n')
