"""`citygis sync` from the command line, against a rehearsal server."""

import json
import logging
import signal
import subprocess
import sys
import tomllib

import pytest
import rehearsed_city
import store_city
import sync_city
from click.testing import CliRunner
from conftest import ROOT
from rehearsal_parcels import require_arcgis

from citygis.cli import main
from citygis.gpkg import read_geopackage, write_geopackage
from citygis.schema import schema

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A City with its parcels in its store, and a server that holds the same."""
    require_arcgis()
    folder = tmp_path_factory.mktemp("office")
    before = sync_city.parcels(14)
    with rehearsed_city.rehearsed(folder, before) as (server, city, target):
        store_city.load(city, {"source_document": store_city.source(), "parcel": before})
        after = folder / "after.gpkg"
        write_geopackage(after, {"parcel": sync_city.edited(before)}, schema=schema())
        yield server, city, target, folder, after


@pytest.fixture
def desk(office, monkeypatch, tmp_path):
    """The office in the morning: both sides the same, no base, no runs."""
    server, _city, _target, folder, after = office
    server.faults([])
    server.settings(max_record_count=2000)
    server.reset()
    subprocess.run(["rm", "-rf", str(folder / "sync" / ".state")], check=True)
    monkeypatch.setenv("CITYGIS_USER", server.user)
    monkeypatch.setenv("CITYGIS_PASSWORD", server.password)
    return server, folder, after, tmp_path


def run(*arguments, code=0):
    result = RUNNER.invoke(main, ["sync", *map(str, arguments)])
    assert result.exit_code == code, (result.exit_code, result.output, result.stderr, result.exception)
    return result


def told(*arguments, code=0):
    return json.loads(run(*arguments, "--json", "--quiet", code=code).stdout)


def planned(desk, **options):
    """A base, and a saved plan of the day's edits."""
    _server, folder, after, tmp_path = desk
    run("verify", "parcels", "--city", folder)
    made = told("plan", "parcels", "--city", folder, "--from", after, "--out", tmp_path / "plan.json", **options)
    return tmp_path / "plan.json", made


def test_a_day_plan_look_apply_verify_revert(desk):
    server, folder, after, tmp_path = desk
    path, made = planned(desk)
    assert [len(made[name]) for name in ("adds", "updates", "deletes", "conflicts", "stops")] == [4, 5, 3, 0, 0]
    assert not made["is_empty"] and made["plan"] == str(path)
    before = rehearsed_city.content(server)
    looked = run("apply", path, "--city", folder)
    for title, edits in (("Adds", made["adds"]), ("Deletes", made["deletes"]), ("Updates", made["updates"])):
        assert title in looked.stdout
        assert all(made["known_by"][each["global_id"]] in looked.stdout for each in edits)
    assert {made["known_by"][each["global_id"]] for each in made["adds"]} == {each["attributes"]["APN"] for each in made["adds"]}
    assert "Nothing was sent. To send it: --apply" in looked.stdout and rehearsed_city.content(server) == before
    sent = told("apply", path, "--city", folder, "--from", after, "--apply")
    assert sent["is_clean"] and len(sent["done"]) == 12
    assert rehearsed_city.content(server) == rehearsed_city.meant(sync_city.edited(sync_city.parcels(14)))
    assert told("verify", "parcels", "--city", folder, "--from", after)["is_clean"]
    assert [each["state"] for each in json.loads(run("runs", "parcels", "--city", folder, "--json").stdout)] == ["clean"]
    back = tmp_path / "back.json"
    shown = run("revert", sent["run_id"], "--target", "parcels", "--city", folder, "--out", back)
    assert "deletes the 4 features that run" in shown.stdout
    run("apply", back, "--city", folder, "--from", after, "--apply")
    assert rehearsed_city.content(server) == before


def test_equal_sides_say_so_with_exit_code_0(desk):
    _server, folder, _after, _tmp_path = desk
    assert "Nothing to send" in run("plan", "parcels", "--city", folder).stdout


