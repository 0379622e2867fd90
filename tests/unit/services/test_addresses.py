from __future__ import annotations

import pytest

from errors import RefusedRequestError
from services.addresses import check_address, same_origin

PUBLIC = ("api.businesscentral.dynamics.com", "*.dynamics.com")
LOCAL = ("127.0.0.1", "localhost", "::1")


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("https://contoso.crm.dynamics.com", "https://contoso.crm.dynamics.com"),
        ("https://contoso.crm4.dynamics.com/", "https://contoso.crm4.dynamics.com"),
        ("https://Contoso.CRM.Dynamics.COM:443", "https://contoso.crm.dynamics.com"),
        (
            "https://api.businesscentral.dynamics.com/v2.0/contoso.com/Production/",
            "https://api.businesscentral.dynamics.com/v2.0/contoso.com/Production",
        ),
    ],
)
def test_public_services_are_allowed_and_normalised(address, normal):
    assert check_address(address, PUBLIC) == normal


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1:7092", "https://localhost:7093/v2.0/t/e", "https://[::1]:8443"],
)
def test_listed_local_hosts_may_use_any_port(address):
    assert check_address(address, LOCAL) == address


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("http://contoso.crm.dynamics.com", "https://"),
        ("ftp://contoso.crm.dynamics.com", "https://"),
        ("contoso.crm.dynamics.com", "https://"),
        ("//contoso.crm.dynamics.com", "https://"),
        ("", "https://"),
        ("https://", "plain host name"),
        ("https:///path", "plain host name"),
        ("https://user@contoso.crm.dynamics.com", "user name"),
        ("https://user:word@contoso.crm.dynamics.com", "user name"),
        ("https://contoso.crm.dynamics.com@evil.example", "user name"),
        ("https://contoso.crm.dynamics.com?x=1", "query"),
        ("https://contoso.crm.dynamics.com#f", "fragment"),
        ("https://contoso.crm.dynamics.com/?", "query"),
        ("https://evil.example", "evil.example is not on the list"),
        ("https://evil.example?.dynamics.com", "query"),
        ("https://evil.example\\.dynamics.com", "backslashes"),
        ("https://evil.example/.dynamics.com/", "not on the list"),
        ("https://evildynamics.com", "not on the list"),
        ("https://dynamics.com", "not on the list"),
        ("https://.dynamics.com", "plain host name"),
        ("https://dynamics.com.evil.example", "not on the list"),
        ("https://contoso.crm.dynamics.com.", "plain host name"),
        ("https://contoso..dynamics.com", "plain host name"),
        ("https://-contoso.dynamics.com", "plain host name"),
        ("https://con_toso.dynamics.com", "plain host name"),
        ("https://con%74oso.dynamics.com", "plain host name"),
        ("https://contoso.crm.dynamics.com:8443", "port 8443"),
        ("https://contoso.crm.dynamics.com:0", "port"),
        ("https://contoso.crm.dynamics.com:99999", "port"),
        ("https://contoso.crm.dynamics.com:4x", "port"),
        ("https://contoso.crm.dynamics.com /x", "blanks"),
        (" https://contoso.crm.dynamics.com", "blanks"),
        ("https://contoso.crm\n.dynamics.com", "control"),
        ("https://contoso.crm\t.dynamics.com", "control"),
        ("https://contoso.crm.dynamics.com/a/../b", "path"),
        ("https://contoso.crm.dynamics.com/a/%2e%2e/b", "path"),
        ("https://contoso.crm.dynamics.com/a%2Fb", "path"),
        ("https://contoso.crm.dynamics.com//a", "path"),
        ("https://contoso.crm.dynamics.com/" + "a" * 600, "longer"),
        ("https://127.0.0.1", "IP address"),
        ("https://169.254.169.254/metadata", "IP address"),
        ("https://10.0.0.1", "IP address"),
        ("https://8.8.8.8", "IP address"),
        ("https://2130706433", "IP address"),
        ("https://0x7f000001", "IP address"),
        ("https://0177.0.0.1", "IP address"),
        ("https://127.1", "IP address"),
        ("https://[::1]", "IP address"),
        ("https://[::ffff:127.0.0.1]", "IP address"),
        ("https://[fe80::1%25eth0]", "not on the list|not a valid IP|well-formed"),
        ("https://[::1", "well-formed"),
        ("https://[v1.a:b]", "not a valid IP"),
        ("https://\u00fc" + "x" * 70 + ".example", "international name"),
        ("https://localhost", "not on the list"),
        ("https://\uff45vil.example", "evil.example is not on the list"),
        ("https://evil\u3002example", "evil.example is not on the list"),
        ("https://evil\uff0f.dynamics.com", "well-formed"),
        # labels
        ("https://evil-dynamics.com", "not on the list"),
        ("https://crm.dynamics.com.evil.com", "not on the list"),
        ("https://contoso.crm.dynamics.com-evil.com", "not on the list"),
        ("https://contoso.crm.dynamics.co", "not on the list"),
        ("https://contoso.crm.dynamics.comm", "not on the list"),
        ("https://contoso.crm.dynamics.com..", "plain host name"),
        ("https://*.dynamics.com", "plain host name"),
        ("https://contoso.crm.dynamics.com;evil.example", "plain host name"),
        ("https://contoso.crm.dynamics.com,evil.example", "plain host name"),
        ("https://contoso.crm.dynamics.com&evil.example", "plain host name"),
        ("https://" + "a" * 64 + ".dynamics.com", "plain host name"),
        # letters that look alike, and letters that nobody sees
        ("https://contoso.crm.dyn\u0430mics.com", r"xn--.* is not on the list"),
        ("https://contoso.crm.dynamics.c\u043em", r"xn--.* is not on the list"),
        ("https://contoso.crm.dynamics.\u0441om", r"xn--.* is not on the list"),
        ("https://xn--dynmics-2fg.com", "not on the list"),
        ("https://dynamics\u2024com", "not on the list"),
        ("https://\u202emoc.scimanyd", "international name"),
        # percent signs
        ("https://contoso.crm.dynamics.com%2eevil.example", "plain host name"),
        ("https://contoso.crm.dynamics.com%00.evil.example", "plain host name"),
        ("https://contoso.crm.dynamics.com%40evil.example", "plain host name"),
        ("https://contoso.crm.dynamics.com/%0d%0aHost:evil.example", "path"),
        ("https://contoso.crm.dynamics.com/%2e%2e%2fadmin", "path"),
        ("https://contoso.crm.dynamics.com/%5c..%5cadmin", "path"),
        # addresses of machines, in every notation
        ("https://0", "IP address"),
        ("https://0.0.0.0", "IP address"),
        ("https://0xa9fea9fe", "IP address"),
        ("https://0xA9.0xFE.0xA9.0xFE", "IP address"),
        ("https://0251.0376.0251.0376", "IP address"),
        ("https://2852039166", "IP address"),
        ("https://169.16689662", "IP address"),
        ("https://169.254.43518", "IP address"),
        ("https://192.168.0.1:8443", "IP address"),
        ("https://\uff11\uff12\uff17.0.0.1", "IP address"),
        ("https://[::ffff:169.254.169.254]", "IP address"),
        ("https://[::ffff:a9fe:a9fe]", "IP address"),
        ("https://[64:ff9b::a9fe:a9fe]", "IP address"),
        ("https://[fd00:ec2::254]", "IP address"),
        ("https://[0:0:0:0:0:0:0:1]", "IP address"),
        ("https://[::]", "IP address"),
        ("https://[contoso.crm.dynamics.com]", "well-formed|not a valid IP"),
        # names of machines inside
        ("https://metadata.google.internal", "not on the list"),
        ("https://metadata.azure.internal", "not on the list"),
        ("https://169.254.169.254.nip.io", "not on the list"),
        ("https://localhost.localdomain", "not on the list"),
        ("https://kubernetes.default.svc", "not on the list"),
        # other schemes, and schemes within schemes
        ("file:///etc/passwd", "https://"),
        ("gopher://contoso.crm.dynamics.com", "https://"),
        ("javascript:alert(1)", "https://"),
        ("data:text/html,x", "https://"),
        ("jar:https://contoso.crm.dynamics.com!/x", "https://"),
        ("view-source:https://contoso.crm.dynamics.com", "https://"),
        ("https+unix://contoso.crm.dynamics.com", "https://"),
        ("https:contoso.crm.dynamics.com", "plain host name"),
        ("https:/contoso.crm.dynamics.com", "plain host name"),
        ("https:///contoso.crm.dynamics.com", "plain host name"),
        ("https://https://contoso.crm.dynamics.com", "port|not on the list|path"),
        # ports
        ("https://contoso.crm.dynamics.com:80", "port 80"),
        ("https://contoso.crm.dynamics.com:443:80", "port|host"),
        ("https://contoso.crm.dynamics.com:-443", "port"),
        ("https://contoso.crm.dynamics.com:+443", "port"),
        ("https://contoso.crm.dynamics.com:\uff14\uff14\uff13", "port|well-formed"),
        ("https://contoso.crm.dynamics.com:65979", "port"),  # 443 and 65536
        # what is before or behind the host
        ("https://@contoso.crm.dynamics.com", "user name"),
        ("https://evil.example#@contoso.crm.dynamics.com", "user name|fragment"),
        ("https://evil.example?@contoso.crm.dynamics.com", "query|user name"),
        ("https://contoso.crm.dynamics.com\\@evil.example", "backslashes"),
        ("https:\\\\contoso.crm.dynamics.com", "backslashes"),
        ("https://contoso.crm.dynamics.com\r\nHost: evil.example", "control"),
        ("https://contoso.crm.dynamics.com\x00.evil.example", "control"),
        ("\thttps://contoso.crm.dynamics.com", "control"),
        ("https://contoso.crm.dynamics.com/;x=1", "path"),
        ("https://contoso.crm.dynamics.com/a/./b", "path"),
        ("https://contoso.crm.dynamics.com/a//b", "path"),
    ],
)
def test_everything_else_is_refused_and_says_why(address, rule):
    with pytest.raises(RefusedRequestError, match=rule) as raised:
        check_address(address, PUBLIC)
    assert (raised.value.status, raised.value.code) == (422, "address-not-allowed")


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.2:7092", "https://127.1:7092", "https://[::2]:1", "https://x.localhost:1"],
)
def test_a_listed_ip_address_admits_that_address_only(address):
    with pytest.raises(RefusedRequestError):
        check_address(address, LOCAL)


