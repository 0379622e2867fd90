"""What registrations may say, as text."""

import pytest

from local.simulators.dataverse.webhook_rules import attributes_of, settings_of


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ('<settings><setting name="x-key" value="v"/></settings>', {"x-key": "v"}),
        (
            '<settings>\n <setting name="a" value="1" /><setting name="b" value=""/> </settings>',
            {"a": "1", "b": ""},
        ),
        ('<settings><setting name="a" value="&lt;&quot;&amp;"/></settings>', {"a": '<"&'}),
        ("<settings></settings>", None),
        ('<settings>text<setting name="a" value="1"/></settings>', None),
        ('<settings><setting name="a"/></settings>', None),
        ("key", None),
        (None, None),
    ],
)
def test_settings_are_names_and_values_in_xml(text, settings):
    assert settings_of(text) == settings


@pytest.mark.parametrize(
    ("text", "names"),
    [(None, ()), ("", ()), ("name", ("name",)), ("name, telephone1,", ("name", "telephone1"))],
)
def test_filtering_attributes_are_a_list_with_commas(text, names):
    assert attributes_of({"filteringattributes": text}) == names