def test_conflicts_are_told_with_exit_code_1_and_can_be_pulled_for_review(desk):
    server, folder, after, tmp_path = desk
    run("verify", "parcels", "--city", folder)
    first = server.features("Parcels")[9]["attributes"]
    server.edit("Parcels", updates=[{"attributes": {"GlobalID": first["GlobalID"], "SITUS": "9 THIRD PARTY LN"}}])
    made = told("plan", "parcels", "--city", folder, "--from", after, "--out", tmp_path / "plan.json", code=1)
    assert [each["kind"] for each in made["conflicts"]] == ["remote_edited"]
    edits = tmp_path / "edits.gpkg"
    assert told("pull", "parcels", "--edits", "--out", edits, "--city", folder)["counts"]["remote_edited"] == 1
    frame = read_geopackage(edits, "parcel")
    assert len(frame) == 14 and list(frame.loc[frame["situs_text"] == "9 THIRD PARTY LN", "apn"]) == [first["APN"]]
    compared = RUNNER.invoke(main, ["diff", str(edits), "--city", str(folder), "--json"])
    values = json.loads(compared.stdout)["values"]
    assert len(values) == 1 and {"situs_text", "9 THIRD PARTY LN"} <= set(map(str, values[0].values())), compared.output


def test_an_empty_source_is_stopped_and_the_plan_cannot_be_applied(desk):
    server, folder, _after, tmp_path = desk
    run("verify", "parcels", "--city", folder)
    empty = tmp_path / "empty.gpkg"
    write_geopackage(empty, {"parcel": sync_city.parcels(14).iloc[:0]}, schema=schema())
    made = told(
        "plan", "parcels", "--city", folder, "--from", empty, "--out", tmp_path / "plan.json", "--allow-deletes", 14, code=1
    )
    assert "Y16" in {each["code"] for each in made["stops"]}
    before = rehearsed_city.content(server)
    refused = run("apply", tmp_path / "plan.json", "--city", folder, "--from", empty, "--apply", code=3)
    assert "Y16" in refused.stderr and rehearsed_city.content(server) == before


def test_an_edit_between_plan_and_apply_is_skipped_with_exit_code_1(desk):
    server, folder, after, _tmp_path = desk
    path, made = planned(desk)
    key = made["updates"][0]["global_id"]
    server.edit("Parcels", updates=[{"attributes": {"GlobalID": "{" + key.upper() + "}", "ROLL_YEAR": 1999}}])
    sent = told("apply", path, "--city", folder, "--from", after, "--apply", code=1)
    assert [each["global_id"] for each in sent["conflicts_found"]] == [key] and len(sent["done"]) == 11


def test_a_damaged_plan_an_unknown_target_and_an_existing_file_are_refused(desk):
    _server, folder, _after, _tmp_path = desk
    path, _made = planned(desk)
    run("plan", "parcels", "--city", folder, "--out", path, code=3)
    path.write_text(path.read_text().replace("SECOND ST", "OTHER ST"))
    assert "this plan was changed after it was made" in run("apply", path, "--city", folder, "--apply", code=3).stderr
    assert "There is no target 'roads'" in run("plan", "roads", "--city", folder, code=3).stderr
    run("plan", "parcels", "--city", folder, "--on-conflict", "theirs", code=2)


def test_linking_is_looked_at_first_and_publishing_too(desk):
    _server, folder, _after, _tmp_path = desk
    found = told("link", "parcels", "--city", folder)
    assert found["counts"]["same"] == 14 and not found["is_written"]
    assert "has a layer already" in run("publish", "parcels", "--city", folder, code=3).stderr


def test_after_a_link_up_the_next_step_is_told(desk):
    _server, folder, _after, _tmp_path = desk
    assert f"Next: citygis sync plan parcels --city {folder}" in run("link", "parcels", "--city", folder, "--apply").stdout