def test_a_suffix_never_admits_an_ip_address():
    with pytest.raises(RefusedRequestError):
        check_address("https://10.0.0.1", ("*.0.0.1",))


def test_a_listed_public_ip_address_is_held_to_its_port():
    assert check_address("https://8.8.8.8", ("8.8.8.8",)) == "https://8.8.8.8"
    with pytest.raises(RefusedRequestError, match="port"):
        check_address("https://8.8.8.8:8443", ("8.8.8.8",))


@pytest.mark.parametrize(
    ("entry", "address", "admitted"),
    [
        ("bc.contoso.example:7048", "https://bc.contoso.example:7048/BC", True),
        ("bc.contoso.example:7048", "https://bc.contoso.example", False),
        ("bc.contoso.example:7048", "https://bc.contoso.example:7049", False),
        ("bc.contoso.example:7048", "https://x.bc.contoso.example:7048", False),
        ("*.contoso.example:7048", "https://bc.contoso.example:7048", True),
        ("*.contoso.example:7048", "https://evil-contoso.example:7048", False),
        ("bc.contoso.example:443", "https://bc.contoso.example", True),
        ("10.0.0.1:7048", "https://10.0.0.1:7048", True),
        ("10.0.0.1:7048", "https://10.0.0.1", False),
        ("[::1]:7048", "https://[::1]:7048", True),
        ("[::1]:7048", "https://[::1]:7049", False),
        ("[fe80::1]", "https://[fe80::1]:7049", True),
        ("fe80::1:7048", "https://[fe80::1:7048]:9", True),
    ],
)
def test_an_entry_with_a_port_admits_that_port_only(entry, address, admitted):
    if admitted:
        assert check_address(address, (entry,)) == address
    else:
        with pytest.raises(RefusedRequestError):
            check_address(address, (entry,))


def test_a_host_that_is_listed_with_and_without_a_port_has_both():
    allowed = ("bc.contoso.example", "bc.contoso.example:7048")
    for address in ("https://bc.contoso.example", "https://bc.contoso.example:7048"):
        assert check_address(address, allowed) == address


def test_international_names_are_compared_in_their_ascii_form():
    assert check_address("https://münchen.example", ("xn--mnchen-3ya.example",)) == (
        "https://xn--mnchen-3ya.example"
    )


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://a.example/other?$skiptoken=x y", True),
        ("https://A.example:443/", True),
        ("https://a.example:444/", False),
        ("https://b.example/", False),
        ("http://a.example/", False),
        ("https://a.example@b.example/", False),
        ("https://a.example.b.example/", False),
        ("https://b.example\\@a.example/", False),
        ("//b.example/", False),
        ("nonsense", False),
    ],
)
def test_same_origin_compares_scheme_host_and_port(url, same):
    assert same_origin("https://a.example/base", url) is same
