"""Settings files: an error names the file, the key and what was probably meant."""

import pytest

from citygis.errors import SettingsError
from citygis.settings import Settings, load, read_toml


class Pen(Settings):
    width_pt: float
    color: str = "#000000"


class Style(Settings):
    layer: str
    pens: tuple[Pen, ...] = ()


def write(tmp_path, text):
    path = tmp_path / "style.toml"
    path.write_text(text)
    return path


def test_a_good_file_is_read(tmp_path):
    style = load(write(tmp_path, 'layer = "parcel"\n[[pens]]\nwidth_pt = 0.5\n'), Style)
    assert style == Style(layer="parcel", pens=(Pen(width_pt=0.5),))


def test_an_unknown_key_gets_the_one_that_was_probably_meant(tmp_path):
    path = write(tmp_path, 'layer = "parcel"\n[[pens]]\nwidth_pt = 1\ncolour = "#fff"\n')
    with pytest.raises(SettingsError, match=r"style\.toml: unknown key `pens\.0\.colour`; did you mean `color`\?"):
        load(path, Style)


def test_an_unknown_key_like_no_other_gets_those_that_there_are(tmp_path):
    with pytest.raises(SettingsError, match=r"unknown key `ZONE`; there are: layer, pens"):
        load(write(tmp_path, 'layer = "parcel"\nZONE = 1\n'), Style)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(SettingsError, match="key `layer` is missing"):
        load(write(tmp_path, ""), Style)


def test_every_problem_is_told_at_once(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, '[[pens]]\nwidth_pt = "thick"\n'), Style)
    assert str(caught.value).count("style.toml") == 2


def test_text_that_is_not_toml_is_told_with_its_line(tmp_path):
    with pytest.raises(SettingsError, match="line 2"):
        load(write(tmp_path, 'layer = "parcel"\nthis is no TOML\n'), Style)


def test_a_missing_file_a_folder_and_bytes_are_one_clear_error_each(tmp_path):
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, word in ((tmp_path / "none.toml", "not there"), (tmp_path, "folder"), (binary, "UTF-8")):
        with pytest.raises(SettingsError, match=word):
            read_toml(path)


def test_settings_do_not_change():
    with pytest.raises(Exception, match="frozen"):
        Pen(width_pt=1).width_pt = 2


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_refused(tmp_path, number):
    with pytest.raises(SettingsError, match=r"pens\.0\.width_pt"):
        load(write(tmp_path, f'layer = "parcel"\n[[pens]]\nwidth_pt = {number}\n'), Style)