def test_a_target_is_drafted_behind_a_login_and_a_certificate_of_its_own(desk, monkeypatch):
    server, folder, _after, _tmp_path = desk
    for name in ("CITYGIS_USER", "CITYGIS_PASSWORD"):
        monkeypatch.delenv(name)
    url, certificate = server.layer_url("Parcels"), server.certificate
    draft = ("link", "drafted", "--url", url, "--layer", "parcel", "--city", folder)
    path = folder / "sync" / "drafted.toml"
    login = ("--portal", server.portal, "--credentials", "county", "--certificate", certificate)
    assert "--certificate" in run(*draft, code=3).stderr
    run(*draft, "--certificate", certificate, code=3)  # this layer wants a login
    assert "CITYGIS_COUNTY_USER" in run(*draft, *login, code=3).stderr
    assert "--portal" in run(*draft, "--credentials", "county", code=2).stderr
    monkeypatch.setenv("CITYGIS_COUNTY_USER", server.user)
    monkeypatch.setenv("CITYGIS_COUNTY_PASSWORD", server.password)
    try:
        assert server.password not in run(*draft, *login).output
        assert tomllib.loads(path.read_text())["credentials"] == "county"
        assert told("link", "drafted", "--city", folder)["counts"]["same"] == 14
    finally:
        path.unlink(missing_ok=True)


def test_a_new_layer_is_published_and_filled(desk):
    _server, folder, _after, tmp_path = desk
    path = folder / "sync" / "fresh.toml"
    text = (folder / "sync" / "parcels.toml").read_text()
    path.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("url")))
    try:
        assert "Nothing was made" in run("publish", "fresh", "--city", folder).stdout
        made = told("publish", "fresh", "--city", folder, "--apply")
        assert made["access"] == "private" and made["url"].endswith("/FeatureServer/0")
        path.write_text(f'url = "{made["url"]}"\n' + path.read_text())
        plan = told("plan", "fresh", "--city", folder, "--out", tmp_path / "fresh.json")
        assert len(plan["adds"]) == 14 and plan["stops"] == []
        assert told("apply", tmp_path / "fresh.json", "--city", folder, "--apply")["is_clean"]
        assert told("plan", "fresh", "--city", folder)["is_empty"]
    finally:
        path.unlink()


def test_a_whole_layer_is_pulled_with_where_it_came_from(desk):
    _server, folder, _after, tmp_path = desk
    pulled = told("pull", "parcels", "--city", folder, "--out", tmp_path / "pulled.gpkg", "--where", "ROLL_YEAR = 2026")
    frame = read_geopackage(tmp_path / "pulled.gpkg", pulled["layer"])
    document = read_geopackage(tmp_path / "pulled.gpkg", "source_document")
    assert pulled["features"] == len(frame) == 14 and set(frame["source_id"]) == set(document["doc_id"])


def test_a_url_is_pulled_with_the_certificate_of_its_own_authority(desk, monkeypatch):
    server, folder, _after, tmp_path = desk
    url, out = server.layer_url("Parcels"), tmp_path / "pulled.gpkg"
    monkeypatch.setenv("CITYGIS_TOKEN", server.token())
    monkeypatch.setenv("CITYGIS_TOKEN_HOST", url.split("/")[2])
    assert "--certificate" in run("pull", url, "--out", out, code=3).stderr and not out.exists()
    pulled = told("pull", url, "--certificate", server.certificate, "--out", out)
    assert pulled["features"] == 14 and pulled["url"] == url and pulled["measures_left_out"] is False
    run("pull", url, "--certificate", tmp_path / "none.pem", "--out", tmp_path / "other.gpkg", code=2)
    run("pull", "parcels", "--city", folder, "--certificate", server.certificate, "--out", tmp_path / "other.gpkg", code=2)


def test_known_secrets_are_in_no_output_of_a_run_at_debug(desk, caplog, capfd, monkeypatch):
    server, folder, after, tmp_path = desk
    outputs = []
    with caplog.at_level(logging.DEBUG):
        server.faults([{"on": "applyEdits", "kind": "498", "nth": [1]}, {"on": "query", "kind": "error-500", "nth": [2]}])
        for arguments in (
            ("verify", "parcels"),
            ("plan", "parcels", "--from", after, "--out", tmp_path / "plan.json", "--report", tmp_path / "plan.html"),
            ("apply", tmp_path / "plan.json", "--from", after, "--apply"),
            ("runs", "parcels"),
        ):
            result = RUNNER.invoke(main, ["sync", *map(str, arguments), "--city", str(folder)])
            outputs += [result.stdout, result.stderr, repr(result.exception)]
        token = server.token()
        for secrets, code in (
            ({"CITYGIS_PASSWORD": "a-wrong-password-4711"}, 3),
            ({"CITYGIS_USER": "", "CITYGIS_PASSWORD": "", "CITYGIS_TOKEN": token}, 0),
            ({"CITYGIS_USER": "", "CITYGIS_PASSWORD": "", "CITYGIS_TOKEN": "a-wrong-token-0815"}, 3),
        ):
            for name, value in secrets.items():
                monkeypatch.setenv(name, value)
            result = RUNNER.invoke(main, ["sync", "verify", "parcels", "--city", str(folder), "--from", str(after)])
            outputs += [result.stdout, result.stderr, repr(result.exception)]
            assert result.exit_code == code, result.output
    outputs += [caplog.text, *capfd.readouterr()]
    outputs += [path.read_text(errors="replace") for path in (*tmp_path.rglob("*"), *folder.rglob(".state/**/*")) if path.is_file()]
    whole = "\n".join(outputs)
    assert len(whole) > 10_000 and "applyEdits" in whole
    assert not [each for each in (server.password, token, "a-wrong-password-4711", "a-wrong-token-0815") if each in whole]
    assert not any(each.get("token_in_url") for each in server.trace())


def test_ctrl_c_ends_after_the_batch_in_flight_with_exit_code_130(desk):
    server, folder, after, tmp_path = desk
    path, _made = planned(desk)
    server.faults([{"on": "applyEdits", "kind": "slow", "when": "after", "seconds": 2.0, "nth": [2]}])
    server.clear_trace()
    process = subprocess.Popen(
        [sys.executable, "-m", "citygis.cli", "sync", "apply", str(path), "--city", str(folder), "--from", str(after), "--apply"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    journals = folder / "sync" / ".state" / "parcels" / "runs"
    for _ in range(600):
        if journals.exists() and any(text.read_text().count('"event": "sent"') == 2 for text in journals.glob("*.jsonl")):
            break
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "after the batch in flight" in err and "interrupted" in out
    server.faults([])
    made = told("plan", "parcels", "--city", folder, "--from", after, "--out", tmp_path / "rest.json")
    assert len(made["deletes"]) == 3 and len(made["adds"]) + len(made["updates"]) <= 1
    assert told("apply", tmp_path / "rest.json", "--city", folder, "--from", after, "--apply")["is_clean"]


def test_without_the_extra_the_one_line_that_installs_it_is_told(desk, monkeypatch):
    _server, folder, _after, _tmp_path = desk
    for name in [name for name in sys.modules if name.split(".")[0] == "arcgis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "arcgis", None)
    monkeypatch.setitem(sys.modules, "arcgis.gis", None)
    for arguments in (("plan", "parcels"), ("verify", "parcels")):
        assert "pip install 'citygis[arcgis]'" in run(*arguments, "--city", folder, code=3).stderr


def test_help_imports_no_arcgis():
    code = "import sys; from click.testing import CliRunner; from citygis.cli import main\n"
    code += "for name in ('plan', 'apply', 'pull', 'link'):\n"
    code += "    assert 'Example:' in CliRunner().invoke(main, ['sync', name, '--help']).output\n"
    code += "assert not {'arcgis', 'pandas', 'geopandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_nightly_script_sends_what_is_sound_and_tells_the_rest(desk):
    server, folder, _after, _tmp_path = desk
    run("verify", "parcels", "--city", folder)
    row = server.features("Parcels")[3]["attributes"]
    server.edit("Parcels", deletes=[row["GlobalID"]])
    script = str(ROOT / "scripts" / "nightly_sync.py")
    night = subprocess.run([sys.executable, script, str(folder), "--send"], capture_output=True, text=True, timeout=120)
    assert night.returncode == 1 and "1 conflicts" in night.stdout and "1 left to a person" in night.stdout, night
    assert server.password not in night.stdout + night.stderr
    assert len(list((folder / "sync" / ".state" / "parcels" / "plans").glob("*.html"))) == 1
